# SPDX-License-Identifier: MIT
"""The evaluation's bars: monitoring, reclamation and huge pages on the built-in suite, in the guest."""

import sys
from collections import Counter

from .laboratory import TREE
from .result import NotMeasured

sys.path.insert(0, str(TREE / "benchmarks/parsec"))
from evaluation.results import read_results  # noqa: E402
from evaluation.verdicts import MET, NOT_MEASURED, verdicts  # noqa: E402

WORKLOADS = ("itemsets", "blackscholes", "dedup", "ocean", "radiosity", "radix")
CONFIGURATIONS = ("orig", "rec", "prcl", "reclaim", "thp", "ethp", "efficient-thp")
SHORTEST_SECONDS = 60


class Evaluation:
    """One evaluation for all points; what was measured before stays, so that it can take several sittings."""

    def __init__(self):
        self.results = None

    def found(self, laboratory, options):
        """Its results, once what is missing of them was measured."""
        if self.results is None:
            laboratory.build("damon-schemes", "damon-schemes-remote", *(f"parsec_{name}" for name in WORKLOADS))
            run = [TREE / "benchmarks/parsec/run", "--in-vm", "--kernel", options.kernel, "--workloads",
                   ",".join(WORKLOADS), "--configs", ",".join(CONFIGURATIONS), "--repeat", options.repeat, "--size",
                   "medium", "--seconds", SHORTEST_SECONDS, "--recordings", "--results", options.results, "--build",
                   laboratory.build_folder]
            laboratory.run([*run, "--fresh"] if options.fresh else run, "evaluation.log", timeout=24 * 3600)
            self.results = read_results(options.results)
        return self.results

    def judged(self, number):
        """Measures a point whose bounds the evaluation itself knows."""
        def measure(laboratory, options, result):
            results = self.found(laboratory, options)
            for verdict in verdicts(results, TREE):
                if verdict.number == number:
                    result.add(verdict.what, verdict.figure or f"not measured: {'; '.join(verdict.details)}",
                               verdict.bound, verdict.status == MET, options.kernel, "benchmarks/parsec/run")
                    if verdict.details and verdict.status != NOT_MEASURED:
                        result.say(f"{verdict.what}: {verdict.status}; {'; '.join(verdict.details)}.", "")
        return measure

    def extent(self, laboratory, options, result):
        """Point 5: how much was run."""
        results = self.found(laboratory, options)
        runs = Counter((record.workload, record.configuration) for record in results.runs.values())
        if not runs:
            raise NotMeasured("no run counts")
        programs, configurations = ({key[i] for key in runs} for i in (0, 1))
        least = min(runs.get((program, name), 0) for program in programs for name in configurations)
        result.add("programs, configurations, repetitions of each", f"{len(programs)}, {len(configurations)}, {least}",
                   "6, 5, 3 at least", len(programs) >= 6 and len(configurations) >= 5 and least >= 3, options.kernel,
                   "benchmarks/parsec/run")
        shortest = min(record.runtime_s for record in results.runs.values())
        result.add("the shortest run", f"{shortest:.1f} s", f"{SHORTEST_SECONDS} s at least",
                   shortest >= SHORTEST_SECONDS, options.kernel, "benchmarks/parsec/run")
        failed = [f"{record.workload} under {record.configuration}: {record.error}" for record in results.failed]
        result.add("runs that failed", str(len(failed)), kernel=options.kernel)
        for each in failed:
            result.say(f"- {each}")


def published(laboratory, _options, result):
    """Point 7: the published table gives the published percentages."""
    status, _, _ = laboratory.run([sys.executable, "-m", "unittest", "discover", "-s", "tests/evaluation", "-p",
                                   "test_published_figures.py"], "evaluation-published.log", check=False)
    result.add("the published table's own percentages", "as published" if status == 0 else "differ", "as published",
               status == 0, command="tests/evaluation/test_published_figures.py")
