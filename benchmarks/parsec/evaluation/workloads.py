# SPDX-License-Identifier: MIT
"""Every workload there is, by its name: of the built-in suite, of the services, and of a PARSEC tree."""

from pathlib import Path

from . import builtin_suite, parsec_tree, services
from .workload import Workload, WorkloadError, in_guest, named

__all__ = ["DEFAULT_SIZE", "Workload", "WorkloadError", "workloads"]

# The published figures are of PARSEC's native inputs.
DEFAULT_SIZE = {"suite": "medium", "services": "medium", "parsec": "native"}


def workloads(suite, size, names=(), parsec_dir=None, build_dir=Path("build"), seconds=None, guest=False):
    """The workloads of SUITE with those NAMES, full or without what stands before '/'; all of it where there are none.

    SECONDS is for how long each runs at least, where it can go on; what PARSEC does is fixed by its input. With GUEST
    they are for a virtual machine.
    """
    found = _of(suite, size, names, parsec_dir, build_dir, seconds)
    return [in_guest(each) for each in found] if guest else found


def _of(suite, size, names, parsec_dir, build_dir, seconds):
    if suite == "suite":
        return [builtin_suite.workload(name, size, build_dir, seconds) for name in named(names, builtin_suite.names())]
    if suite == "services":
        return [services.workload(name, size, seconds) for name in named(names, services.names())]
    if suite == "parsec":
        if parsec_dir is None:
            raise WorkloadError("the PARSEC programs need --parsec DIR, a PARSEC 3.0 tree that you built")
        return parsec_tree.workloads(parsec_dir, size, names)
    raise WorkloadError(f"there is no suite '{suite}'; choose of: {', '.join(DEFAULT_SIZE)}")
