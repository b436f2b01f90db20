# SPDX-License-Identifier: MIT
"""A machine made of files: what a test says that /proc and /sys hold."""

import stat
import tempfile
from pathlib import Path

MEMINFO = """MemTotal:        1000000 kB
MemFree:          600000 kB
MemAvailable:     700000 kB
AnonHugePages:      4096 kB
"""
VMSTAT = "pswpin 10\npswpout 20\nworkingset_refault_anon 3\nthp_fault_alloc 1\nnr_free_pages 7\n"
FILES = {
    "/proc/meminfo": MEMINFO,
    "/proc/vmstat": VMSTAT,
    "/proc/swaps": "Filename Type Size Used Priority\n",
    "/proc/sys/kernel/osrelease": "6.1.0-fake\n",
    "/proc/sys/vm/drop_caches": "0\n",
    "/proc/sys/vm/percpu_pagelist_high_fraction": "0\n",
    "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "/sys/kernel/mm/transparent_hugepage/defrag": "always defer [madvise] never\n",
    "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag": "1\n",
    "/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan": "4096\n",
    "/sys/class/zram-control/hot_add": "3\n",
    "/sys/class/zram-control/hot_remove": "",
    "/sys/block/zram3/disksize": "",
    "/sys/block/zram3/reset": "",
    "/sys/block/zram3/mm_stat": "4096 2048 3145728 0 0 0 0 0\n",
}


class FakeMachine:
    """A folder with FILES, over those that every machine has."""

    def __init__(self, files=None):
        self._folder = tempfile.TemporaryDirectory(prefix="damon-schemes-test-")
        self.root = Path(self._folder.name)
        for name, text in {**FILES, **(files or {})}.items():
            if text is not None:
                self.put(name, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def path(self, name):
        return self.root / name.lstrip("/")

    def put(self, name, text):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def text(self, name):
        return self.path(name).read_text(encoding="utf-8").strip()

    def process(self, pid, parent, name, *, rss=0, swap=0, peak=0):
        """A process as /proc shows it."""
        self.put(f"/proc/{pid}/comm", f"{name}\n")
        self.put(f"/proc/{pid}/stat", f"{pid} ({name}) S {parent} {pid} 0\n")
        self.put(f"/proc/{pid}/status", f"Name:\t{name}\nVmHWM:\t{peak} kB\nVmRSS:\t{rss} kB\nVmSwap:\t{swap} kB\n")

    def tools(self, **scripts):
        """A folder of programs, each noting its words in the file 'called' before it does as its script says."""
        folder = self.root / "tools"
        folder.mkdir(exist_ok=True)
        for name, script in scripts.items():
            program(folder / name.replace("_", "-"), f'echo "{name} $*" >> {self.root}/called\n{script}')
        return folder

    def called(self):
        path = self.root / "called"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def program(path, script):
    """An executable shell script at PATH."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
