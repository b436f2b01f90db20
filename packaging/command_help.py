# SPDX-License-Identifier: MIT
"""What the command says of itself with --help, taken apart."""

import re
import subprocess
from dataclasses import dataclass, field

DESCRIPTION_COLUMN = 28  # where CLI11 puts what an option is for


@dataclass
class Option:
    """An option, as "-s,--set TEXT ..." and what it is for."""

    names: list
    value: str  # such as TEXT; empty: it takes none
    about: str
    choices: list = field(default_factory=list)
    many: bool = False


@dataclass
class Command:
    """A command, or the program itself."""

    name: str
    about: str
    usage: str
    options: list
    positionals: list  # (name, what it is)
    commands: list  # (name, what it does)
    text: str  # what stands below: examples, remarks


def _entries(lines):
    """The (head, description) pairs of a section; long heads have theirs on the next line."""
    found = []
    for line in lines:
        if re.match(r"^  \S", line):
            head, about = line[2:DESCRIPTION_COLUMN].rstrip(), line[DESCRIPTION_COLUMN:].strip()
            if len(line) > DESCRIPTION_COLUMN and line[DESCRIPTION_COLUMN - 1] != " ":
                head, about = line.strip(), ""
            found.append([head, about])
        elif found:
            found[-1][1] = (found[-1][1] + " " + line.strip()).strip()
    return found


def _option(head, about):
    names, _, value = head.partition(" ")
    many = value.endswith("...")
    value = value.removesuffix("...").strip()
    choices = re.search(r"\{(.*)\}", value)
    return Option(names.split(","), value, about, choices[1].split(",") if choices else [], many)


def read_help(program, name=""):
    """The Command that PROGRAM, or its command NAME, says it is."""
    said = subprocess.run(
        [program, *filter(None, [name]), "--help"], capture_output=True, text=True, check=True
    ).stdout
    lines = said.splitlines()
    sections, order, current = {"": []}, [""], ""
    for line in lines[1:]:
        if line in ("Options:", "Positionals:", "Subcommands:"):
            current = line
            sections[current] = []
            order.append(current)
        elif current and not line.strip():
            # The section is over, and what follows is text, unless another begins.
            current = ""
        else:
            sections[current].append(line)
    usage = next(line for line in sections[""] if line.startswith("Usage: "))
    # Blank lines are what the text is parted by.
    last = max(lines.index(each) for each in order if each) if len(order) > 1 else 0
    rest = lines[last + 1:]
    text = "\n".join(rest[rest.index(""):]).strip("\n") if "" in rest else ""
    return Command(
        name=name, about=lines[0], usage=usage.removeprefix("Usage: "),
        options=[_option(*each) for each in _entries(sections.get("Options:", []))],
        positionals=_entries(sections.get("Positionals:", [])),
        commands=_entries(sections.get("Subcommands:", [])), text=text,
    )


def read_all(program):
    """(the program itself, [each of its commands])."""
    whole = read_help(program)
    return whole, [read_help(program, name) for name, _ in whole.commands]
