# SPDX-License-Identifier: MIT
"""Every workload there is, by its name: of the built-in suite, of the services, and of a PARSEC tree."""

from pathlib import Path

from . import builtin_suite
from .workload import Workload, WorkloadError  # pylint: disable=unused-import

SUITES = ("suite", "services", "parsec")


def workloads(suite, size, names=(), parsec_dir=None, build_dir=Path("build"), seconds=None):
    """The workloads of SUITE with those NAMES, full or without what stands before '/'; all of it where there are none."""
    if suite == "suite":
        known = builtin_suite.names()
        return [builtin_suite.workload(name, size, build_dir, seconds) for name in chosen(names, known)]
    raise WorkloadError(f"there is no suite '{suite}'; choose of: {', '.join(SUITES)}")


def chosen(names, known):
    """Those of KNOWN that NAMES mean, in the order of NAMES."""
    found = []
    for name in names:
        meant = [each for each in known if name in (each, each.partition("/")[2])]
        if not meant:
            raise WorkloadError(f"there is no workload '{name}'; choose of: {', '.join(known)}")
        if len(meant) > 1:
            raise WorkloadError(f"'{name}' may be {' or '.join(meant)}: give the whole name")
        found += [each for each in meant if each not in found]
    return found if names else list(known)
