# SPDX-License-Identifier: MIT
"""How much of what an all-knowing policy could save was saved.

The oracle takes each page away when it has been idle for an age, and brings it back with its next touch at no cost; the
program itself reports what that saves of its own touches, in byte-seconds, for several ages.  Between these ages a
straight line is taken, which lies above the true curve (savings fall ever more slowly with age), so a share is rather
too small than too great.

What a run saved is taken from the same run: at each second, what it had touched and not yet released by its own report,
less its RSS.  RSS also has what the report does not know of, such as the program's text; how much that is, is taken
from the orig runs of the same workload, where nothing was saved.
"""

import tomllib
from dataclasses import dataclass

from .measures import course_of
from .results import BASE
from .statistics import estimate_of, mean, median

KIB = 1024
UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def _truth(record):
    return (record.own_report or {}).get("truth") or {}


def _beside(record):
    """[(seconds, bytes touched, bytes resident)]: the samples that lie within the program's own course."""
    course = [(moment["t_s"], moment["touched_bytes"]) for moment in course_of(record)
              if moment.get("touched_bytes") is not None and moment.get("t_s") is not None]
    end = max(course)[0] if course else 0
    found = []
    for sample in record.samples:
        seconds, rss = sample.get("t_s"), sample.get("rss_kib")
        if seconds is None or rss is None or seconds > end:
            continue
        if (touched := between(course, seconds)) is not None:
            found.append((seconds, touched, rss * KIB))
    return found


def outside_bytes(results, workload):
    """RSS beyond what the program reports as touched, from the orig runs; None without such runs."""
    return median(found for record in results.of(workload, BASE).values()
                  if (found := mean(rss - touched for _, touched, rss in _beside(record))) is not None)


def saved_byte_seconds(record, outside):
    """What was out of memory, times how long; None where the run does not say it."""
    out = mean(touched + (outside or 0) - rss for _, touched, rss in _beside(record))
    seconds = (record.own_report or {}).get("elapsed_s")
    return None if None in (out, outside, seconds) else out * seconds


def between(points, place):
    """The value of a line through POINTS, (place, value), at PLACE; beyond the last point the last value."""
    points = sorted(points)
    if not points or place < points[0][0]:
        return None
    for (left, low), (right, high) in zip(points, points[1:]):
        if place <= right:
            return low + (high - low) * (place - left) / (right - left)
    return points[-1][1]


def oracle_byte_seconds(record, age):
    """What the oracle of that age saves in this run; None where the run does not say it."""
    truth = _truth(record)
    points = [(each["age_s"], each["saved_byte_seconds"]) for each in truth.get("oracle") or []]
    if not points:
        return None
    # With no age at all, nothing could be saved beyond what there is.
    return between([*points, (0.0, truth.get("resident_byte_seconds", max(points)[1]))], age)


def idle_share(moment, age):
    """At a moment of a course: the share of the touched bytes that had been idle for AGE; None if it is not said."""
    touched = moment.get("touched_bytes")
    points = [(float(name), value) for name, value in (moment.get("idle_bytes") or {}).items()]
    idle = between([*points, (0.0, touched)], age) if touched and points else None
    return None if idle is None else idle / touched


def _seconds(text):
    """The seconds of a duration as policies write them, such as 500ms; None if it is none."""
    text = str(text).strip().strip("\"'").replace(" ", "")
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        return float(digits) * UNITS[text[len(digits):]]
    except (KeyError, ValueError):
        return None


@dataclass(frozen=True)
class Age:
    """How long a scheme waited, and who says so."""

    seconds: float
    source: str


def scheme_age(record, tree):
    """The age from which a run paged out: as its summary says that it was tuned, else as set, else of its policy."""
    for scheme in (record.summary or {}).get("schemes") or []:
        if scheme.get("action") == "pageout" and scheme.get("tuned_age_mean_ns") is not None:
            return Age(scheme["tuned_age_mean_ns"] / 1e9, "tuned, the mean over the run")
    for setting in record.settings:
        name, _, value = str(setting).partition("=")
        if name.endswith("age.min") and _seconds(value) is not None:
            return Age(_seconds(value), "as set for the run")
    if not record.policy:
        return None
    try:
        policy = tomllib.loads((tree / record.policy).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    for scheme in policy.get("scheme", []):
        seconds = _seconds((scheme.get("age") or {}).get("min", "0s"))
        if scheme.get("action") == "pageout" and seconds is not None:
            begins = ", where its tuning begins" if scheme.get("tune") else ""
            return Age(seconds, f"of {record.policy}{begins}")
    return None


def reclaims(record, tree):
    """Whether the run pages out what is idle, of all memory: only beside such stands the oracle."""
    return record.configuration not in ("ethp", "ethp-v24", "efficient-thp") and scheme_age(record, tree) is not None


@dataclass(frozen=True)
class Comparison:
    """A configuration beside the oracle in one workload: figures are estimates over the repetitions."""

    workload: str
    configuration: str
    age: Age
    ages: object
    saved: object
    oracle: object
    share: object


def has_nothing_to_save(results, workload, configuration, tree):
    """Whether in none of the runs anything was ever idle for the scheme's age."""
    most = [oracle_byte_seconds(record, age.seconds) for record in results.of(workload, configuration).values()
            if (age := scheme_age(record, tree))]
    return bool(most) and all(each == 0 for each in most)


def compare(results, workload, configuration, tree):
    """Beside the oracle, each run with its own age; None where it cannot be said."""
    outside = outside_bytes(results, workload)
    saved, oracle, ages, age = {}, {}, {}, None
    for number, record in results.of(workload, configuration).items():
        own = scheme_age(record, tree) if reclaims(record, tree) else None
        mine = saved_byte_seconds(record, outside)
        most = oracle_byte_seconds(record, own.seconds) if own else None
        if mine is None or not most:
            continue
        saved[number], oracle[number], ages[number], age = mine, most, own.seconds, own
    if not saved:
        return None
    return Comparison(workload, configuration, age, estimate_of(ages), estimate_of(saved), estimate_of(oracle),
                      estimate_of({number: saved[number] / oracle[number] * 100 for number in saved}))


def out_of_memory(record, outside):
    """[(seconds, share of the touched memory that was out)]: by RSS against the program's own course."""
    return [(seconds, min(1.0, max(0.0, 1 - (rss - (outside or 0)) / touched)))
            for seconds, touched, rss in _beside(record) if touched]
