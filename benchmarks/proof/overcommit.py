# SPDX-License-Identifier: MIT
"""What tenants get done on a host that promised more memory than it has, with and without help."""

from statistics import median

from .chart import Axis, Chart
from .laboratory import TREE
from .result import clock, mib, percent

KERNEL = "6.12"  # it has the multi-generation LRU
ALL_FITS = 1.0
HALF = 1.5
RATIOS = (ALL_FITS, 1.25, 1.5, 1.75, 2.0)
WAYS = ("without", "mglru", "reclaim", "daemon")
WORDS = {"without": "the kernel alone", "mglru": "multi-generation LRU", "reclaim": "a loop of memory.reclaim",
         "daemon": "damon-schemes daemon"}
POLICY = "overcommit.toml"
PICTURES = TREE / "docs/results"
# Demand is a multiple of this; the guest has so much, of which the kernel keeps some for itself.
MEMORY_MIB = 2048


def run(laboratory, options, log, ways, ratios, seconds):
    """The figures of every way at every ratio, in one boot."""
    laboratory.build("damon_schemes_cli", "damon_schemes_remote", "overcommit")
    build = laboratory.build_folder
    command = ["overcommit", f"/root/{POLICY}", "--memory", MEMORY_MIB, "--settle", options.settle, "--seconds", seconds,
               *(word for way in ways for word in ("--way", way)),
               *(word for ratio in ratios for word in ("--ratio", ratio))]
    each = 240 + options.settle + seconds
    _, _, found = laboratory.guest(
        KERNEL, [*command, "--out", "/out/overcommit.json"], log, timeout=600 + 2 * each * len(ways) * len(ratios),
        expect=["overcommit.json"],
        files=[build / "damon-schemes", build / "benchmarks/daemon/overcommit",
               f"{TREE}/benchmarks/daemon/{POLICY}:/root/{POLICY}"],
        more=["--memory", f"{MEMORY_MIB}M", "--swap", "4G"])
    return found["overcommit.json"], " ".join(str(word) for word in command).replace("/root/", "")


def of(figures, way, ratio=None):
    return [run for run in figures["runs"] if run["way"] == way and ratio in (None, run["ratio"])]


def tell(result, figures):
    """The table of everything."""
    rows = [(WORDS[run["way"]], f"{run['ratio']:g}", f"{run['requests_per_second']:.0f}", f"{run['p50_ms']:.1f} ms",
             f"{run['p99_ms']:.1f} ms", f"{run['swapped_in_pages']:,}", f"{run['direct_scanned_pages']:,}",
             percent(run["stalled_share"]), str(run["oom_kills"]),
             mib(median(sample["swapped_bytes"] for sample in run["course"])),
             percent(run["daemon_cpu_share"]) if "daemon_cpu_share" in run else "-") for run in figures["runs"]]
    result.table(("", "demand to memory", "requests a second", "median", "p99", "pages swapped in",
                  "pages looked at in direct reclaim", "PSI some", "OOM kills", "in swap",
                  "CPU of the daemon"), rows)


def explain(result, figures, options):
    shares = ", ".join(percent(share, 0) for share in figures["cold_shares"])
    result.say("", f"{figures['groups'] * figures['per_group']} processes in {figures['groups']} cgroups on a guest with "
               f"{MEMORY_MIB} MiB and a zram of 4 GiB. Of a tenant's memory {shares} is not used at a time, by cgroup in "
               "turn (fixed before anything was measured), and every 90 s a quarter of what it uses moves on. A request "
               "uses 128 pages of that at random and 32 new ones; the next comes 0.1 s after its end on the mean. "
               f"Measured from {options.settle} s after all memory was written.")


def draw(result, figures):
    """Work done over the ratio."""
    ratios = sorted({run["ratio"] for run in figures["runs"]})
    most = max(run["requests_per_second"] for run in figures["runs"])
    chart = Chart("Requests of all tenants a second, by what they ask for",
                  Axis("demand to memory", ratios[0] - 0.05, ratios[-1] + 0.05, [(ratio, f"{ratio:g}") for ratio in ratios]),
                  Axis("requests a second", 0, most * 1.05, [(most * i / 4, f"{most * i / 4:.0f}") for i in range(5)]))
    for way in WAYS:
        points = [(run["ratio"], run["requests_per_second"]) for run in of(figures, way)]
        if points:
            chart.line(WORDS[way], sorted(points))
    name = "daemon-overcommit.svg"
    (PICTURES / name).write_text(chart.svg(), encoding="utf-8")
    result.say("", f"![Work done by what is asked for]({name})", "")


def by_half(laboratory, options, result):
    """Point 1, the bars: ten minutes with the daemon and without it."""
    figures, command = run(laboratory, options, "1-overcommit.log", ("without", "daemon"), (HALF,), options.seconds)
    release = laboratory.release(KERNEL)
    without, daemon = of(figures, "without")[0], of(figures, "daemon")[0]
    gained = daemon["requests_per_second"] / without["requests_per_second"]
    result.add(f"demand {HALF:g} times the memory for {clock(options.seconds)}: work done with the daemon to without",
               f"{gained:.2f} times", "at least 1.3", gained >= 1.3, release, command)
    result.add("OOM kills with the daemon; without", f"{daemon['oom_kills']}; {without['oom_kills']}", "0 with it",
               daemon["oom_kills"] == 0, release, command)
    late = without["p99_ms"] / daemon["p99_ms"]
    result.add("p99 of a request without the daemon to with it", f"{late:.2f} times", kernel=release, command=command)
    wrong = sum(run["wrong_pages"] for run in figures["runs"])
    result.add("pages that did not hold what was written to them", str(wrong), "0", wrong == 0, release, command)
    explain(result, figures, options)
    tell(result, figures)


def swept(laboratory, options, result):
    """Point 1, the curves."""
    figures, command = run(laboratory, options, "7-overcommit-swept.log", WAYS, options.ratios, options.swept_seconds)
    release = laboratory.release(KERNEL)
    for way in WAYS[:-1]:
        ratios = [daemon["requests_per_second"] / of(figures, way, daemon["ratio"])[0]["requests_per_second"]
                  for daemon in of(figures, "daemon")]
        result.add(f"work done with the daemon to {WORDS[way]}, by ratio",
                   ", ".join(f"{ratio:.2f}" for ratio in ratios), kernel=release, command=command)
    all_fits, half = (of(figures, "without", ratio)[0]["requests_per_second"] for ratio in (ALL_FITS, HALF))
    result.add(f"work done by the kernel alone where all fits to that at {HALF:g}: all that there is to gain there",
               f"{all_fits / half:.2f} times", kernel=release, command=command)
    explain(result, figures, options)
    tell(result, figures)
    draw(result, figures)
