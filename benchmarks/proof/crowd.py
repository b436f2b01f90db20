# SPDX-License-Identifier: MIT
"""What the daemon takes with many targets, whether it grows, and whether a replaced policy still acts."""

from statistics import median

from .laboratory import TREE
from .result import clock, mib, percent

KERNEL = "6.1"
POLICIES = f"{TREE}/benchmarks/daemon"
MOST_MIB = 40
STAYERS = 500
COLD = 0.5  # of the memory of each
LATEST_MS = 50
COUNTED = ("--icount", "0")


def crowd(laboratory, arguments, log, seconds, policy="crowd.toml", machine=()):
    """The figures of one crowd in a boot of its own."""
    laboratory.build("damon_schemes_cli", "damon_schemes_remote", "crowd")
    build = laboratory.build_folder
    command = ["crowd", f"/root/{policy}", *arguments, "--seconds", seconds]
    _, _, found = laboratory.guest(
        KERNEL, [*command, "--out", "/out/crowd.json"], log, timeout=1800 + 2 * seconds, expect=["crowd.json"],
        files=[build / "damon-schemes", build / "benchmarks/daemon/crowd", f"{POLICIES}/{policy}:/root/{policy}",
               f"{POLICIES}/crowd-idle.toml:/root/crowd-idle.toml"],
        more=[*machine, "--memory", "2G", "--swap", "2G"])
    shown = " ".join(str(word) for word in command).replace("/root/", "")
    return found["crowd.json"], shown + (f" (lab/run {' '.join(machine)})" if machine else "")


def growth(samples):
    """From the median of the second sixth, when all has come to rest, to that of the last."""
    sixth = max(1, len(samples) // 6)
    rss = [sample["rss_bytes"] for sample in samples]
    return median(rss[-sixth:]) - median(rss[sixth:2 * sixth] or rss[:1])


def many(laboratory, options, result):
    """Point 2: 500 targets, then births and deaths."""
    release = laboratory.release(KERNEL)
    # Emulated system calls take ten and more times what they do on a processor.  There time counts instructions: as on
    # a processor that does one each nanosecond, which today's do twice over.
    figures, command = crowd(laboratory, ["--stayers", STAYERS, "--cold", COLD], "2-crowd.log", 120,
                             "crowd-services.toml", COUNTED)
    most = max(sample["rss_bytes"] for sample in figures["samples"])
    result.add(f"memory of the daemon with {STAYERS} targets", mib(most), f"under {MOST_MIB} MiB",
               most < MOST_MIB << 20, release, command)
    result.add("its processor time, an instruction each ns", percent(figures["cpu_share"], 2), "under 1 % of a CPU",
               figures["cpu_share"] < 0.01, release, command)
    result.add("of it in user space", percent(figures["cpu_user_share"], 2), kernel=release, command=command)
    result.add("processor time of the module's thread beside it", percent(figures["monitor_share"], 2), kernel=release,
               command=command)
    answered = median(figures["answered_ms"])
    result.add("status, asked for and answered over the socket", f"{answered:.0f} ms",
               f"under {LATEST_MS} ms", answered < LATEST_MS, release, command)
    out = figures["pages_out"]
    result.add("pages that it paged out meanwhile", f"{out:,}", "more than 0", out > 0, release, command)
    # The most that can happen: all memory of all targets leaves and comes back all the time.
    figures, command = crowd(laboratory, ["--stayers", STAYERS], "2-storm.log", 60)
    result.add(f"processor time, emulated, where {figures['pages_out'] / figures['seconds']:,.0f} pages a second leave and "
               "come back", percent(figures["cpu_share"], 2), kernel=release, command=command)
    figures, command = crowd(laboratory, ["--stayers", 100, "--births", 50], "2-births.log", options.births_seconds)
    samples = figures["samples"]
    grown = growth(samples)
    result.add(f"50 births and deaths a second for {clock(options.births_seconds)} ({figures['deaths']:,} in all): "
               "memory grows by", mib(grown), "no more than 1 MiB", grown <= 1 << 20, release, command)
    files = [sample["descriptors"] for sample in samples]
    result.add("descriptors, least and most", f"{min(files)}, {max(files)}", kernel=release, command=command)
    result.add("its processor time", percent(figures["cpu_share"], 2), kernel=release, command=command)
    result.say("", "Memory, in MiB, over time: "
               + ", ".join(f"{sample['rss_bytes'] / (1 << 20):.1f}" for sample in samples[::max(1, len(samples) // 20)]))


def reloads(laboratory, options, result):
    """Point 3: a reload each second, of a policy that acts and one that does not, in turn."""
    release = laboratory.release(KERNEL)
    figures, command = crowd(laboratory, ["--stayers", 100, "--reload", 1, "--another", "/root/crowd-idle.toml"],
                             "3-reloads.log", options.reload_seconds)
    told = figures["reloads"]
    late = told["pages_out_while_replaced"]
    result.add(f"{told['reloads']} reloads, {told['idle_spells']} spells of a policy that does nothing: pages that were "
               "paged out in those", f"{late}", "0", late == 0, release, command)
    result.add("pages paged out in all", f"{figures['pages_out']:,}", "more than 0", figures["pages_out"] > 0, release,
               command)
    lost = figures["lost_snapshots"]
    result.add(f"snapshots lost, of {figures['snapshots'] + lost}", f"{lost}", "0", lost == 0, release, command)
    targets = min(sample["targets"] for sample in figures["samples"])
    result.add("targets that stayed watched", f"{targets} of 100 at least", "100", targets == 100, release, command)
    grown = growth(figures["samples"])
    result.add("memory grows by", mib(grown), "no more than 1 MiB", grown <= 1 << 20, release, command)
