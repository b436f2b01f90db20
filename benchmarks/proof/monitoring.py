# SPDX-License-Identifier: MIT
"""What looking costs, and how far it reaches."""

import json
import tempfile
from statistics import fmean

from .chart import Axis, Chart
from .laboratory import TREE
from .result import percent

KERNEL = "6.12"  # the one with DAMON
PICTURES = TREE / "docs/results"
SHIFT_NS = 4  # of an instruction, under lab/run --icount
MONITORS = {"mainline": "--monitor mainline", "module": "--monitor module",
            "module without search": "--monitor module --no-search"}
PINNED, USUAL = "1000:1000", "10:1000"
COMMON, COMMON_CASE = "scattered-in-a-gibibyte", "48 spots of 128 KiB"  # measured and simulated
AGREEMENT_SEEDS = {"true": range(1, 4), "false": range(1, 9)}  # samples alone find by chance
BUDGET = "1500:1500"  # for 500 targets: three regions each at the least
# The counted processor is slow: with a thousand regions no monitor could keep to 5 ms.
ARGUMENTS = {PINNED: "--times 10 --windows 2 --seconds 6", USUAL: "--times 1 --windows 3 --seconds 2"}
GIB = 1 << 30


def measure(laboratory, commands, log, more):
    """What monitor_cost finds with each of COMMANDS' arguments, one after the other in one boot."""
    script = "#!/bin/busybox sh\nset -e\n" + "".join(
        f"monitor_cost {arguments} --json /out/{number}.json\n" for number, arguments in enumerate(commands))
    _, _, found = laboratory.guest_script(
        KERNEL, script, log, timeout=1800, expect=[f"{number}.json" for number in range(len(commands))],
        files=[laboratory.build_folder / "benchmarks/accuracy/monitor_cost"], more=more)
    return [found[f"{number}.json"] for number in range(len(commands))]


def cost(laboratory, _options, result):
    """Point 4: instructions, of the monitors and of the program that they watch."""
    laboratory.build("monitor_cost")
    against_mainline(laboratory, result)
    many_targets(laboratory, result)
    two_processors(laboratory, result)


def many_targets(laboratory, result):
    """What a pass costs with ever more targets, at the same number of regions."""
    numbers = {"asleep": (1, 50, 500), "awake": (500,)}
    cases = [(search, state, number) for search in ("--no-search", "--search") for state in numbers
             for number in numbers[state]]
    found = measure(laboratory, [
        f"--monitor module --regions {BUDGET} --times 20 --windows 1 --seconds 6 --targets {number} {search}"
        + (" --awake" if state == "awake" else "") for search, state, number in cases],
        "accuracy-4-targets.log", ["--icount", "--memory", "3G"])
    figures = dict(zip(cases, found))
    for search, name in (("--no-search", "module without search"), ("--search", "module")):
        one = figures[search, "asleep", 1]["ns_a_pass"]
        for state, most in (("asleep", numbers["asleep"][-1]), ("awake", numbers["awake"][-1])):
            share = figures[search, state, most]["ns_a_pass"] / one
            result.add(f"from 1 to {most} targets, the others {state}, {name}: a pass over {BUDGET.split(':')[0]} "
                       "regions", f"{share:.2f} times", "at most 2 times", share <= 2, laboratory.release(KERNEL),
                       "monitor_cost --targets N (lab/run --icount)")
    result.say("", f"With {BUDGET} regions and one processor. One target of 256 MiB goes round a quarter of it all the "
               "time; the others hold 1 MiB each and sleep, or wake for a moment in each sampling interval.")
    result.table(("targets", "the others", "search", "instructions a pass", "instructions a look"),
                 [(number, state, "yes" if search == "--search" else "no",
                   f"{figures[search, state, number]['ns_a_pass'] / SHIFT_NS:,.0f}",
                   f"{figures[search, state, number]['ns_a_look'] / SHIFT_NS:,.0f}")
                  for search, state, number in cases])


def two_processors(laboratory, result):
    """What interrupts cost a program on a processor of its own."""
    cases = [(monitor, regions) for regions in (PINNED, USUAL) for monitor in ("mainline", "module")]
    found = measure(laboratory, [f"{MONITORS[monitor]} --regions {regions} --times 1 --windows 5 --seconds 2"
                                 for monitor, regions in cases], "accuracy-4-processors.log", ["--cpus", "2"])
    rows = []
    for (monitor, regions), figures in zip(cases, found):
        rows.append((regions, monitor, f"{figures['mean_regions']:.0f}", f"{figures['interrupts_a_second']:.0f}",
                     percent(figures["slowdown"], 2)))
        result.add(f"two processors, {regions} regions, {monitor}: what the program loses to interrupts and flushes",
                   f"{percent(figures['slowdown'], 2)} at {figures['interrupts_a_second']:.0f} interrupts a second",
                   "reported", None, laboratory.release(KERNEL), "monitor_cost (lab/run --cpus 2)")
    result.say("", "Two emulated processors, in real time: the program's CPU time for a round, medians of alternating "
               "windows with and without the monitor. Mainline sends no interrupts, and does not see what the "
               "processor keeps in its TLB.")
    result.table(("regions asked for", "monitor", "regions", "interrupts a second", "lost"), rows)


def against_mainline(laboratory, result):
    """Each monitor with its regions pinned, and with the default attributes."""
    cases = [(monitor, regions) for regions in (PINNED, USUAL) for monitor in MONITORS]
    found = measure(laboratory, [f"{MONITORS[monitor]} --regions {regions} {ARGUMENTS[regions]}"
                                 for monitor, regions in cases], "accuracy-4.log", ["--icount"])
    figures = dict(zip(cases, found))
    release = laboratory.release(KERNEL)
    command = "monitor_cost --monitor MONITOR --regions REGIONS (lab/run --icount)"
    rows = []
    for regions in (PINNED, USUAL):
        theirs = figures["mainline", regions]
        for monitor in ("module", "module without search"):
            ours = figures[monitor, regions]
            share = ours["ns_a_look"] / theirs["ns_a_look"]
            result.add(f"{regions} regions: instructions for each look at a region, {monitor} against mainline",
                       f"{ours['ns_a_look'] / SHIFT_NS:.0f} against {theirs['ns_a_look'] / SHIFT_NS:.0f}: "
                       f"{percent(share)}", "at most a third", share <= 1 / 3, release, command)
            result.add(f"{regions} regions: instructions that the program loses, {monitor} against mainline",
                       f"{percent(ours['slowdown'], 2)} against {percent(theirs['slowdown'], 2)}",
                       "at most as many", ours["slowdown"] <= max(theirs["slowdown"], 0), release, command)
        rows += [(regions, monitor, f"{each['mean_regions']:.0f}", f"{each['ns_a_look'] / SHIFT_NS:.0f}",
                  percent(each["cpu_share"], 2), percent(each["slowdown"], 2), f"{each['memory_bytes'] / 1024:.0f} KiB")
                 for monitor in MONITORS for each in (figures[monitor, regions],)]
    result.say("", "One processor; 5 and 100 ms, with 1,000 regions ten times as long, since it is slow. 'Of a processor' is the monitoring thread's share, 'lost' by how much "
               "CPU time of its own the watched program takes longer for the same work: interrupts and flushes. A TLB "
               "that has to be filled again costs no instructions, so that is not in it.")
    result.table(("regions asked for", "monitor", "regions", "instructions a look", "of a processor", "lost",
                  "memory"), rows)


def in_guest(laboratory):
    """The case that the simulation has, too, in the guest: {search: the seeds' mean recall}, the share of looks in
    which hot memory was touched, and MiB that were watched besides in each run."""
    laboratory.build("accuracy", "accuracy_phases")
    names = {(search, seed): f"{search}-{seed}" for search, seeds in AGREEMENT_SEEDS.items() for seed in seeds}
    script = "#!/bin/busybox sh\nset -e\n" + "".join(
        f"accuracy /root/{COMMON}.toml --seed {seed} --sampling 10ms --aggregation 200ms --set search={search} "
        f"--json /out/{name}.json\n" for (search, seed), name in names.items())
    build = laboratory.build_folder / "benchmarks/accuracy"
    _, _, found = laboratory.guest_script(
        KERNEL, script, "accuracy-5-guest.log", timeout=900, expect=[f"{name}.json" for name in names.values()],
        files=[build / "accuracy", build / "phases",
               f"{TREE}/benchmarks/accuracy/phases/{COMMON}.toml:/root/{COMMON}.toml"], more=["--memory", "3G"])
    runs = {key: found[f"{name}.json"] for key, name in names.items()}
    settled = {key: run["settled"] for key, run in runs.items()}
    beside = [round((run["watched_bytes"] - GIB) / 2**20) for (search, _), run in runs.items() if search == "false"]
    recall = {search: fmean(settled[search, seed]["recall"] for seed in seeds)
              for search, seeds in AGREEMENT_SEEDS.items()}
    return recall, fmean(each["frequency_of_touched"] for each in settled.values()), beside


def agreement(laboratory, figures, guest, result):
    """Whether the simulated machine finds what the guest finds."""
    model = {"true" if row["search"] else "false": row["settled"] for row in figures
             if row["case"] == COMMON_CASE and row["bytes"] == GIB}
    for search, name in (("true", "with searches"), ("false", "samples alone")):
        apart = abs(model[search] - guest[search])
        result.add(f"{COMMON_CASE} in 1 GiB, {name}: mean recall once settled, simulated and in the guest",
                   f"{percent(model[search])} and {percent(guest[search])}", "within 5 points", apart <= 0.05,
                   laboratory.release(KERNEL), f"hot_share; accuracy {COMMON}.toml --set search={search}")


def scale(laboratory, _options, result):
    """Point 5: hot spots in ever more memory, on a simulated machine."""
    laboratory.build("hot_share")
    guest, frequency, beside = in_guest(laboratory)
    with tempfile.NamedTemporaryFile("r", suffix=".json", encoding="utf-8") as out:
        laboratory.run([laboratory.build_folder / "benchmarks/accuracy/scale/hot_share", out.name,
                        f"{frequency:.4f}", ",".join(map(str, beside))], "accuracy-5.log", timeout=3600)
        figures = json.load(out)
    cases = list(dict.fromkeys(row["case"] for row in figures))
    sizes = sorted({row["bytes"] for row in figures})
    by_key = {(row["case"], row["bytes"], row["search"]): row for row in figures}
    for case in cases:
        searched = [by_key[case, size, True] for size in sizes]
        least = min(row["found"] for row in searched if row["bytes"] >= GIB)
        result.add(f"{case}: of what is hot, found at 1, 10, 100 GiB and 1 TiB", f"{percent(least)} at the least",
                   "over 90 %", least > 0.9, command="hot_share")
        least = min(row["sampled"] for row in searched if row["bytes"] >= GIB)
        result.add(f"{case}: likewise, in regions that samples found accessed", f"{percent(least)} at the least",
                   "reported", None, command="hot_share")
        looks = [row["looks"] + row["entries"] for row in searched]
        per_region = [(row["looks"] + row["entries"]) / row["regions"] for row in searched]
        result.add(f"{case}: looks in an interval, from 64 MiB to 1 TiB",
                   f"{min(looks):,.0f} to {max(looks):,.0f}; {min(per_region):,.0f} to {max(per_region):,.0f} a region",
                   "reported", None, command="hot_share")
    result.say("", "5 and 200 ms, 10 to 1,000 regions; medians of the last 20 of 60 intervals and of three seeds. "
               "'After' is the interval after which nine tenths were found. A hot page is touched between any two looks, "
               f"but in the last case in 1 GiB, which is the guest's, too. There {percent(frequency)} of the looks at hot "
               f"memory could find one, by the workload's own account, and {min(beside)} to {max(beside)} MiB more were "
               "watched than the spots lie in: the workload's record, libraries, and the hole of random size between a "
               "program and its heap. The model is given both.")
    result.table(("hot", "space", "search", "found", "by samples", "precision", "after", "regions", "samples",
                  "entries"),
                 [(row["case"], f"{row['bytes'] / GIB:g} GiB", "yes" if row["search"] else "no", percent(row["found"]),
                   percent(row["sampled"]), percent(row["precision"]), f"{row['after']:.0f}", f"{row['regions']:.0f}",
                   f"{row['looks']:,.0f}", f"{row['entries']:,.0f}") for row in figures])
    agreement(laboratory, figures, guest, result)
    draw(cases, sizes, by_key)
    result.say("", "![Of what is hot, found in the end](accuracy-scale.svg)", "")


def draw(cases, sizes, by_key):
    """What samples alone find beside what searches find: the worst of the cases each."""
    chart = Chart("Of what is hot, found in the end: the least of all cases",
                  Axis("address space, GiB", sizes[0] / GIB, sizes[-1] / GIB,
                       [(size / GIB, f"{size / GIB:g}") for size in sizes], True),
                  Axis("%", 0, 1, [(i / 5, str(i * 20)) for i in range(6)]))
    for name, search in (("with searches", True), ("samples alone", False)):
        chart.line(name, [(size / GIB, min(by_key[case, size, search]["found"] for case in cases)) for size in sizes])
    (PICTURES / "accuracy-scale.svg").write_text(chart.svg(), encoding="utf-8")
