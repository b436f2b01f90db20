# SPDX-License-Identifier: MIT
"""The services: what keeps much and uses little of it, each driven through the same three phases."""

from dataclasses import dataclass
from pathlib import Path

from .workload import Workload, WorkloadError

FOLDER = Path(__file__).resolve().parents[1] / "services"
PYTHON = ("python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib")
# About how long a size takes where processors are emulated: (its hot phase, all else).
SECONDS = {"quick": (3, 7), "small": (12, 15), "medium": (60, 60), "native": (120, 300)}
MOST_HEAP_MIB = 4096


@dataclass(frozen=True)
class Service:
    """How a service is started."""

    command: tuple
    driver: str
    process: str | None = None
    packages: tuple = PYTHON
    files: tuple = ("service.py",)


SERVICES = {
    "services/redis": Service(("python3", "-B"), "redis", process="redis-server", packages=("redis-server", *PYTHON)),
    "services/sqlite3": Service(("python3", "-B"), "sqlite3"),
    "services/node": Service(("node", f"--max-old-space-size={MOST_HEAP_MIB}"), "node.js", packages=("nodejs",), files=()),
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
    hot, rest = SECONDS[size]
    return Workload(
        name=name, command=tuple(command), reports=True, process=service.process, packages=service.packages,
        files=tuple(f"{path}:{path}" for path in (driver, *(FOLDER / each for each in service.files))),
        seconds=(hot if seconds is None else seconds) + rest)
