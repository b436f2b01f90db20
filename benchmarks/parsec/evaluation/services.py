# SPDX-License-Identifier: MIT
"""The services: what keeps much and uses little of it, each driven through the same three phases."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from .workload import Workload, WorkloadError

FOLDER = Path(__file__).resolve().parents[1] / "services"
PYTHON = ("python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib")
# About how long a size takes where processors are emulated: (its hot phase, all else).
SECONDS = {"quick": (3, 5), "small": (12, 8), "medium": (60, 50), "native": (120, 250)}
MOST_HEAP_MIB = 4096


@dataclass(frozen=True)
class Service:
    """How a service is started."""

    command: tuple
    driver: str
    process: str | None = None
    packages: tuple = PYTHON
    files: tuple = ("service.py",)
    own_program: str | None = None  # taken along instead of the packages where this machine has it


SERVICES = {
    "services/redis": Service(("python3", "-B"), "redis", process="redis-server", packages=("redis-server", *PYTHON)),
    "services/sqlite3": Service(("python3", "-B"), "sqlite3"),
    # Often installed from elsewhere, where apt cannot get it once more.
    "services/node": Service(("node", f"--max-old-space-size={MOST_HEAP_MIB}"), "node.js", packages=("nodejs",), files=(),
                             own_program="node"),
    "services/python3": Service(("python3", "-B"), "python3"),
}


def names():
    """Every service's name as a workload."""
    return list(SERVICES)


def workload(name, size, seconds=None):
    """The service of that NAME; its hot phase takes SECONDS."""
    if size not in SECONDS:
        raise WorkloadError(f"the services have no size '{size}'; choose of: {', '.join(SECONDS)}")
    service = SERVICES[name]
    driver = FOLDER / service.driver
    command = [*service.command, str(driver), "--size", size, "--report", "{report}"]
    if seconds is not None:
        command += ["--seconds", f"{seconds:g}"]
    files = [f"{path}:{path}" for path in (driver, *(FOLDER / each for each in service.files))]
    packages = service.packages
    if own := service.own_program and shutil.which(service.own_program):
        files.append(f"{own}:/usr/local/bin/{service.own_program}")
        packages = ()
    hot, rest = SECONDS[size]
    return Workload(
        name=name, command=tuple(command), reports=True, process=service.process, packages=packages,
        files=tuple(files), seconds=(hot if seconds is None else seconds) + rest)
