# SPDX-License-Identifier: MIT
"""A program that is measured, and what it needs."""

import os
from dataclasses import dataclass, field, replace

GUEST_FOLDER = "/root/workload"


class WorkloadError(Exception):
    """What was asked for cannot be run; the text says what to do."""


@dataclass(frozen=True)
class Workload:
    """A command, with what a machine must have for it."""

    name: str  # suite/itemsets, parsec3/freqmine, splash2x/fft, services/redis
    command: tuple  # "{report}" in it stands for the file for the program's own report
    environment: dict = field(default_factory=dict)
    folder: str | None = None
    reports: bool = False
    process: str | None = None  # the command name, below the started process, of what is measured; None: that process
    packages: tuple = ()
    files: tuple = ()  # HOST:GUEST
    seconds: float = 60  # about how long it runs


def in_guest(workload):
    """The same in a virtual machine, where its files lie in a folder of their own.

    At their old places they would be hidden where the machine mounts something, as it does at /tmp.
    """
    pairs = [each.partition(":")[::2] for each in workload.files]
    hosts = [host for host, guest in pairs if guest == host]
    if not hosts:
        return workload
    words = (*workload.command, *workload.environment.values(), *filter(None, [workload.folder]))
    above = [word for word in words if word.startswith("/") and any(host.startswith(f"{word}/") for host in hosts)]
    base = os.path.commonpath([*map(os.path.dirname, hosts), *above])

    def moved(word):
        """The place there of what is one of the files, in one, or above one."""
        related = word in above or any(f"{word}/".startswith(f"{host}/") for host in hosts)
        return os.path.normpath(os.path.join(GUEST_FOLDER, os.path.relpath(word, base))) if related else word

    return replace(
        workload, command=tuple(map(moved, workload.command)),
        environment={name: moved(value) for name, value in workload.environment.items()},
        folder=workload.folder and moved(workload.folder),
        files=tuple(f"{host}:{moved(guest)}" for host, guest in pairs))


def named(names, known):
    """Those of KNOWN that NAMES mean, in the order of NAMES; all of them where there are no NAMES."""
    found = []
    for name in names:
        meant = [each for each in known if name in (each, each.partition("/")[2])]
        if not meant:
            raise WorkloadError(f"there is no workload '{name}'; choose of: {', '.join(known)}")
        if len(meant) > 1:
            raise WorkloadError(f"'{name}' may be {' or '.join(meant)}: give the whole name")
        found += [each for each in meant if each not in found]
    return found if names else list(known)
