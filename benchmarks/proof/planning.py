# SPDX-License-Identifier: MIT
"""Point 5: matching and planning, natively."""

import json
import tempfile

from .result import NotMeasured, microseconds

COMMAND = "decide_benchmark --benchmark_filter=match_and_plan --benchmark_repetitions=9"
# A region may cost so much more at 1,000,000, where nothing fits a cache, than at 1,000.
LINEAR = 2.0
TO_NS = {"ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000}


def planning(laboratory, _options, result):
    """Medians by size, and the fit over them."""
    laboratory.build("decide_benchmark")
    with tempfile.NamedTemporaryFile("r", suffix=".json", encoding="utf-8") as out:
        words = COMMAND.split()
        laboratory.run([laboratory.build_folder / "benchmarks/decide" / words[0], *words[1:],
                        f"--benchmark_out={out.name}", "--benchmark_out_format=json"], "5-decide.log", timeout=900)
        runs = json.load(out)["benchmarks"]
    medians, fit, rms = {}, None, None
    for run in runs:
        if run.get("aggregate_name") == "median":
            medians[int(run["run_name"].split("/")[1])] = run["real_time"] * TO_NS[run["time_unit"]]
        elif run.get("aggregate_name") == "BigO":
            fit = run["big_o"]
        elif run.get("aggregate_name") == "RMS":
            rms = run["rms"]
    if 1000 not in medians or 1_000_000 not in medians:
        raise NotMeasured("the benchmark has other sizes than 1,000 to 1,000,000 regions")
    small, large = medians[1000], medians[1_000_000]
    growth = large / 1_000_000 / (small / 1000)
    result.add("match and plan, 1,000 regions against 8 schemes: median", microseconds(small), "under 50 µs",
               small < 50_000, "native", COMMAND)
    result.add("its growth to 1,000,000 regions", f"fit {fit} (rms {rms:.0%}), a region costs {growth:.2f} times as much",
               f"linear: at most {LINEAR:g} times", growth <= LINEAR, "native", COMMAND)
    result.table(("regions", "median", "a region"),
                 [(f"{n:,}", microseconds(ns), f"{ns / n:.1f} ns") for n, ns in sorted(medians.items())])
