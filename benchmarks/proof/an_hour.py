# SPDX-License-Identifier: MIT
"""An hour of 1,000 regions ten times a second: written, read, reported, simulated."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from .laboratory import TREE
from .result import NotMeasured, mib

LIMIT = 256 << 20
REPORTS = (("summary",), ("heatmap",), ("heatmap", "--format", "svg"), ("heatmap", "--format", "html"),
           ("heatmap", "--format", "heats"), ("wss",), ("regions",), ("schemes",))


def timed(command):
    """(seconds, peak RSS in bytes) of a command that must succeed; its output goes nowhere."""
    began = time.monotonic()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, cwd=TREE) as process:
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise NotMeasured(f"'{' '.join(str(word) for word in command)}' ended with {process.returncode}: {said[:200]}")
    return time.monotonic() - began, usage.ru_maxrss << 10


def median_of_three(command):
    """The middle of three runs by time, with the most memory of all."""
    runs = sorted(timed(command) for _ in range(3))
    return runs[1][0], max(peak for _, peak in runs)


def an_hour(laboratory, _options, result):
    """All of the point, natively."""
    laboratory.build("damon_schemes_cli", "recordings_benchmark")
    program = laboratory.build_folder / "damon-schemes"
    with tempfile.TemporaryDirectory(prefix="damon-schemes-hour-") as folder:
        hour = Path(folder) / "hour.dsr"
        _, said, _ = laboratory.run(
            [laboratory.build_folder / "benchmarks/recordings/recordings_benchmark", 36000, 1000, hour],
            "r4-benchmark.log", shown="recordings_benchmark 36000 1000 FILE")
        written = re.search(r"^own +written .*?\(([\d.]+) % of a CPU", said, re.M)
        read = re.search(r"^own +read +([\d.]+) s", said, re.M)
        if not written or not read:
            raise NotMeasured("the benchmark says nothing of our own format; see build/proof/r4-benchmark.log")
        result.add("recording, from a simulated monitor", f"{float(written[1]):.3f} % of a CPU", "under 0.3 %",
                   float(written[1]) < 0.3, "native", "recordings_benchmark")
        result.add("reading it", f"{float(read[1]):.2f} s", command="recordings_benchmark")
        result.say("```", said.strip(), "```", "")
        policy = TREE / "policies/proactive-reclaim.toml"
        seconds, peak = median_of_three([program, "simulate", policy, hour])
        result.add("simulated", f"{seconds:.2f} s, {mib(peak)}", "under 2 s, under 256 MiB", seconds < 2 and peak < LIMIT,
                   "native", "damon-schemes simulate policies/proactive-reclaim.toml FILE")
        rows = []
        for kind in REPORTS:
            seconds, peak = median_of_three([program, "report", *kind, hour])
            rows.append((" ".join(kind), seconds, peak))
        slowest, largest = max(row[1] for row in rows), max(row[2] for row in rows)
        result.add("reported: the slowest report, the largest memory", f"{slowest:.2f} s, {mib(largest)}",
                   "under 5 s, under 256 MiB", slowest < 5 and largest < LIMIT, "native", "damon-schemes report KIND FILE")
        result.table(("report", "median of three", "most memory"),
                     [(kind, f"{seconds:.2f} s", mib(peak)) for kind, seconds, peak in rows])
