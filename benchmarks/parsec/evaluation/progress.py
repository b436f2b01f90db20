# SPDX-License-Identifier: MIT
"""Which run of how many, and how long it will take."""

import sys
import time
from statistics import median

WIDTH = 79


def clock(seconds):
    """As hours, minutes and seconds."""
    seconds = int(seconds + 0.5)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class Progress:
    """Lines about the runs; on a terminal also one that is written over."""

    def __init__(self, todo, seconds_of, out=sys.stdout, now=time.monotonic):
        """TODO are the keys of all runs to do, SECONDS_OF tells a guess for each workload."""
        self.todo, self.seconds_of, self.out, self.now = list(todo), dict(seconds_of), out, now
        self.live = out.isatty()
        self.total, self.number = len(self.todo), 0
        self.began = self.turn_began = now()
        self.measured = {}  # (workload, configuration): seconds of each run
        self.between = []  # what each turn took beside its runs: a boot and its end
        self.in_turn = 0.0
        self.current = None  # (workload, repetition) whose machine is up

    def note(self, key, seconds):
        """What a run took, of this sitting or of an earlier one."""
        self.measured.setdefault(key[:2], []).append(seconds)

    def begin_turn(self):
        self.turn_began, self.in_turn = self.now(), 0.0

    def end_turn(self):
        self.between.append(max(0.0, self.now() - self.turn_began - self.in_turn))
        self.current = None

    def begin(self, key):
        """A run begins."""
        self.current = (key[0], key[2])
        self._show(f"  {self.number + 1}/{self.total}  {key[0]}  {key[1]} ...  {self._times()}")

    def end(self, key, seconds, error=None, again=False):
        """A run ended; SECONDS is all that it took, with what was set and put back. AGAIN: it is tried once more."""
        self.in_turn += seconds
        if not error:
            self.note(key, seconds)
        if not again and key in self.todo:
            self.todo.remove(key)
            self.number += 1
        self.say(f"{self.number:>4}/{self.total}  {key[0][:24]:<24} {key[1][:13]:<13} {seconds:>6.1f} s  {self._times()}")
        if error:
            self.say(f"          {'again later' if again else 'FAILED'}: {error}")

    def say(self, text):
        """A line that stays, folded to the width."""
        start = "\r\033[K" if self.live else ""
        while len(text) > WIDTH:
            cut = text.rfind(" ", 20, WIDTH)
            cut = cut if cut > 0 else WIDTH
            print(start + text[:cut], file=self.out)
            start, text = "", "          " + text[cut:].lstrip()
        print(start + text, file=self.out, flush=True)

    def seconds_left(self):
        """An estimate: medians of what was measured, and a guess where nothing was."""
        each = 0.0
        turns = set()
        for workload, configuration, repetition in self.todo:
            known = self.measured.get((workload, configuration)) or [
                value for (name, _), values in self.measured.items() if name == workload for value in values]
            each += median(known) if known else self.seconds_of.get(workload, 60)
            turns.add((workload, repetition))
        turns.discard(self.current)
        return each + len(turns) * (median(self.between) if self.between else 30)

    def _times(self):
        return f"{clock(self.now() - self.began)}, {clock(self.seconds_left())} left"

    def _show(self, text):
        if self.live:
            print("\r\033[K" + text[:WIDTH], end="", file=self.out, flush=True)
