# SPDX-License-Identifier: MIT
"""What came out of measuring one point."""

from dataclasses import dataclass, field


class NotMeasured(Exception):
    """It could not be measured; the text says why."""


@dataclass
class Row:
    """One figure against its bound."""

    what: str
    figure: str
    bound: str = "reported"
    met: bool | None = None  # None: it is only reported
    kernel: str = "native"
    command: str = ""

    @staticmethod
    def missing(what, reason, kernel="-", command=""):
        """A figure that there is not; a promise without a figure is not met."""
        return Row(what, f"not measured: {reason}", "-", False, kernel, command)


@dataclass
class Result:
    """A point's rows, and the words and tables below."""

    rows: list = field(default_factory=list)
    details: list = field(default_factory=list)  # lines of Markdown

    def add(self, *row, **more):
        self.rows.append(Row(*row, **more))

    def say(self, *lines):
        self.details += lines

    def table(self, head, rows):
        """A Markdown table."""
        self.details += ["", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        self.details += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
        self.details.append("")


def percent(share, decimals=1):
    return f"{share * 100:.{decimals}f} %"


def mib(size):
    return f"{size / (1 << 20):.1f} MiB"


def microseconds(nanoseconds):
    return f"{nanoseconds / 1000:,.0f} µs" if nanoseconds >= 10_000 else f"{nanoseconds / 1000:.1f} µs"


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"
