# SPDX-License-Identifier: MIT
"""Point 3: 64 MiB hot and 256 MiB cold, told apart."""

from .result import percent

SCALE = 4  # emulation: a round over the hot area takes a sampling interval and more
SNAPSHOTS = 40
LEAST = 0.95


def sight(laboratory, options, result):
    """Base and huge pages on each kernel."""
    laboratory.build("hot_and_cold")
    rows = []
    for kernel in options.kernels:
        release = laboratory.release(kernel)
        for kind in ("base", "huge"):
            command = ["hot_and_cold", kind, SCALE, SNAPSHOTS, "/out/sight.json"]
            _, _, found = laboratory.guest(
                kernel, command, f"3-{kernel}-{kind}.log", expect=["sight.json"], timeout=600,
                files=[laboratory.build_folder / "benchmarks/accuracy/hot_and_cold"])
            figures = found["sight.json"]
            if kind == "huge" and figures["huge_share"] < 0.9:
                result.add("huge pages: told right", f"the kernel made huge pages of only "
                           f"{percent(figures['huge_share'])}", "at least 95 %", False, release)
                continue
            good = figures["converged"] and min(figures["hot_median"], figures["cold_median"]) >= LEAST
            result.add(f"{kind} pages: hot and cold bytes told right",
                       f"{percent(figures['hot_median'])} and {percent(figures['cold_median'])}",
                       "at least 95 % each", good, release, " ".join(str(word) for word in command[:-1]))
            rows.append((release, kind, figures["convergence_snapshots"], percent(figures["hot_median"], 2),
                         percent(figures["hot_least"], 2), percent(figures["cold_median"], 2),
                         percent(figures["cold_least"], 2), f"{figures['regions_median']:.0f}"))
    result.say(f"Intervals are {SCALE} times the defaults; medians and least of {SNAPSHOTS} snapshots after "
               "convergence, which is when the medians of five were both right. A region counts as hot where "
               "any look found it accessed, as cold where it was looked at and none did.")
    result.table(("kernel", "pages", "snapshots to converge", "hot", "least", "cold", "least", "regions"), rows)
