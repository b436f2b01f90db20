# SPDX-License-Identifier: MIT
"""What quotas, verification and self-tuning promise."""

import json
import tempfile

from .chart import Axis, Chart
from .laboratory import TREE
from .recording_tests import by_tests
from .result import mib, percent

KERNEL = "6.1"
PICTURES = TREE / "docs/results"
SLOW_DISK = """\
#!/bin/busybox sh
# Swap on a disk that answers each request DELAY ms late; none of it on zram.
set -e
modprobe brd rd_nr=1 rd_size=262144
modprobe dm_delay
swapoff /dev/zram0
dmsetup create slow --table "0 524288 delay /dev/ram0 0 $1 /dev/ram0 0 $1"
mkswap /dev/dm-0 >/dev/null
swapon /dev/dm-0
shift
exec "$@"
"""


def picture(name, chart, result, text):
    """Writes it beside the results and shows it there."""
    (PICTURES / name).write_text(chart.svg(), encoding="utf-8")
    result.say("", f"![{text}]({name})", "")


def quotas(laboratory, _options, result):
    """Point 1: a hundred windows, and who goes first."""
    laboratory.build("quota_windows")
    with tempfile.NamedTemporaryFile("r", suffix=".json", encoding="utf-8") as out:
        laboratory.run([laboratory.build_folder / "benchmarks/controls/quota_windows", out.name], "1-quota.log")
        figures = json.load(out)
    over = max(window["most"] - window["limit"] for window in figures["windows"])
    result.add("quota of bytes: the fullest of 100 windows over its limit, limits from a page to 100 MiB",
               f"{over} bytes", "at most a page", over <= 4096, command="quota_windows")
    result.add("a quota of half of the candidates: of what went, the coldest half's share",
               percent(figures["share_of_coldest"], 2), "over 99 %", figures["share_of_coldest"] > 0.99,
               command="quota_windows")
    result.add("rank correlation of age and turn, 50 windows", f"{figures['rank_correlation']:.4f}",
               command="quota_windows")
    result.table(("limit, bytes", "fullest window, bytes"),
                 [(f"{w['limit']:,}", f"{w['most']:,}") for w in figures["windows"]])


def verified(laboratory, options, result):
    """Point 2: pages that are used now and then in memory that is not."""
    laboratory.build("verified_pageout")
    command = ["verified_pageout", options.seconds or 24, 3, "/out/verified.json"]
    _, _, found = laboratory.guest(
        KERNEL, command, "2-verified.log", timeout=3600, expect=["verified.json"],
        files=[laboratory.build_folder / "benchmarks/controls/verified_pageout"], more=["--swap", "512M"])
    figures = found["verified.json"]
    release = laboratory.release(KERNEL)
    shown = f"verified_pageout {figures['seconds']:.0f} {figures['turns']}"
    rows = []
    for row in figures["rows"]:
        blind, kept = row["blind"], row["verified"]
        fewer = blind["refaults"] / max(1.0, kept["refaults"])
        saved = kept["saved_bytes"] / blind["saved_bytes"]
        within = row["period_ms"] <= figures["idle_ms"]
        name = f"hot pages scattered, 1 in {figures['stride']}, touched again each {row['period_ms'] / 1000:g} s"
        result.add(f"{name}: refaults, blind to verified",
                   f"{blind['refaults']:.0f} to {kept['refaults']:.0f}, {fewer:.0f} times fewer",
                   "at least 10 times" if within else "reported", fewer >= 10 if within else None, release, shown)
        result.add(f"{name}: bytes saved, verified to blind", percent(saved),
                   "at least 90 %" if within else "reported", saved >= 0.9 if within else None, release, shown)
        rows.append((f"{row['period_ms'] / 1000:g} s", f"{blind['refaults']:.0f}", f"{kept['refaults']:.0f}",
                     mib(blind["saved_bytes"]), mib(kept["saved_bytes"]), mib(kept["not_idle_bytes"]),
                     blind["wrong_pages"] + kept["wrong_pages"]))
    result.say("", f"{figures['pages']} pages; medians of {figures['turns']} runs of {figures['seconds']:.0f} s each, "
               "blind and verified in turn in one boot. 'Not idle' is what verification kept, in all runs. Refaults "
               "are the program's major faults from the policy's first moment on; what is left of them where pages "
               "are touched within the idle time is the residual: pages touched between the look and the act.")
    result.table(("touched each", "refaults, blind", "verified", "saved, blind", "verified", "not idle", "wrong pages"),
                 rows)
    most = max(row["blind"]["refaults"] for row in figures["rows"])
    periods = [row["period_ms"] / 1000 for row in figures["rows"]]
    chart = Chart("Refaults, blind and verified",
                  Axis("hot pages are touched again each … seconds", min(periods), max(periods),
                       [(p, f"{p:g}") for p in periods], True),
                  Axis("refaults (0 stands at 1)", 1, max(10, most), [(10 ** i, f"{10 ** i:,}") for i in range(0, 6)
                                                               if 10 ** i <= most], True))
    for side in ("blind", "verified"):
        chart.line(side, [(row["period_ms"] / 1000, max(1, row[side]["refaults"])) for row in figures["rows"]])
    chart.rule(figures["idle_ms"] / 1000, "verified for so long")
    picture("controls-verified.svg", chart, result, "Refaults over the period, blind and verified")


def frontier_at(points, lost):
    """The most that the fixed ages save at a cost of no more than LOST; points are (cost, saved).

    Mixing two ages in time reaches what lies on the line between them; nothing at all costs nothing.
    """
    corners = sorted({(0.0, 0.0), *((max(0.0, x), y) for x, y in points)})
    best = max((y for x, y in corners if x <= lost), default=0.0)
    for x1, y1 in corners:
        for x2, y2 in corners:
            if x1 <= lost < x2:
                best = max(best, y1 + (y2 - y1) * (lost - x1) / (x2 - x1))
    return best


def turns_of(course, settled):
    """How often a course changed its direction after SETTLED seconds."""
    ages = [age for at, _, age, _ in course if at >= settled]
    steps = [b - a for a, b in zip(ages, ages[1:]) if b != a]
    return sum(1 for a, b in zip(steps, steps[1:]) if a * b < 0)


def tuning(laboratory, options, result):
    """Point 3: one age for all programs, found by the scheme itself."""
    laboratory.build("self_tuning")
    _, _, found = laboratory.guest(
        KERNEL, ["self_tuning", options.seconds or 150, "/out/tuning.json"], "3-tuning.log", timeout=5400,
        expect=["tuning.json"], files=[laboratory.build_folder / "benchmarks/controls/self_tuning"],
        more=["--swap", "512M"])
    figures = found["tuning.json"]
    release = laboratory.release(KERNEL)
    shown = f"self_tuning {figures['seconds']:.0f}"
    result.say("", f"Each run takes {figures['seconds']:.0f} s; the first third is left out. The slowest program comes "
               "round in 48 s, and a tuned age needs some windows (of 10 s) to leave what happened at the beginning "
               "behind, so that shorter runs show the beginning rather than where it settles.")
    for program in figures["programs"]:
        points = [(fixed["slow_down"], fixed["saved_share"]) for fixed in program["fixed"]]
        tuned = program["tuned"]
        reachable = frontier_at(points, max(0.0, tuned["slow_down"]))
        share = tuned["saved_share"] / reachable if reachable else 1.0
        result.add(f"{program['name']}: memory saved by the tuned age, of what six fixed ages reach at the same cost",
                   f"{percent(share)} ({percent(tuned['saved_share'])} saved, {percent(tuned['slow_down'], 2)} of the "
                   "time lost)", "at least 90 %", share >= 0.9, release, shown)
        # A machine that is busy for a while makes faults slow, not many.
        by_faults = frontier_at([(fixed["major_faults"], fixed["saved_share"]) for fixed in program["fixed"]],
                                tuned["major_faults"])
        result.add(f"{program['name']}: likewise, of what they reach with as many major faults",
                   percent(tuned["saved_share"] / by_faults if by_faults else 1.0), kernel=release, command=shown)
        rows = [(f"{fixed['age_s']:g} s", percent(fixed["saved_share"]), percent(fixed["slow_down"], 3),
                 fixed["major_faults"]) for fixed in program["fixed"]]
        rows.append(("tuned", percent(tuned["saved_share"]), percent(tuned["slow_down"], 3), tuned["major_faults"]))
        result.say("", f"{program['name']}: {program['what']}.")
        result.table(("age", "memory saved", "time lost", "major faults"), rows)
        most = max([x for x, _ in points] + [tuned["slow_down"], 1e-6])
        chart = Chart(f"{program['name']}: {program['what']}",
                      Axis("time lost, %", 0, most, [(most * i / 4, f"{most * i * 25:.2g}") for i in range(5)]),
                      Axis("memory saved, %", 0, 1, [(i / 5, str(i * 20)) for i in range(6)]))
        chart.line("fixed ages", sorted((max(0.0, x), y) for x, y in points))
        for fixed, (x, y) in zip(program["fixed"], points):
            chart.note((max(0.0, x), y), f"{fixed['age_s']:g} s")
        chart.dot("tuned", (max(0.0, tuned["slow_down"]), tuned["saved_share"]))
        picture(f"controls-{program['name']}.svg", chart, result, f"Saved and lost: {program['name']}")
    step = figures["step"]
    settled = step["change_at_s"] + (step["course"][-1][0] - step["change_at_s"]) / 3
    turns = turns_of(step["course"], settled)
    result.add(f"a step change ({step['what']}): changes of direction after it has settled", str(turns),
               "at most 2", turns <= 2, release, shown)
    end = step["course"][-1][0]
    chart = Chart(f"The tuned age: {step['what']}", Axis("seconds", 0, end, [(end * i / 6, f"{end * i / 6:.0f}")
                                                                             for i in range(7)]),
                  Axis("age, seconds", 0.5, 30, [(x, f"{x:g}") for x in (0.5, 1, 2, 5, 10, 20, 30)], True))
    chart.line("tuned age", [(at, max(0.5, age)) for at, _, age, _ in step["course"]])
    chart.rule(step["change_at_s"], "the change")
    picture("controls-step.svg", chart, result, "The tuned age over a step change")


def tests(laboratory, _options, result):
    """Point 4: each control by its tests."""
    by_tests(laboratory, result, "each control with a simulated clock; each refusal with its reason",
             "^(Decider|Quota|Priority|Watermark|Filter|Floor|AgeTun|Refault|Expla|Verif|Conditions|Session)",
             ("schemes_test", "engine_tests"), "4-tests.log")


def slow_swap(laboratory, options, result):
    """Point 5: swap on a disk that takes its time."""
    laboratory.build("slow_swap")
    release = laboratory.release(KERNEL)
    for delay in (20, 200):
        _, _, found = laboratory.guest_script(
            KERNEL, SLOW_DISK, f"5-slow-{delay}.log",
            arguments=[delay, "slow_swap", options.seconds or 30, "/out/slow.json"], timeout=900,
            expect=["slow.json"], files=[laboratory.build_folder / "benchmarks/controls/slow_swap"],
            more=["--swap", "64M", "--memory", "1G", "--package", "dmsetup"])
        figures = found["slow.json"]
        name = f"swap that answers {delay} ms late"
        shown = f"slow_swap {figures['seconds']:.0f}"
        result.add(f"{name}: the loop's thread came late to a timer by (p99; at most)",
                   f"{figures['with']['p99_ms']:.1f} ms; {figures['with']['most_ms']:.1f} ms", "at most 50 ms",
                   figures["with"]["most_ms"] <= 50, release, shown)
        result.add(f"{name}: the same without a policy", f"{figures['without']['p99_ms']:.1f} ms; "
                   f"{figures['without']['most_ms']:.1f} ms", kernel=release, command=shown)
        # So many windows of a second may begin in that time.
        windows = figures["seconds"] + 1
        result.add(f"{name}: time acting in {windows:.0f} windows", f"{figures['spent_ms']:.0f} ms",
                   f"at most {figures['quota_ms'] * windows:.0f} ms",
                   figures["spent_ms"] <= figures["quota_ms"] * windows, release, shown)
        result.add(f"{name}: in the fullest window; in a call's mean",
                   f"{figures['fullest_window_ms']:.1f} ms; {figures['mean_call_ms']:.2f} ms",
                   kernel=release, command=shown)
        result.say("", f"{name}: {mib(figures['paged_out_bytes'])} left memory in {figures['calls']} calls, "
                   f"{figures['major_faults']} major faults, {figures['wrong_pages']} pages were wrong.")
