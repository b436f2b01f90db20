# SPDX-License-Identifier: MIT
"""What is measured of a run, each as one figure."""

from dataclasses import dataclass
from typing import Callable

from . import quantities
from .statistics import mean


def course_of(record):
    """The course that the program itself reported, or nothing."""
    return (record.own_report or {}).get("course") or []


def _sampled(key):
    """The mean of a sample's figure over the run."""
    def of(record):
        return mean(sample[key] for sample in record.samples if sample.get(key) is not None)
    return of


def _used(key):
    """The mean of what is not free of all memory."""
    free_of = _sampled(key)

    def of(record):
        free = free_of(record)
        return None if free is None or not record.memory_total_kib else record.memory_total_kib - free
    return of


def _counted(name):
    return lambda record: record.vmstat.get(name)


def _share_of_runtime(name):
    def of(record):
        seconds = getattr(record, name)
        return None if seconds is None or not record.runtime_s else seconds / record.runtime_s * 100
    return of


def reclaimed_bytes(record):
    """What really left memory by the schemes that page out; None without one."""
    schemes = [each for each in (record.summary or {}).get("schemes") or [] if each.get("action") == "pageout"]
    return sum(each.get("paged_out_bytes") or 0 for each in schemes) if schemes else None


def hot_coverage(record):
    """Of the hot bytes in the second half of the course, (those on huge pages, all); None where it was not seen."""
    course = course_of(record)
    end = max((moment.get("t_s") or 0 for moment in course), default=0)
    seen = [moment for moment in course if (moment.get("t_s") or 0) >= end / 2
            and moment.get("hot_on_huge_bytes") is not None and moment.get("hot_bytes") is not None]
    hot = mean(moment["hot_bytes"] for moment in seen)
    return (mean(moment["hot_on_huge_bytes"] for moment in seen), hot) if hot else None


def _hot_coverage_share(record):
    found = hot_coverage(record)
    return found and found[0] / found[1] * 100


@dataclass(frozen=True)
class Measure:
    """One of them: its name as in table.tsv, how it is written, and how it is taken of a record."""

    name: str
    title: str
    form: Callable
    of: Callable
    of_orig: bool = True  # whether a run without the engine has it, so that there is an overhead
    says: str = ""


RUNTIME = Measure("runtime", "Runtime", quantities.of_seconds, lambda record: record.runtime_s,
                  says="Wall-clock time of the whole program.")
MEMUSED = Measure("memused.avg", "Memory used", quantities.of_kib, _used("mem_free_kib"),
                  says="MemTotal less MemFree, each second; the whole machine, as published.")
MEMUSED_AVAILABLE = Measure("memused_available.avg", "Memory used, by MemAvailable", quantities.of_kib,
                            _used("mem_available_kib"),
                            says="MemTotal less MemAvailable: page cache that could go does not count.")
RSS = Measure("rss.avg", "Resident memory", quantities.of_kib, _sampled("rss_kib"),
              says="RSS of the program and its children, each second.")
SWAP = Measure("swap.avg", "In swap", quantities.of_kib, _sampled("swap_kib"),
               says="VmSwap of the program and its children, each second.")
ZRAM = Measure("zram.avg", "What the swap takes of memory", quantities.of_kib, _sampled("zram_kib"),
               says="Memory that zram itself takes, each second: what was saved is net of it in memory used only.")
MINOR_FAULTS = Measure("minor_faults", "Minor page faults", quantities.of_count, lambda record: record.minor_faults)
MAJOR_FAULTS = Measure("major_faults", "Major page faults", quantities.of_count, lambda record: record.major_faults)
ANON_HUGE = Measure("anon_huge.avg", "Huge pages", quantities.of_kib, _sampled("anon_huge_kib"),
                    says="AnonHugePages, each second.")
ENGINE_CPU = Measure("engine_cpu", "CPU of the engine", quantities.of_percent, _share_of_runtime("engine_cpu_s"),
                     of_orig=False, says="Share of one processor.")
MONITOR_CPU = Measure("monitor_cpu", "CPU of the monitoring thread", quantities.of_percent,
                      _share_of_runtime("monitor_cpu_s"), of_orig=False, says="Share of one processor.")
ENGINE_RSS = Measure("engine_rss", "Memory of the engine", quantities.of_kib, lambda record: record.engine_rss_kib,
                     of_orig=False, says="Its own RSS, the most that it had.")
RECLAIMED = Measure("reclaimed", "Paged out", quantities.of_bytes, reclaimed_bytes, of_orig=False,
                    says="What really left memory by a scheme; what came back and went again counts again.")
REFAULTED = Measure("refaulted", "Refaulted pages", quantities.of_count, _counted("pswpin"),
                    says="Pages read back from swap (pswpin), the same way for all configurations.")
HOT_COVERAGE = Measure("hot_coverage", "Hot memory on huge pages", quantities.of_percent, _hot_coverage_share,
                       says="Of the bytes touched within the last second, those on huge pages; second half of the run.")

ALL = (RUNTIME, MEMUSED, MEMUSED_AVAILABLE, RSS, SWAP, ZRAM, MINOR_FAULTS, MAJOR_FAULTS, ANON_HUGE, HOT_COVERAGE,
       RECLAIMED, REFAULTED, ENGINE_CPU, MONITOR_CPU, ENGINE_RSS)
PUBLISHED = (RUNTIME, MEMUSED, RSS)
