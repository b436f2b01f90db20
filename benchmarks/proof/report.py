# SPDX-License-Identifier: MIT
"""docs/results/NAME.md: a table of all points, and the details of each below."""

import re
import time
from pathlib import Path

from .laboratory import TREE

HEAD = ["Point", "What", "Figure", "Bound", "Met", "Kernel", "Date", "Command"]
START = """\
<!-- SPDX-License-Identifier: MIT -->
<!-- Written by ./dev prove {name}; what is changed by hand is lost. -->
# {title}: what was measured

`./dev prove {name}` measures all of it again, `--only 1,5` some points. "Met" says whether the
figure keeps to its bound; "-" stands where a figure is only reported. Under emulation (QEMU's TCG)
absolute times mean nothing elsewhere; ratios are of one boot.
"""
ROW = re.compile(r"\| (\d+) \| ")
SECTION = re.compile(r"^## (\d+)\. .*$", re.M)


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


class Report:
    """The file's rows and sections by point; those that are not replaced stay."""

    def __init__(self, name, title, path=None):
        self.path = Path(path) if path else TREE / f"docs/results/{name}.md"
        self.start = START.format(name=name, title=title)
        self.rows, self.sections = {}, {}
        if self.path.exists():
            self._read(self.path.read_text(encoding="utf-8"))

    def _read(self, text):
        places = list(SECTION.finditer(text))
        ends = [place.start() for place in places[1:]] + [len(text)]
        for place, end in zip(places, ends):
            self.sections[int(place[1])] = text[place.start():end].rstrip() + "\n"
        for line in text[: places[0].start() if places else len(text)].splitlines():
            if match := ROW.match(line):
                self.rows.setdefault(int(match[1]), []).append(line)

    def replace(self, number, title, result):
        """Puts a point's new rows and section in the place of its old ones."""
        today = time.strftime("%Y-%m-%d")
        met = {True: "yes", False: "**no**", None: "-"}
        self.rows[number] = [
            "| " + " | ".join(cell(each) for each in (
                number, row.what, row.figure, row.bound, met[row.met], row.kernel, today,
                f"`{row.command}`" if row.command else "-")) + " |"
            for row in result.rows
        ]
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(result.details)).strip()
        self.sections[number] = f"## {number}. {title}\n\n{text}\n"

    def write(self):
        """Writes the file whole."""
        lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
        for number in sorted(self.rows):
            lines += self.rows[number]
        text = self.start + "\n" + "\n".join(lines) + "\n"
        for number in sorted(self.sections):
            text += "\n" + self.sections[number]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text, encoding="utf-8")
