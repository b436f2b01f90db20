# SPDX-License-Identifier: MIT
"""A program that is measured, and what it needs."""

from dataclasses import dataclass, field


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
