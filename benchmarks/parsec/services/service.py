# SPDX-License-Identifier: MIT
"""What the services have in common: options, sizes, phases with their times, and the report."""

import argparse
import hashlib
import json
import signal
import sys
import time
from dataclasses import dataclass, field

# Records of 1 KiB, and how long the hot ones are worked on.
RECORDS = {"quick": 8_000, "small": 24_000, "medium": 96_000, "native": 800_000}
HOT_SECONDS = {"quick": 3, "small": 12, "medium": 60, "native": 120}
VALUE_BYTES = 1024
HOT_SHARE = 20  # one in so many: 5 %


class WrongAnswer(Exception):
    """The service gave something else than was put into it."""


def value_of(number):
    """What is kept under a number: text that follows from it, and packs to about a half."""
    return hashlib.shake_128(b"%d" % number).hexdigest(VALUE_BYTES // 2)


def check(number, found):
    """Raises unless FOUND is what is kept under that number."""
    if found != value_of(number):
        raise WrongAnswer(f"record {number} came back as {found!r:.60}")


def parse(description, *more):
    """The options of a driver; MORE are (name, settings) of its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", choices=RECORDS, default="quick", help="how much it keeps (default: quick)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long the hot records are worked on")
    parser.add_argument("--report", metavar="FILE", help="writes what was done as JSON")
    for name, settings in more:
        parser.add_argument(name, **settings)
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = HOT_SECONDS[options.size]
    return options


@dataclass
class Course:
    """Phases, one after the other, and how many records each asked for."""

    program: str
    size: str
    began: float = field(default_factory=time.monotonic)
    phases: list = field(default_factory=list)

    @property
    def records(self):
        return RECORDS[self.size]

    @property
    def hot(self):
        """The newest records, which are the ones asked for most."""
        return range(self.records - self.records // HOT_SHARE, self.records)

    def phase(self, name, work):
        """Does WORK, which returns how many records it asked for."""
        begin = time.monotonic() - self.began
        operations = work()
        self.phases.append({"name": name, "begin_s": round(begin, 3), "end_s": round(time.monotonic() - self.began, 3),
                            "operations": operations})

    def report(self, path):
        """Writes that all of it was right."""
        text = json.dumps({"schema": 1, "program": self.program, "size": self.size, "checked": True,
                           "elapsed_s": round(time.monotonic() - self.began, 3), "phases": self.phases})
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")


def until(seconds, turn):
    """Takes turns for so long, one at least; the sum of what they return."""
    end = time.monotonic() + seconds
    total = turn()
    while time.monotonic() < end:
        total += turn()
    return total


def run(program, options, work):
    """WORK(course), then the report; the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with us
    course = Course(program, options.size)
    try:
        work(course)
    except (WrongAnswer, OSError, ValueError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    if options.report:
        course.report(options.report)
    return 0
