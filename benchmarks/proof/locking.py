# SPDX-License-Identifier: MIT
"""What a service gains when its hot memory is locked while memory is short."""

from statistics import median

from .chart import Axis, Chart
from .laboratory import TREE
from .result import mib, percent
from .ways import on_each_kernel

POLICY = "lock-hot"
# Emulation stops a thread more than twenty times slower than a machine.
EMULATED = (
    "lock-hot:remote.longest_stop=40ms",
    "lock-hot:remote.between_stops=40ms",
    "lock-hot:scheme.hot.quota.time=500ms",
)
PICTURES = TREE / "docs/results"
WORDS = {"without": "nothing is locked", "by-itself": "it locks its hot memory itself", POLICY: "lock-hot"}


def over_turns(figures, way, phase, key):
    return [turn[way][phase][key] for turn in figures["turns"]]


def compare(result, figures, release, command):
    """Speed in the pressed phase against without, turn by turn."""
    turns = figures["turns"]
    ratios = [turn[POLICY]["pressed"]["requests_per_second"] / turn["without"]["pressed"]["requests_per_second"]
              for turn in turns]
    times = [turn["without"]["pressed"]["mean_ms"] / turn[POLICY]["pressed"]["mean_ms"] for turn in turns]
    late = [turn["without"]["pressed"]["p99_ms"] / turn[POLICY]["pressed"]["p99_ms"] for turn in turns]
    result.add("while memory is short, with lock-hot to without: requests a second",
               f"{median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})", kernel=release, command=command)
    result.add("time that a request takes, without to with lock-hot: mean; 99th percentile",
               f"{median(times):.1f} times; {median(late):.1f} times", "more than 1",
               median(times) > 1 and median(late) > 1, release, command)
    locked = median(turn[POLICY]["locked_bytes"] for turn in turns)
    result.add("locked by lock-hot when memory became short, of what is hot",
               f"{mib(locked)} of {mib(figures['hot_bytes'])}", kernel=release, command=command)
    left = max(turn[POLICY]["locked_afterwards_bytes"] for turn in turns)
    result.add("locked after the policy ended", mib(left), "nothing", left == 0, release, command)
    wrong = sum(turn[way]["wrong_pages"] for turn in turns for way in turn)
    result.add("pages that did not hold what was written to them, all runs", str(wrong), "0", wrong == 0, release,
               command)


def tell(result, figures):
    """The table of everything."""
    turns = figures["turns"]
    result.say("", f"A service with {mib(figures['hot_bytes'])} of hot and {mib(figures['cold_bytes'])} of cold memory "
               f"in turn: a request uses {figures['pages_of_request']} of its hot pages at random, the next one comes "
               f"{figures['between_ms']:g} ms after its end. Beside it a program uses more memory than there is, round "
               f"and round. Swap is zram. Calm is before that program starts; {figures['pressed_seconds']:g} s of each "
               f"run are pressed. Medians of {len(turns)} turns, all ways in turn in one boot.")
    if figures["settings"]:
        result.say("", "Set over the policy, for emulation, which is slower by more than an order of magnitude: "
                   + ", ".join(f"`{each}`" for each in figures["settings"]) + ".")
    rows = []
    for way in turns[0]:
        for phase in ("calm", "pressed"):
            def middle(key):
                return median(over_turns(figures, way, phase, key))
            rows.append((WORDS.get(way, way), phase, f"{middle('requests_per_second'):.1f}",
                         f"{middle('mean_ms'):.2f} ms", f"{middle('p50_ms'):.2f} ms", f"{middle('p99_ms'):.2f} ms",
                         f"{middle('major_faults'):,.0f}",
                         percent(median(turn[way]["hot_resident_bytes"] for turn in turns) / figures["hot_bytes"])
                         if phase == "pressed" else "-",
                         f"{median(turn[way]['presser_pages_per_second'] for turn in turns):,.0f}"
                         if phase == "pressed" else "-"))
    result.table(("", "phase", "requests a second", "a request takes", "median", "p99", "major faults",
                  "hot memory in memory at the end", "pages a second of the program that presses"), rows)


def draw(result, figures, kernel):
    """How long requests take, of each way."""
    ways = [way for way in ("without", POLICY, "by-itself") if way in figures["turns"][0]]
    values = [value for way in ways for phase in ("calm", "pressed") for key in ("mean_ms", "p99_ms")
              for value in over_turns(figures, way, phase, key)]
    least, most = max(0.01, min(values)), max(values)
    marks = [(10.0 ** i, f"{10.0 ** i:g}") for i in range(-2, 5) if least / 10 < 10.0 ** i < most * 10]
    chart = Chart(f"Time of a request, least, median and most of the turns, {kernel}",
                  Axis("", 0.5, 4.5, list(enumerate(("calm, mean", "calm, p99", "pressed, mean", "pressed, p99"), 1))),
                  Axis("milliseconds", marks[0][0], marks[-1][0], marks, True))
    for number, way in enumerate(ways):
        points = []
        for x, (phase, key) in enumerate((p, k) for p in ("calm", "pressed") for k in ("mean_ms", "p99_ms")):
            each = [max(least, value) for value in over_turns(figures, way, phase, key)]
            points.append((x + 1, min(each), median(each), max(each)))
        chart.spans(WORDS[way], points, 16 * (number - (len(ways) - 1) / 2))
    file = f"locking-{kernel}.svg"
    (PICTURES / file).write_text(chart.svg(), encoding="utf-8")
    result.say("", f"![Time of a request]({file})", "")


def locking(laboratory, options, result):
    """Point 6: a service beside a program that presses on memory, on each kernel."""
    for kernel, release, figures, command in on_each_kernel(
            laboratory, options, result, program="locking", point=6, emulated=EMULATED,
            arguments=[f"/root/policies/{POLICY}.toml", "--pressed", options.seconds or 30],
            more=["--memory", "768M", "--swap", "1G"]):
        compare(result, figures, release, command)
        tell(result, figures)
        draw(result, figures, kernel)
