#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A results folder for tests of the report: made up from a small model of programs and schemes, by a seed.

sample_results.py FOLDER writes one, to be looked at with benchmarks/parsec/report. Its figures mean nothing."""

import bisect
import json
import pathlib
import random
import struct
import sys

import location  # noqa: F401

from evaluation.run_record import RunRecord, append_run

MIB = 1 << 20
STEP = 0.5
AGES = (0.5, 1, 2, 3, 5, 10, 20)
TOTAL_KIB = 1 << 20
CONFIGURATIONS = ("orig", "rec", "thp", "ethp", "prcl", "ethp-v24", "prcl-v24", "reclaim", "efficient-thp")
# Of each workload: seconds, MiB, share touched all the time, share touched once, seconds between touches of the rest,
# and what huge pages add.
WORKLOADS = {
    "suite/itemsets": (66, 96, 0.15, 0.6, 30, 0.02),
    "suite/blackscholes": (62, 64, 0.4, 0.57, 0, 0.0),
    "suite/dedup": (64, 128, 0.05, 0.85, 25, 0.03),
    "suite/annealing": (70, 96, 0.92, 0.0, 4, 0.01),
    "suite/kmedian": (61, 72, 1.0, 0.0, 0, 0.0),
    "suite/ocean": (75, 128, 0.85, 0.1, 15, 0.51),
    "suite/radiosity": (63, 144, 0.02, 0.97, 20, 0.12),
    "suite/radix": (60, 112, 0.3, 0.2, 12, 0.08),
}
POLICIES = {"ethp": "ethp-v12", "prcl": "prcl-v12", "ethp-v24": "ethp-v24", "prcl-v24": "prcl-v24",
            "reclaim": "tuned-reclaim", "efficient-thp": "efficient-thp"}
RECLAIM_AGES = {"prcl": 0.5, "prcl-v24": 5.0, "reclaim": 1.4}
BLOAT_KEPT = {"thp": 1.0, "ethp": 0.34, "ethp-v24": 0.25, "efficient-thp": 0.06}
COVERAGE = {"orig": 0.0, "thp": 0.99, "ethp": 0.55, "ethp-v24": 0.6, "efficient-thp": 0.93}


class Program:
    """When each MiB of a workload is touched, in steps."""

    def __init__(self, seconds, mebibytes, hot, once, between, _bloat):
        self.seconds, self.mebibytes = seconds, mebibytes
        self.steps = int(seconds / STEP)
        self.touches = [self._touches(number / mebibytes, hot, once, between) for number in range(mebibytes)]

    def _touches(self, place, hot, once, between):
        first = int(place * 0.2 * self.steps)  # filled in the first fifth
        if place < hot:
            return list(range(first, self.steps))
        if place < hot + once or not between:
            return [first, first + 1]
        return list(range(first, self.steps, int(between / STEP)))

    def gaps(self):
        """The idle gaps, in seconds, of all MiB."""
        for touches in self.touches:
            ends = [*touches[1:], self.steps]
            yield from ((end - begin) * STEP for begin, end in zip(touches, ends))

    def state(self, step):
        """At a step, (seconds since the last touch) of each MiB touched so far."""
        found = []
        for touches in self.touches:
            if place := bisect.bisect_right(touches, step):
                found.append((step - touches[place - 1]) * STEP)
        return found


def own_report(name, program, configuration, pace):
    """As the program would have written it, PACE times slower than its model."""
    course, resident = [], 0.0
    for step in range(0, program.steps, 2):
        idle = program.state(step)
        hot = sum(age < 1 for age in idle) * MIB
        ready = min(1.0, step / program.steps * 4) if configuration != "thp" else 1.0
        course.append({"t_s": round(step * STEP * pace + 1, 3), "touched_bytes": len(idle) * MIB,
                       "hot_bytes": hot,
                       "idle_bytes": {f"{age:g}": sum(each >= age for each in idle) * MIB for age in AGES},
                       "hot_on_huge_bytes": int(hot * COVERAGE.get(configuration, 0) * ready) })
        resident += len(idle) * MIB * 2 * STEP * pace
    oracle = [{"age_s": age, "saved_byte_seconds": sum(max(0.0, gap * pace - age) for gap in program.gaps()) * MIB}
              for age in AGES]
    return {"schema": 1, "program": name.split("/")[1], "size": "medium", "seed": 1, "checked": True,
            "elapsed_s": program.seconds * pace, "phases": [], "page_bytes": 4096, "touched_bytes": program.mebibytes * MIB,
            "truth": {"resident_byte_seconds": resident, "oracle": oracle}, "course": course}


def summary(configuration, saved, elapsed):
    """As damon-schemes apply --json has it, in part."""
    tuned = int(RECLAIM_AGES[configuration] * 1e9) if configuration == "reclaim" else None
    action = "pageout" if configuration in RECLAIM_AGES else "hugepage"
    return {"elapsed_ns": int(elapsed * 1e9), "schemes": [
        {"name": configuration, "action": action, "paged_out_bytes": int(saved), "tuned_age_mean_ns": tuned}]}


def run(name, configuration, repetition, generator, pace):
    """One run's record; PACE is how slow its repetition was."""
    shape = WORKLOADS[name]
    program = Program(*shape)
    idle_step, slow = RECLAIM_AGES.get(configuration), 1.0
    samples, left, returned = [], 0, 0
    was_out = 0
    bloat = shape[5] * BLOAT_KEPT.get(configuration, 0)
    for step in range(0, program.steps, 2):
        idle = program.state(step)
        out = sum(each >= idle_step + 0.5 for each in idle) if idle_step else 0
        left += max(0, out - was_out)
        returned += max(0, was_out - out)
        was_out = out
        rss = (len(idle) - out) * 1024 * (1 + bloat) + 3900 + generator.randrange(200)
        zram = out * 1024 * 0.3
        samples.append({"t_s": round(step * STEP * pace + 1, 3), "mem_free_kib": int(TOTAL_KIB - rss - zram - 91000
                                                                     - generator.randrange(900)),
                        "mem_available_kib": int(TOTAL_KIB - rss - zram - 71000 - generator.randrange(900)),
                        "rss_kib": int(rss), "swap_kib": out * 1024, "zram_kib": int(zram),
                        "anon_huge_kib": int(rss * COVERAGE.get(configuration, 0) * 0.9)})
    pages = (returned * 256 + left * 256 * (0.4 if configuration == "prcl" else 0.02)) if idle_step else 0
    slow += pages * 40e-6 / program.seconds + {"rec": 0.004, "thp": -0.06, "ethp": -0.03}.get(configuration, 0.002)
    runtime = program.seconds * slow * pace * generator.uniform(0.992, 1.008)
    engine = configuration not in ("orig", "thp")
    return RunRecord(
        workload=name, size="medium", configuration=configuration, repetition=repetition, place="vm",
        monitor="module" if engine else "none", started=f"2026-11-23T0{repetition}:40:00Z",
        kernel="6.1.0-41-amd64", cpus=2, memory_total_kib=TOTAL_KIB, runtime_s=round(runtime, 3), exit_status=0,
        samples=samples, minor_faults=int(program.mebibytes * 256 * (1 - 0.9 * COVERAGE.get(configuration, 0)) + pages),
        major_faults=int(pages * 0.8), vmstat={"pswpin": int(pages), "pswpout": int(left * 256)},
        engine_cpu_s=runtime * 0.02 if engine else None, engine_rss_kib=9100 if engine else None,
        monitor_cpu_s=runtime * 0.06 if engine else None,
        summary=summary(configuration, left * MIB, runtime) if configuration in POLICIES else None,
        own_report=own_report(name, program, configuration, pace),
        conditions={"thp": "always" if configuration == "thp" else "madvise", "thp_defrag": "madvise",
                    "khugepaged": {"defrag": 1, "pages_to_scan": 4096, "scan_sleep_millisecs": 10000,
                                   "alloc_sleep_millisecs": 60000}, "swap": "zram 512M", "dropped_caches": True},
        policy=f"policies/{POLICIES[configuration]}.toml" if configuration in POLICIES else None,
        settings=["scheme.promote.quota.time=100ms"] if configuration == "efficient-thp" else [],
        command=[name.split("/")[1], "--size", "medium"])


def recording(path, name):
    """A recording in DAMON's first format: heap, mmap and stack, with the hot part moving."""
    program = Program(*WORKLOADS[name])
    heap, mapped, stack = 0x555555000000, 0x7F0000000000, 0x7FFFF0000000
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [b"damon_recfmt_ver", struct.pack("<i", 1)]
    for number in range(program.seconds * 10):
        time = 100_000_000 * (number + 1)
        regions = [(heap, heap + 2 * MIB, 14)]
        hot = number * program.mebibytes // (program.seconds * 10) // 4 * 4
        for begin in range(0, program.mebibytes, 4):
            regions.append((mapped + begin * MIB, mapped + (begin + 4) * MIB, 18 if begin == hot else 2 * (begin < 12)))
        regions.append((stack, stack + 132 * 1024, 9))
        parts.append(struct.pack("<qqIiI", time // 10**9, time % 10**9, 1, 118, len(regions)))
        parts += [struct.pack("<QQI", *region) for region in regions]
    path.write_bytes(b"".join(parts))


def write(folder, workloads=tuple(WORKLOADS), configurations=CONFIGURATIONS, repetitions=3, recordings=()):
    """A whole results folder; what it made."""
    generator = random.Random(7)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for repetition in range(1, repetitions + 1):
        for name in workloads:
            pace = generator.uniform(0.9, 1.25)
            records += [run(name, each, repetition, generator, pace) for each in configurations]
    for record in records:
        append_run(folder / "runs.jsonl", record)
    (folder / "run.json").write_text(json.dumps({
        "schema": 1, "arguments": {"size": "medium", "repeat": repetitions}, "emulated": True, "commit": "0123abc",
        "machine": {"processors": 2, "model": "A Processor @ 2.00GHz", "kernel": "6.1.0-41-amd64"},
        "date": "2026-11-23T01:40:00Z", "command": "benchmarks/parsec/run --size medium --repeat 3 --recordings",
        "sittings": [{"date": "2026-11-23T01:40:00Z"}, {"date": "2026-11-23T03:40:00Z"}]}), encoding="utf-8")
    for name in recordings:
        recording(folder / "recordings" / f"{name}.damon", name)
    return records


if __name__ == "__main__":
    write(sys.argv[1], recordings=tuple(WORKLOADS)[:2])
