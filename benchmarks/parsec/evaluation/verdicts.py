# SPDX-License-Identifier: MIT
"""The bars that the evaluation was made for, and what the runs say about each."""

from dataclasses import dataclass, field

from . import oracle, quantities
from .measures import HOT_COVERAGE, MEMUSED, REFAULTED, RSS, RUNTIME, hot_coverage
from .quantities import names, of_count, of_kib, signed_percent
from .results import BASE
from .statistics import Repetitions, estimate, thp_overhead_removed

MET, NOT_MET, WITHIN_NOISE, NOT_MEASURED = "met", "not met", "within noise", "not measured"
ORACLE_WORKLOAD = "suite/itemsets"
ORACLE_SHARE = 90.0
PUBLISHED_REMOVED, PUBLISHED_KEPT = 63.12, 49.15
OURS_REMOVED, OURS_KEPT = 90.0, 90.0
MONITORING_TIME, MONITORING_MEMORY = 0.7, 0.03


@dataclass(frozen=True)
class Verdict:
    """One figure against its bound."""

    number: int
    what: str
    bound: str
    status: str
    figure: str = ""
    details: list = field(default_factory=list)


def judge(found, bound, at_least=True):
    """Whether the whole interval of an estimate keeps to BOUND, nothing of it does, or some of it."""
    if found is None:
        return NOT_MEASURED
    low, high = (found.low, found.high) if found.has_interval else (found.value, found.value)
    if low >= bound if at_least else high <= bound:
        return MET
    return NOT_MET if (high < bound if at_least else low > bound) else WITHIN_NOISE


def _lean(found, bound, at_least):
    """Where noise leaves it open: on which side the medians lie; where there is one run: that there is no more."""
    if found is None:
        return []
    if not found.has_interval:
        return ["of one repetition: how much is noise is not known"]
    if judge(found, bound, at_least) != WITHIN_NOISE:
        return []
    kept = found.value >= bound if at_least else found.value <= bound
    return [f"the medians {'meet' if kept else 'miss'} it, and the interval reaches over it"]


def interval(found, form):
    """'value (low to high)'."""
    text = form(found.value)
    if not found.has_interval or form(found.low) == form(found.high) == text:
        return text
    return f"{text} ({quantities.span(form, found.low, found.high)})"


def percent(value):
    """A share, as the bounds have it."""
    return f"{value:.2f} %"


def _verdict(number, what, bound_text, found, bound, at_least, form, details=(), figure=None):
    return Verdict(number, what, bound_text, judge(found, bound, at_least),
                   figure if figure is not None else "" if found is None else interval(found, form),
                   [*_lean(found, bound, at_least), *details])


def lacking(results, configurations):
    """Which of the configurations have no run that counts, in words."""
    absent = [name for name in configurations
              if not any(results.of(workload, name) for workload in results.suite)]
    return [f"there is no run of {names(absent)}"] if absent else []


def _oracle(results, tree):
    """Bar 1: our reclamation and the all-knowing one."""
    what, bound = f"reclaim beside the oracle, on {ORACLE_WORKLOAD}", f"at least {ORACLE_SHARE:g} % of its saving"
    found = oracle.compare(results, ORACLE_WORKLOAD, "reclaim", tree)
    if not found:
        needs = [f"needs runs of {ORACLE_WORKLOAD} under orig and reclaim with the program's own report"]
        return Verdict(1, what, bound, NOT_MEASURED, details=needs)
    return _verdict(1, what, bound, found.share, ORACLE_SHARE, True, percent,
                    [f"oracle of {found.ages.value:.3g} s: {found.age.source}"])


def _against_prcl(results):
    """Bar 2: the three figures of reclaim beside those of prcl."""
    among, trio = results.suite, (BASE, "prcl", "reclaim")
    left_out = [each for each in among if each not in results.common(RUNTIME, trio, among)]
    note = [f"without {names(left_out)}: not all of {names(trio)} were run"] if left_out else []
    if len(left_out) == len(among):
        note = lacking(results, trio) or ["no workload has runs of all three"]

    def row(what, bound, measure, figure, form, show):
        """FIGURE is at least 0 where the bar is met."""
        found, workloads = results.over(measure, trio, figure, among)
        if not found:
            return Verdict(2, what, bound, NOT_MEASURED, details=note)
        sums = {name: sum(each) for name, each in
                ((name, [results.figure(measure, workload, name).value for workload in workloads]) for name in trio)}
        details = [f"margin {interval(found, form)}", f"over {names(workloads)}", *note]
        return _verdict(2, what, bound, found, 0, True, form, details, show(sums))

    def saved(measure, what):
        return row(f"{what} that reclaim saves", "at least what prcl saves", measure,
                   lambda sums: sums["prcl"] - sums["reclaim"], of_kib,
                   lambda sums: f"{of_kib(sums[BASE] - sums['reclaim'])}; prcl {of_kib(sums[BASE] - sums['prcl'])}")

    def slow(sums, name):
        return (sums[name] / sums[BASE] - 1) * 100

    return [
        saved(RSS, "Resident memory"),
        saved(MEMUSED, "Memory of the machine"),
        row("Pages that come back under reclaim", "at most half of prcl's", REFAULTED,
            lambda sums: sums["prcl"] / 2 - sums["reclaim"], of_count,
            lambda sums: f"{of_count(sums['reclaim'])}; prcl {of_count(sums['prcl'])}"),
        row("Slow-down by reclaim", "at most half of prcl's", RUNTIME,
            lambda sums: slow(sums, "prcl") / 2 - slow(sums, "reclaim"), signed_percent,
            lambda sums: f"{signed_percent(slow(sums, 'reclaim'))}; prcl {signed_percent(slow(sums, 'prcl'))}"),
    ]


def bloated(results):
    """The workloads of the suite whose memory overhead under THP exceeds the noise, and those where it does not."""
    over, others = [], []
    for workload in results.suite:
        found = results.overhead(MEMUSED, workload, "thp")
        if found:
            (over if found.has_interval and found.low > 0 else others).append(workload)
    return over, others


def hot_share(results, configuration, among):
    """Of the hot bytes of these workloads, the share on huge pages; an estimate, and the workloads that say it."""
    groups, workloads = [], []
    for workload in among:
        seen = {number: found for number, record in results.of(workload, configuration).items()
                if (found := hot_coverage(record))}
        if seen:
            workloads.append(workload)
            groups.append(Repetitions({"huge": {number: each[0] for number, each in seen.items()},
                                       "hot": {number: each[1] for number, each in seen.items()}}))
    return estimate(groups, lambda medians: sum(each["huge"] for each in medians) * 100 /
                    (sum(each["hot"] for each in medians) or 1)), workloads


def _huge_pages(results):
    """Bar 3: what the published and our policy make of THP."""
    over, others = bloated(results)
    details = [f"over {names(over)}"] if over else []
    if others:
        details.append(f"without {names(others)}: no overhead beyond the noise")
    if not over:
        details = lacking(results, (BASE, "thp")) or ["in no workload does THP's memory overhead exceed the noise"]
    rows = []
    for name, least_removed, least_kept in (("ethp", PUBLISHED_REMOVED, PUBLISHED_KEPT),
                                            ("efficient-thp", OURS_REMOVED, OURS_KEPT)):
        absent = lacking(results, (name,))
        removed, workloads = results.over(MEMUSED, (BASE, "thp", name), lambda sums, name=name: thp_overhead_removed(
            sums[BASE], sums["thp"], sums[name]), over)
        partly = [f"only over {names(workloads)}"] if removed and len(workloads) < len(over) else []
        rows.append(_verdict(3, f"Memory overhead of THP that {name} removes", f"at least {least_removed:g} %",
                             removed, least_removed, True, percent, [*absent, *details, *partly]))
        kept, said = hot_share(results, name, over)
        if over and not said and not absent:
            absent = [f"no run says which of its hot bytes lie on huge pages: {HOT_COVERAGE.title.lower()} is missing"]
        partly = [f"only over {names(said)}"] if kept and len(said) < len(over) else []
        everywhere = hot_share(results, "thp", said)[0] if said else None
        beside = [f"under thp {percent(everywhere.value)}"] if everywhere else []
        rows.append(_verdict(3, f"Hot bytes that {name} keeps on huge pages", f"at least {least_kept:g} %",
                             kept, least_kept, True, percent, [*absent, *details, *partly, *beside]))
    return rows


def _monitoring(results):
    """Bar 4: what it costs to look."""
    rows = []
    for measure, what, most in ((RUNTIME, "Slow-down by monitoring (rec)", MONITORING_TIME),
                                (MEMUSED, "Memory that monitoring takes (rec)", MONITORING_MEMORY)):
        found = results.total_overhead(measure, "rec", results.suite)
        rows.append(_verdict(4, what, f"at most {most:g} % beyond noise", found, most, False, signed_percent,
                             [] if found else lacking(results, (BASE, "rec"))))
    return rows


def verdicts(results, tree):
    """All bars, in their order."""
    return [_oracle(results, tree), *_against_prcl(results), *_huge_pages(results), *_monitoring(results)]
