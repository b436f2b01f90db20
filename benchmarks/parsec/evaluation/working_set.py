# SPDX-License-Identifier: MIT
"""The working set of a workload, and the memory limit for a container that follows from it.

The limit is the 99th percentile of the working set, a tenth more, rounded up to MiB.  The working set at a moment is
what was touched within the last AGE seconds, as the program itself reported it in its orig runs, and what is resident
besides (its text, libraries); where it reports nothing, what its recording found accessed in an aggregation interval,
which is less: a recording samples, and looks back over a shorter time.
"""

from dataclasses import dataclass

from .measures import course_of
from .oracle import idle_share, outside_bytes
from .results import BASE
from .statistics import median, percentile

MIB = 1 << 20
AGE = 5.0
SHARE = 0.99
HEADROOM = 1.1


@dataclass(frozen=True)
class MemoryLimit:
    """What to give a container, and from what."""

    working_set: float
    limit_mib: int
    peak_rss: float | None
    source: str


def _limit(working_set, peak, source):
    return MemoryLimit(working_set, int(-(-working_set * HEADROOM // MIB)), peak, source)


def reported_working_sets(record):
    """Bytes touched within AGE, at each moment that the program reported."""
    found = []
    for moment in course_of(record):
        idle = idle_share(moment, AGE)
        if idle is not None:
            found.append(moment["touched_bytes"] * (1 - idle))
    return found


def memory_limit(results, workload, recorded=()):
    """The limit for a workload; RECORDED are the working sets of its recording. None where neither says anything."""
    runs = results.of(workload, BASE).values()
    peaks = [max((sample.get("rss_kib") or 0 for sample in record.samples), default=0) * 1024 for record in runs]
    peak = median(each for each in peaks if each)
    if reported := [percentile(found, SHARE) for record in runs if (found := reported_working_sets(record))]:
        besides = max(0.0, outside_bytes(results, workload) or 0.0)
        return _limit(median(reported) + besides, peak,
                      f"the program's own report: touched within {AGE:g} s, and {besides / MIB:.1f} MiB besides")
    if recorded:
        return _limit(percentile(recorded, SHARE), peak, "its recording: accessed in an aggregation interval")
    return None

