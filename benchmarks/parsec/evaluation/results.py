# SPDX-License-Identifier: MIT
"""The runs of one evaluation, by workload and configuration, and the figures taken over them."""

import json
from pathlib import Path

from .configurations import CONFIGURATIONS
from .reference_table import ReferenceTable
from .run_record import read_runs
from .statistics import Repetitions, estimate, estimate_of, median, overhead

BASE = "orig"

# Whose class each program of the built-in suite is of, where the publication has it.
NAMESAKES = {
    "suite/itemsets": "parsec3/freqmine",
    "suite/blackscholes": "parsec3/blackscholes",
    "suite/dedup": "parsec3/dedup",
    "suite/annealing": "parsec3/canneal",
    "suite/kmedian": "parsec3/streamcluster",
    "suite/ocean": "splash2x/ocean_ncp",
    "suite/radiosity": "splash2x/radiosity",
    "suite/radix": "splash2x/radix",
}


def published_name(workload):
    """The name that the published table has for a workload or for its namesake."""
    return NAMESAKES.get(workload, workload)


class Results:
    """A results folder, read; what is not there is named in `missing`."""

    def __init__(self, records, about=None, folder=None, missing=()):
        self.about, self.folder, self.missing = about or {}, folder, list(missing)
        self.records = list(records)
        self.failed = [record for record in self.records if not record.counts]
        # Of a run that was done again the last one counts.
        self.runs = {record.key: record for record in self.records if record.counts}
        self.workloads = list(dict.fromkeys(record.workload for record in self.records))
        present = {record.configuration for record in self.records}
        self.configurations = ([name for name in CONFIGURATIONS if name in present]
                               + sorted(present - set(CONFIGURATIONS)))

    def of(self, workload, configuration):
        """{repetition: record} of the runs that count."""
        return {key[2]: record for key, record in sorted(self.runs.items(), key=lambda each: each[0])
                if key[:2] == (workload, configuration)}

    def values(self, measure, workload, configuration):
        """{repetition: figure}, without runs that lack it."""
        found = {number: measure.of(record) for number, record in self.of(workload, configuration).items()}
        return {number: value for number, value in found.items() if value is not None}

    def repetitions(self, measure, workload, configurations):
        """The figures of several configurations for a comparison; None if one has none."""
        values = {name: self.values(measure, workload, name) for name in configurations}
        return Repetitions(values) if all(values.values()) else None

    def figure(self, measure, workload, configuration):
        """The median with its interval, or None."""
        return estimate_of(self.values(measure, workload, configuration))

    def overhead(self, measure, workload, configuration):
        """In percent of orig, with its interval; None where one of them is missing."""
        group = self.repetitions(measure, workload, (BASE, configuration))
        return group and estimate([group], lambda each: overhead(each[0][configuration], each[0][BASE]))

    def common(self, measure, configurations, among=None):
        """The workloads in which each of the configurations has a figure."""
        return [workload for workload in (self.workloads if among is None else among)
                if self.repetitions(measure, workload, configurations)]

    def over(self, measure, configurations, figure, among=None):
        """FIGURE of the sums {configuration: sum of medians} over the workloads that all have; and these workloads."""
        workloads = self.common(measure, configurations, among)
        groups = [self.repetitions(measure, workload, configurations) for workload in workloads]
        return estimate(groups, lambda medians: figure(
            {name: sum(each[name] for each in medians) for name in configurations})), workloads

    def total_overhead(self, measure, configuration, among=None):
        """Over the sums, as published."""
        return self.over(measure, (BASE, configuration),
                         lambda sums: overhead(sums[configuration], sums[BASE]), among)[0]

    def typical(self, workload, configuration):
        """The run with the median runtime (the earlier one of two), to be drawn; None without one."""
        records = list(self.of(workload, configuration).values())
        timed = sorted((record for record in records if record.runtime_s is not None),
                       key=lambda record: record.runtime_s)
        return timed[(len(timed) - 1) // 2] if timed else next(iter(records), None)

    @property
    def suite(self):
        """The workloads that the bars are about: the built-in suite, or PARSEC where that was run instead."""
        for prefixes in (("suite/",), ("parsec3/", "splash2x/")):
            if found := [each for each in self.workloads if each.startswith(prefixes)]:
                return found
        return self.workloads

    def table(self, measures):
        """The medians in the form of the published table."""
        table = ReferenceTable(self.configurations, ("SPDX-License-Identifier: MIT", *self._origin()))
        for measure in measures:
            for workload in self.workloads:
                values = {name: median(self.values(measure, workload, name).values()) for name in self.configurations}
                if any(value is not None for value in values.values()):
                    table.put(measure.name, workload, values)
        table.put_totals()
        return table

    def _origin(self):
        yield "Medians of the runs in runs.jsonl; runtime in seconds, *.avg in KiB."
        kernels = sorted({record.kernel for record in self.records})
        days = sorted({record.started[:10] for record in self.records})
        if kernels:
            yield f"Kernel {', '.join(kernels)}; {' to '.join(dict.fromkeys((days[0], days[-1])))}."


def read_results(folder):
    """What is in a folder; a BrokenRecord where runs.jsonl is not one of ours."""
    folder = Path(folder)
    missing, about = [], {}
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if not isinstance(about, dict):
            raise ValueError("it is no object")
    except FileNotFoundError:
        missing.append("run.json, which says what was asked for and on which machine")
    except ValueError as error:
        about = {}
        missing.append(f"run.json, which cannot be read: {error}")
    records = read_runs(folder / "runs.jsonl")
    if not records:
        missing.append("runs.jsonl, or it has no whole run yet: there are no figures at all")
    return Results(records, about, folder, missing)
