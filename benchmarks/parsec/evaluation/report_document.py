# SPDX-License-Identifier: MIT
"""What a report is made of, before it is HTML or Markdown.  Words between backticks are code."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heading:
    """A section's title; LEVEL 2 is the highest below the report's own."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Some sentences; a warning is set apart."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Items:
    """A list."""

    texts: list


@dataclass(frozen=True)
class Cell:
    """A table's figure; below it what is smaller; MARK is the name of a look, such as 'met'."""

    text: str
    small: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts and Cells. Columns are figures, apart from those that TEXTS numbers."""

    head: list
    rows: list
    texts: tuple = (0,)
    note: str = ""
    emphasised: tuple = ()  # numbers of rows


@dataclass(frozen=True)
class Figure:
    """Panels of one kind with one legend."""

    name: str
    caption: str
    panels: list
    legend: list = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """An SVG that somebody else made."""

    name: str
    caption: str
    svg: str


@dataclass
class Document:
    """The report, in its order."""

    title: str
    lead: str
    blocks: list = field(default_factory=list)

    def add(self, *blocks):
        self.blocks += blocks

    def heading(self, text, level=2):
        self.add(Heading(text, level))

    def say(self, text, warning=False):
        self.add(Paragraph(text, warning))

    @property
    def figures(self):
        """The blocks that have files of their own beside Markdown."""
        return [block for block in self.blocks if isinstance(block, (Figure, Picture))]


def anchor(text):
    """A heading's name in a link, as Markdown's renderers make it."""
    return "".join(each for each in text.lower().replace(" ", "-") if each.isalnum() or each in "-_")
