# SPDX-License-Identifier: MIT
"""The machine that is measured, through the files of /proc and /sys below a root folder."""

import os
import subprocess
from pathlib import Path

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
MONITORING_THREADS = ("damon_schemes/", "kdamond.")


class MachineError(Exception):
    """The machine cannot do what was asked; the text says what to do."""


class Machine:
    """Reads what there is, and writes settings."""

    def __init__(self, root="/"):
        self.root = Path(root)

    def path(self, name):
        """Where the absolute path NAME is."""
        return self.root / str(name).lstrip("/")

    def read(self, name):
        """The text of a file, without the newline at its end."""
        return self.path(name).read_text(encoding="utf-8", errors="replace").rstrip("\n")

    def read_if_there(self, name):
        """The same; None where there is no such file, as when a process has ended."""
        try:
            return self.read(name)
        except OSError:
            return None

    def write(self, name, text):
        """Writes a setting."""
        try:
            # Not truncated nor made: settings are files that are there.
            descriptor = os.open(self.path(name), os.O_WRONLY)
        except OSError as error:
            raise MachineError(f"cannot set {name}: {error.strerror}; this needs root") from error
        try:
            os.write(descriptor, f"{text}\n".encode())
        except OSError as error:
            raise MachineError(f"{name} refuses '{text}': {error.strerror}") from error
        finally:
            os.close(descriptor)

    def command(self, *words):
        """Runs one of the machine's own tools."""
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except OSError as error:
            raise MachineError(f"cannot run {words[0]}: {error.strerror}") from error
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            raise MachineError(f"'{' '.join(words)}' ended with {done.returncode}: {said}")

    def table(self, name, separator=None):
        """A file of names and integers, such as /proc/vmstat, as {name: integer}."""
        found = {}
        for line in (self.read_if_there(name) or "").splitlines():
            words = line.split(separator, 1)
            value = words[1].split() if len(words) == 2 else []
            if value and value[0].lstrip("-").isdigit():
                found[words[0].strip()] = int(value[0])
        return found

    def meminfo(self):
        """/proc/meminfo, in KiB."""
        return self.table("/proc/meminfo", ":")

    def vmstat(self):
        """/proc/vmstat."""
        return self.table("/proc/vmstat")

    def status(self, pid):
        """The figures of /proc/PID/status, in KiB where they are sizes."""
        return self.table(f"/proc/{pid}/status", ":")

    def kernel(self):
        """The kernel's release."""
        return self.read("/proc/sys/kernel/osrelease")

    def pids(self):
        """Every process."""
        return [int(each.name) for each in self.path("/proc").iterdir() if each.name.isdigit()]

    def comm(self, pid):
        """A process's name, 15 bytes at most; '' where it has ended."""
        return self.read_if_there(f"/proc/{pid}/comm") or ""

    def parents(self):
        """{pid: its parent} of every process."""
        found = {}
        for pid in self.pids():
            # The name stands in parentheses and may have any byte in it, also spaces and parentheses.
            words = (self.read_if_there(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
            if len(words) > 1:
                found[pid] = int(words[1])
        return found

    def descendants(self, pid):
        """PID and all below it, parents first."""
        found = [pid]
        if self.path(f"/proc/{pid}/task/{pid}/children").exists():
            for each in found:
                for task in self._tasks(each):
                    below = self.read_if_there(f"/proc/{each}/task/{task}/children") or ""
                    found += [int(word) for word in below.split() if int(word) not in found]
            return found
        parents = self.parents()  # a kernel without PROC_CHILDREN: a look at every process
        for each in found:
            found += [child for child, parent in parents.items() if parent == each and child not in found]
        return found

    def _tasks(self, pid):
        try:
            return os.listdir(self.path(f"/proc/{pid}/task"))
        except OSError:
            return []

    def monitoring_threads(self, among=None):
        """{pid: seconds on a processor} of the kernel's threads that monitor."""
        found = {}
        for pid in self.pids() if among is None else among:
            if self.comm(pid).startswith(MONITORING_THREADS):
                times = (self.read_if_there(f"/proc/{pid}/schedstat") or "").split()
                if times:
                    found[pid] = int(times[0]) / 1e9
        return found
