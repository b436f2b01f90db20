# SPDX-License-Identifier: MIT
"""What a run finds on the machine: set before it, and put back after it."""

import contextlib
import os
import re
import sys
import time
from dataclasses import dataclass, field

from .machine import MachineError

THP = "/sys/kernel/mm/transparent_hugepage"
KHUGEPAGED = ("defrag", "pages_to_scan", "scan_sleep_millisecs", "alloc_sleep_millisecs")
ZRAM_CONTROL = "/sys/class/zram-control"
PREFER = ("-p", "100")  # above the priorities that a machine gives by itself, which are negative
MODULE = "damon_schemes"
# Free pages on the processors' own lists do not count as free: on a small machine some 30 MiB, more or less by chance.
# A fraction as small as this leaves each list its least, four batches.
PAGE_LISTS = "/proc/sys/vm/percpu_pagelist_high_fraction"
SHORT = "1000000"
BUSY_SECONDS = 10


def bytes_of(text):
    """The bytes of a size such as 512M."""
    match = re.fullmatch(r"(\d+)([KMG])(?:i?B)?", str(text), re.I)
    if not match:
        raise ValueError(f"'{text}' is no size such as 512M")
    return int(match[1]) << {"K": 10, "M": 20, "G": 30}[match[2].upper()]


def selected(text):
    """The word in brackets of a setting such as 'always [madvise] never'; where there are none, the first."""
    match = re.search(r"\[(\S+)\]", text or "") or re.match(r"\s*(\S+)", text or "")
    return match[1] if match else None


@dataclass(frozen=True)
class Conditions:
    """What is asked for; None and False leave the machine as it is."""

    thp: str | None = None
    swap: str | None = None  # the size of a zram of the run's own
    drop_caches: bool = False
    module: bool | None = None  # whether our module is to be loaded
    short_page_lists: bool = False

    def changes(self, machine):
        """What of the machine's settings this would change, in words."""
        found = []
        now = selected(machine.read_if_there(f"{THP}/enabled"))
        if self.thp and now != self.thp:
            found.append(f"transparent huge pages: {now} becomes {self.thp}")
        if self.swap:
            found.append(f"swap: a zram of {self.swap} is added")
        if self.short_page_lists:
            found.append("the processors' own lists of free pages are kept short")
        if self.drop_caches:
            found.append("page cache, dentries and inodes are dropped")
        if self.module is not None and self.module != is_loaded(machine):
            found.append(f"the module {MODULE} is {'loaded' if self.module else 'unloaded'}")
        return found

    @contextlib.contextmanager
    def hold(self, machine):
        """Sets all of it; at the end, whatever happens, everything is as it was."""
        with contextlib.ExitStack() as stack:
            held = Held()
            if self.module is not None:
                stack.enter_context(_module(machine, self.module))
            if self.thp:
                stack.enter_context(_thp(machine, self.thp))
            if self.swap:
                held.zram = stack.enter_context(_zram_swap(machine, self.swap))
            if self.short_page_lists:
                stack.enter_context(_setting(machine, PAGE_LISTS, SHORT))
            if self.drop_caches:
                os.sync()  # only clean pages are dropped
                machine.write("/proc/sys/vm/drop_caches", "3")
            held.description = describe(machine, self)
            yield held


@dataclass
class Held:
    """Conditions that are set."""

    zram: str | None = None  # such as zram1
    description: dict = field(default_factory=dict)


def describe(machine, conditions):
    """What the machine says that it is set to, for the record."""
    others = swaps(machine)
    return {
        "thp": selected(machine.read_if_there(f"{THP}/enabled")),
        "thp_defrag": selected(machine.read_if_there(f"{THP}/defrag")),
        "khugepaged": {name: int(value) if value.isdigit() else value for name in KHUGEPAGED
                       if (value := machine.read_if_there(f"{THP}/khugepaged/{name}")) is not None},
        "swap": f"zram {conditions.swap}" if conditions.swap else ", ".join(others) or "none",
        "swaps": others,
        "dropped_caches": conditions.drop_caches,
        "percpu_pagelist_high_fraction": int(machine.read_if_there(PAGE_LISTS) or 0),
    }


def swaps(machine):
    """The devices and files that are swap now."""
    return [line.split()[0] for line in (machine.read_if_there("/proc/swaps") or "").splitlines()[1:]]


def is_loaded(machine):
    """Whether our module is."""
    return machine.path(f"/sys/module/{MODULE}").exists()


@contextlib.contextmanager
def _module(machine, wanted):
    """Our module loaded or not, which the kernel's own DAMON does not go together with."""
    was = is_loaded(machine)
    if was != wanted:
        machine.command("modprobe", *([] if wanted else ["-r"]), MODULE)
    try:
        yield
    finally:
        if was != wanted:
            machine.command("modprobe", *(["-r"] if wanted else []), MODULE)


@contextlib.contextmanager
def _thp(machine, wanted):
    """Another setting of transparent huge pages."""
    if not machine.path(f"{THP}/enabled").exists():
        raise MachineError("this kernel has no transparent huge pages")
    with _setting(machine, f"{THP}/enabled", wanted):
        yield


@contextlib.contextmanager
def _setting(machine, name, wanted):
    """Another value in a file of settings."""
    before = selected(machine.read_if_there(name))
    if before != wanted:
        machine.write(name, wanted)
    try:
        yield
    finally:
        if before != wanted:
            machine.write(name, before)


@contextlib.contextmanager
def _zram_swap(machine, size):
    """A zram device of our own as swap; its name."""
    with contextlib.ExitStack() as stack:
        if not machine.path(ZRAM_CONTROL).exists():
            machine.command("modprobe", "zram")
            stack.callback(_tell_failure, machine.command, "modprobe", "-r", "zram")
        # A read of this file makes a device.
        name = f"zram{machine.read(f'{ZRAM_CONTROL}/hot_add')}"
        stack.callback(machine.write, f"{ZRAM_CONTROL}/hot_remove", name.removeprefix("zram"))
        machine.write(f"/sys/block/{name}/disksize", bytes_of(size))
        stack.callback(_reset, machine, name)
        machine.command("mkswap", f"/dev/{name}")
        # Only beside others: busybox's swapon knows no priority.
        machine.command("swapon", *(PREFER if swaps(machine) else ()), f"/dev/{name}")
        stack.callback(machine.command, "swapoff", f"/dev/{name}")
        yield name


def _reset(machine, name):
    """Frees a zram, for which nobody may have it open: others look at a block device that changes."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return machine.write(f"/sys/block/{name}/reset", "1")
        except MachineError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _tell_failure(function, *arguments):
    """Calls; a failure is worth a word, and no reason to stop."""
    try:
        function(*arguments)
    except MachineError as error:
        print(f"agent: {error}", file=sys.stderr)
