# SPDX-License-Identifier: MIT
"""What memory is used, looked at once a second while a workload runs."""

import time

PERIOD = 1.0


class Sampler:
    """Samples of the machine, of a process with its children, and of the engine beside them."""

    def __init__(self, machine, began, zram=None):
        self.machine, self.zram, self.began = machine, zram, began
        self.samples = []
        self.engine_rss_kib = None  # the most
        self._monitors = {}  # pid: seconds
        self._monitors_before = machine.monitoring_threads()
        self._huge_before = machine.meminfo().get("AnonHugePages", 0)
        self._next = began + PERIOD

    def seconds_left(self):
        """Until the next sample is due."""
        return max(0.0, self._next - time.monotonic())

    def take_if_due(self, pid, engine=None):
        """Takes a sample once its time has come; those that were slept through are left out."""
        now = time.monotonic()
        if now < self._next:
            return
        while self._next <= now:
            self._next += PERIOD
        self.samples.append(self.look(now - self.began, pid))
        if engine:
            self._look_at_engine(engine)

    def look(self, seconds, pid):
        """One sample."""
        memory = self.machine.meminfo()
        figures = [self.machine.status(each) for each in self.machine.descendants(pid)] if pid else []
        return {
            "t_s": round(seconds, 3),
            "mem_free_kib": memory.get("MemFree"),
            "mem_available_kib": memory.get("MemAvailable"),
            "rss_kib": sum(each.get("VmRSS", 0) for each in figures),
            "swap_kib": sum(each.get("VmSwap", 0) for each in figures),
            # Of the machine, less what others had before: a process's own costs a walk of its page tables.
            "anon_huge_kib": max(0, memory.get("AnonHugePages", 0) - self._huge_before),
            "zram_kib": self._zram_kib(),
        }

    def _zram_kib(self):
        """What the swap itself takes."""
        text = self.machine.read_if_there(f"/sys/block/{self.zram}/mm_stat") if self.zram else None
        return int(text.split()[2]) // 1024 if text else 0

    def _look_at_engine(self, engine):
        if peak := self.machine.status(engine).get("VmHWM"):
            self.engine_rss_kib = max(peak, self.engine_rss_kib or 0)
        # They are looked for among all processes until they were found.
        self._monitors |= self.machine.monitoring_threads(self._monitors or None)

    def monitor_cpu_s(self):
        """What the kernel's monitoring threads took so far, as was seen last."""
        if not self._monitors:
            return None
        return sum(seconds - self._monitors_before.get(pid, 0) for pid, seconds in self._monitors.items())
