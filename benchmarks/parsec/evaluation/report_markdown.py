# SPDX-License-Identifier: MIT
"""A report as Markdown; its pictures are files beside it."""

from .report_document import Cell, Figure, Heading, Items, Paragraph, Picture, Table

FOLDER = "plots"
MARKS = {"met": "**met**", "not-met": "**not met**"}


def _cell(value):
    cell = value if isinstance(value, Cell) else Cell(str(value))
    text = MARKS.get(cell.mark, cell.text) if cell.mark in MARKS else cell.text
    if cell.small:
        text += f"<br>{cell.small}"
    return text.replace("|", "\\|").replace("\n", "<br>")


def _table(table):
    lines = ["| " + " | ".join(map(_cell, table.head)) + " |",
             "|" + "|".join(" --- " if i in table.texts else " ---: " for i in range(len(table.head))) + "|"]
    for number, row in enumerate(table.rows):
        cells = [_cell(value) for value in row]
        if number in table.emphasised:
            cells[0] = f"**{cells[0]}**"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + (f"\n\n{table.note}" if table.note else "")


def _block(block):
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return f"> **Mind:** {block.text}" if block.warning else block.text
        case Items():
            return "\n".join(f"- {text}" for text in block.texts)
        case Table():
            return _table(block)
        case Figure() | Picture():
            return f"![{block.caption.replace('`', '')}]({FOLDER}/{block.name}.svg)\n\n{block.caption}"
    raise TypeError(f"no block of a report: {block!r}")


def markdown(document):
    """The whole file."""
    parts = ["<!-- SPDX-License-Identifier: MIT -->", f"# {document.title}", document.lead]
    return "\n\n".join([*parts, *map(_block, document.blocks)]) + "\n"
