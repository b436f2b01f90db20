# SPDX-License-Identifier: MIT
"""The table of an evaluation, in the form of the published one: metric, workload, and a column a configuration."""

HEAD = ("metric", "workload")
TOTAL = "total"
MISSING = "-"


class BrokenTable(Exception):
    """A file that is no such table; the text says where and why."""


def number_text(value):
    """A figure as the table has it: no more digits than it needs, and never an exponent."""
    if value is None:
        return MISSING
    return f"{value:.3f}".rstrip("0").rstrip(".")


class ReferenceTable:
    """Figures by metric, workload and configuration; what was read is kept as it was written."""

    def __init__(self, configurations, comments=()):
        self.configurations = tuple(configurations)
        self.comments = tuple(comments)
        self.rows = {}  # (metric, workload) -> {configuration: text}

    @property
    def metrics(self):
        """The metrics, in the order of the rows."""
        return list(dict.fromkeys(metric for metric, _ in self.rows))

    def workloads(self, metric):
        """The workloads that a metric has rows of, without the total."""
        return [workload for each, workload in self.rows if each == metric and workload != TOTAL]

    def put(self, metric, workload, values):
        """A row of numbers; None, or nothing, where a configuration has none."""
        self.rows[metric, workload] = {name: number_text(values.get(name)) for name in self.configurations}

    def value(self, metric, workload, configuration):
        """One figure, or None."""
        text = self.rows.get((metric, workload), {}).get(configuration, MISSING)
        return None if text == MISSING else float(text)

    def complete(self, metric):
        """The workloads with a figure for every configuration: those that sums can be taken over."""
        return [workload for workload in self.workloads(metric)
                if all(self.value(metric, workload, name) is not None for name in self.configurations)]

    def sums(self, metric):
        """The sum of each configuration over the complete workloads; nothing if there is none."""
        complete = self.complete(metric)
        return {name: sum(self.value(metric, workload, name) for workload in complete)
                for name in self.configurations} if complete else {}

    def put_totals(self):
        """A row of sums behind the rows of each metric; says which workloads are left out of them."""
        rows, self.rows = self.rows, {}
        for metric in dict.fromkeys(metric for metric, _ in rows):
            self.rows |= {key: row for key, row in rows.items() if key[0] == metric and key[1] != TOTAL}
            left_out = [each for each in self.workloads(metric) if each not in self.complete(metric)]
            if sums := self.sums(metric):
                self.put(metric, TOTAL, sums)
            if left_out:
                self.comments += (f"{metric}: the total is without {', '.join(left_out)}, which "
                                  f"{'lack' if len(left_out) > 1 else 'lacks'} a configuration",)

    def text(self):
        """The whole file."""
        lines = [f"# {comment}".rstrip() for comment in self.comments]
        lines.append("\t".join((*HEAD, *self.configurations)))
        lines += ["\t".join((*key, *(row[name] for name in self.configurations))) for key, row in self.rows.items()]
        return "\n".join(lines) + "\n"


def parse(text, name="table"):
    """The table in a text; NAME is for the message where it is none."""
    table, comments = None, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            comments.append(line[1:].strip())
        elif not line.strip():
            continue
        elif table is None:
            head = line.split("\t")
            if tuple(head[:2]) != HEAD or len(head) < 3 or len(set(head)) != len(head):
                raise BrokenTable(f"{name}, line {number}: expected 'metric', 'workload' and the configurations, "
                                  "separated by tabs")
            table = ReferenceTable(head[2:])
        else:
            _add_row(table, line.split("\t"), f"{name}, line {number}")
    if table is None or not table.rows:
        raise BrokenTable(f"{name}: it has no figures; published/damon-v12.tsv shows the form")
    table.comments = tuple(comments)
    return table


def _add_row(table, cells, where):
    if len(cells) != len(table.configurations) + 2:
        raise BrokenTable(f"{where}: {len(cells)} columns, the first line has {len(table.configurations) + 2}")
    if tuple(cells[:2]) in table.rows:
        raise BrokenTable(f"{where}: '{cells[0]}' of '{cells[1]}' is there twice; remove one of them")
    for cell in cells[2:]:
        try:
            finite = cell == MISSING or abs(float(cell)) < float("inf")
        except ValueError:
            finite = False
        if not finite:
            raise BrokenTable(f"{where}: '{cell}' is no number; write {MISSING} where there is none")
    table.rows[cells[0], cells[1]] = dict(zip(table.configurations, cells[2:]))


def read_table(path):
    """The table in a file."""
    with open(path, encoding="utf-8") as file:
        return parse(file.read(), str(path))
