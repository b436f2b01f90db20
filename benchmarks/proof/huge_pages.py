# SPDX-License-Identifier: MIT
"""What huge pages for hot memory alone cost, and how much of it they reach."""

from statistics import median

from .chart import Axis, Chart
from .laboratory import TREE
from .result import mib, percent
from .ways import on_each_kernel

POLICIES = ("efficient-thp", "ethp-v12")
PICTURES = TREE / "docs/results"
LEAST = 0.9
# Emulation copies 2 MiB, and stops a thread, more than twenty times slower than a machine.
EMULATED = (
    "efficient-thp:scheme.promote.quota.time=100ms",
    "ethp-v12:remote.longest_stop=40ms",
    "ethp-v12:remote.between_stops=40ms",
)
WORDS = {"orig": "none", "thp": "always", "by-hand": "by hand"}


def removed(turn, way, phase, figure="used_bytes"):
    """How much of what THP=always takes more than none is not taken this way: the published formula."""
    orig, thp, this = (turn[each][phase][figure] for each in ("orig", "thp", way))
    return (thp - this) / (thp - orig)


def on_huge(turn, way, phase):
    return turn[way][phase]["hot_on_huge_bytes"] / turn[way][phase]["hot_bytes"]


def of_turns(figures, function, *arguments):
    """Least, median and greatest."""
    values = [function(turn, *arguments) for turn in figures["turns"]]
    return min(values), median(values), max(values)


def shown(values):
    return f"{percent(values[1])} ({percent(values[0])} to {percent(values[2])})"


def compare(result, figures, release, command):
    """Each policy against the bounds, in the first phase; the second is told."""
    for policy in POLICIES:
        ours = policy == "efficient-thp"
        bound = f"at least {percent(LEAST, 0)}" if ours else "reported"
        share = of_turns(figures, removed, policy, "first")
        result.add(f"{policy}: of the memory that THP=always costs, gone", shown(share), bound,
                   share[1] >= LEAST if ours else None, release, command)
        hot = of_turns(figures, on_huge, policy, "first")
        result.add(f"{policy}: hot bytes on huge pages", shown(hot), bound, hot[1] >= LEAST if ours else None,
                   release, command)
    for policy in POLICIES:
        share = of_turns(figures, removed, policy, "second")
        hot = of_turns(figures, on_huge, policy, "second")
        result.add(f"{policy}, after other blocks became hot: memory gone; hot bytes on huge pages",
                   f"{shown(share)}; {shown(hot)}", kernel=release, command=command)
    wrong = sum(turn[way]["wrong_pages"] for turn in figures["turns"] for way in turn)
    result.add("pages that did not hold what was written to them, all runs", str(wrong), "0", wrong == 0, release,
               command)


def tell(result, figures):
    """The table of everything."""
    machine = figures["machine"]
    turns = figures["turns"]
    result.say("", f"A heap of {mib(figures['heap_bytes'])} in {figures['blocks']} blocks of 2 MiB, of which "
               f"{mib(figures['used_bytes'])} are used and {mib(turns[0]['orig']['first']['hot_bytes'])} hot. Hot pages lie in "
               f"{figures['hot_blocks']} blocks that are 80 to 100 % full and stand singly among the others; 2 % of "
               "them strayed into sparse blocks, where no huge page should be made for them. As many dense blocks are "
               "cold, and hot in the second phase instead. The other blocks are filled with scattered pages, 4 KiB to "
               f"1 MiB of them each. The heap grows for {figures['growth_seconds']:g} s, with the policy already at "
               f"work; the figures are means of the last third of the {figures['seconds']:g} s of each phase, medians "
               f"of {len(turns)} turns, all ways in turn in one boot. 'By hand' is what the program's author "
               "could reach: MADV_COLLAPSE on the hot dense blocks. Memory used is MemTotal less MemFree, as published; "
               "it holds the engine's own, and zram's. khugepaged is as Debian sets it "
               f"({machine['khugepaged_pages_to_scan']} pages each {machine['khugepaged_scan_sleep_millisecs']} ms, "
               f"defrag '{machine['defrag']}'), which is when flagged memory gets its huge pages: ethp-v12 does not "
               "make any itself.")
    if figures["settings"]:
        result.say("", "Set over the policies, for emulation, which is slower by more than an order of magnitude: "
                   + ", ".join(f"`{each}`" for each in figures["settings"]) + ".")
    rows = []
    for way in turns[0]:
        for phase in ("first", "second"):
            def middle(key):
                return median(turn[way][phase][key] for turn in turns)
            rows.append((WORDS.get(way, way), phase, mib(middle("used_bytes")), mib(middle("rss_bytes")),
                         mib(middle("swapped_bytes")), mib(middle("anonymous_huge_bytes")),
                         percent(median(on_huge(turn, way, phase) for turn in turns)),
                         f"{middle('minor_faults'):,.0f}", f"{middle('major_faults'):,.0f}",
                         f"{middle('accesses_per_second') / median(t['orig'][phase]['accesses_per_second'] for t in turns):.2f}"))
    result.table(("huge pages", "phase", "memory used", "RSS", "swapped", "huge pages", "hot on huge", "minor faults",
                  "major faults", "speed, of none"), rows)
    result.say("Speed under emulation says nothing of what huge pages bring on hardware, where they save walks of "
               "page tables; it says what the policies cost.")


def draw(result, figures, kernel):
    """The course of the first turn."""
    turn = figures["turns"][0]
    end = max(way["course"][-1]["seconds"] for way in turn.values())
    seconds = Axis("seconds since the heap began to grow", 0, end, [(end * i / 6, f"{end * i / 6:.0f}") for i in range(7)])
    most = max(moment["used_bytes"] for way in turn.values() for moment in way["course"]) / (1 << 20)
    step = 250
    marks = [(value, str(value)) for value in range(0, int(most) + step, step)]
    second = min(way["second_from_seconds"] for way in turn.values())
    for name, title, axis, value in (
            ("memory", "Memory used", Axis("MiB", 0, marks[-1][0], marks), lambda m: m["used_bytes"] / (1 << 20)),
            ("hot", "Hot bytes on huge pages", Axis("%", 0, 1, [(i / 5, str(i * 20)) for i in range(6)]),
             lambda m: m["hot_on_huge_bytes"] / m["hot_bytes"])):
        chart = Chart(f"{title}, {kernel}", seconds, axis)
        for way in ("orig", "thp", *POLICIES):
            if way in turn:
                chart.line(WORDS.get(way, way), [(m["seconds"], value(m)) for m in turn[way]["course"]])
        chart.rule(second, "others become hot")
        file = f"huge-pages-{name}-{kernel}.svg"
        (PICTURES / file).write_text(chart.svg(), encoding="utf-8")
        result.say("", f"![{title}]({file})", "")


def huge_pages(laboratory, options, result):
    """Point 5: a sparse heap, on each kernel."""
    for kernel, release, figures, command in on_each_kernel(
            laboratory, options, result, program="huge_pages", point=5, emulated=EMULATED,
            arguments=[*(f"/root/policies/{policy}.toml" for policy in POLICIES), "--seconds", options.seconds or 60],
            more=["--memory", "2G", "--swap", "512M"]):
        compare(result, figures, release, command)
        tell(result, figures)
        draw(result, figures, kernel)
