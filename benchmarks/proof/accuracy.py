# SPDX-License-Identifier: MIT
"""How well the module and mainline DAMON see what the phase files' workloads do."""

from statistics import median

from .chart import Axis, Chart
from .laboratory import TREE
from .result import NotMeasured, Row, percent

KERNEL = "6.12"  # the one with DAMON
SCALE = 2  # emulation: a workload touches, and both monitors look, far more slowly
SEEDS = 3
# The first is held against the others; each with what it is started with.
MONITORS = {
    "module": "--monitor module",
    "mainline": "--monitor mainline",
}
OURS, RIVAL = "module", "mainline"
PHASES = TREE / "benchmarks/accuracy/phases"
PICTURES = TREE / "docs/results"
# Whose hot spots are less than 1 % of the memory.
SMALL_SPOTS = ("scattered-in-a-gibibyte", "scattered-pages", "scattered-spots")
MOVING = ("moving-hot-area", "moving-small-area")
# Below this much of the memory there is nothing to halve: some pages touched between two looks.
NEGLIGIBLE = 0.0001
SECONDS_A_RUN = 20  # beside the phases themselves: mapping, scoring
WINDOWS = ("whole", "settled")

# Every run leaves figures, or says why it has none.
RUN = """\
accuracy /root/phases/{file}.toml {monitor} --seed {seed} --sampling {sampling}ms \\
	--aggregation {aggregation}ms --json /out/{name}.json 2>/tmp/why ||
	printf '{{"error": "%s"}}' "$(tail -n 1 /tmp/why | tr -d '\\042\\134')" >/out/{name}.json
cat /tmp/why
"""


def files_of(options):
    """The names of the phase files that are asked for."""
    names = sorted(path.stem for path in PHASES.glob("*.toml"))
    chosen = options.files.split(",") if options.files else names
    if unknown := [name for name in chosen if name not in names]:
        raise NotMeasured(f"there is no phase file '{unknown[0]}'")
    return chosen


def command_of(options):
    """As a person would type it in the guest."""
    return (f"accuracy FILE --monitor MONITOR --seed 1..{options.seeds} --sampling {5 * options.scale}ms "
            f"--aggregation {100 * options.scale}ms")


def measured(laboratory, options, files, more, log):
    """Runs of all in one boot: {file: {monitor: [figures of each seed]}}."""
    laboratory.build("accuracy", "accuracy_phases")
    build = laboratory.build_folder / "benchmarks/accuracy"
    script, names = "#!/bin/busybox sh\n", {}
    for seed in range(1, options.seeds + 1):
        for file in files:
            # In turn, so that neither has the warmer machine.
            for monitor in sorted(MONITORS, reverse=seed % 2 == 0):
                name = f"{file}-{monitor}-{seed}"
                names[name] = (file, monitor)
                script += RUN.format(file=file, monitor=MONITORS[monitor], seed=seed, name=name,
                                     sampling=5 * options.scale, aggregation=100 * options.scale)
    seconds = 60 + len(names) * (8 * options.scale + SECONDS_A_RUN)
    _, _, found = laboratory.guest_script(
        KERNEL, script, log, timeout=seconds, expect=[f"{name}.json" for name in names],
        files=[build / "accuracy", build / "phases",
               *(f"{PHASES}/{file}.toml:/root/phases/{file}.toml" for file in files)],
        more=["--memory", "3G", *more])
    runs = {file: {monitor: [] for monitor in MONITORS} for file in files}
    for name, (file, monitor) in names.items():
        runs[file][monitor].append(found[f"{name}.json"])
    return runs


def why_not(figures):
    """Why a monitor has no figures; None: it has them, of every seed."""
    return next((each["error"] for each in figures if "error" in each), None)


def spread(figures, window, key):
    """Least, median and greatest of the seeds; None: there is nothing that it could be a share of."""
    values = [each[window][key] for each in figures if each[window][key] is not None]
    return (min(values), median(values), max(values)) if values else None


def shown(values, decimals=2):
    if values is None:
        return "-"
    least, middle, greatest = values
    if least == greatest:
        return percent(middle, decimals)
    return f"{percent(middle, decimals)} ({least * 100:.{decimals}f} to {greatest * 100:.{decimals}f})"


def compare(result, name, runs, options, release):
    """What one file's runs say against the bounds."""
    for monitor in (OURS, RIVAL):
        if reason := why_not(runs[monitor]):
            result.rows.append(Row.missing(f"{name}: {OURS} against {RIVAL}", f"{monitor}: {reason}", release,
                                           command_of(options)))
            return
    ours, theirs = (spread(runs[monitor], "whole", "wrongly_cold_of_mapped") for monitor in (OURS, RIVAL))
    result.add(f"{name}: bytes wrongly called cold, of the mapped ones, {OURS} against {RIVAL}",
               f"{percent(ours[1], 3)} against {percent(theirs[1], 3)}",
               f"at most half, or {percent(NEGLIGIBLE, 2)}", ours[1] <= max(theirs[1] / 2, NEGLIGIBLE), release,
               command_of(options))
    if name in SMALL_SPOTS:
        ours, theirs = (spread(runs[monitor], "whole", "recall") for monitor in (OURS, RIVAL))
        if ours is None or theirs is None:
            raise NotMeasured(f"{name}: nothing was hot")
        result.add(f"{name}: recall of hot bytes, {OURS} against {RIVAL}",
                   f"{percent(ours[1])} against {percent(theirs[1])}", "higher", ours[1] > theirs[1], release,
                   command_of(options))


def tell(result, options, runs):
    """The table of everything."""
    result.say("", f"Intervals of {5 * options.scale} and {100 * options.scale} ms, 10 to 1,000 regions, "
               f"seeds 1 to {options.seeds}: medians, and least to greatest. The runs of both monitors alternate in "
               "one boot. 'Whole' is every interval from the first phase's beginning to the last one's end, 'settled' "
               "those that begin at least ten aggregation intervals after the start of the monitoring and of the "
               "phase. Hot is what was touched in a fifth of the looks or more. The precision takes for right what was "
               "touched at all, the strict one only what was hot. benchmarks/accuracy/score.h has the exact words.")
    rows = []
    for number, (name, by_monitor) in enumerate(runs.items(), 1):
        for monitor in MONITORS:
            figures = by_monitor[monitor]
            if reason := why_not(figures):
                rows.append((number, name, monitor, f"not measured: {reason}", *["-"] * 9))
                continue
            for window in WINDOWS:
                values = [spread(figures, window, key) for key in
                          ("recall", "precision", "strict_precision", "wrongly_cold_of_mapped",
                           "wrongly_cold_hot_of_mapped", "wrongly_cold_of_touched", "working_set_error",
                           "unknown_of_mapped")]
                lost = sum(each["lost_snapshots"] for each in figures)
                rows.append((number, name, monitor, f"{window}, {figures[0][window]['snapshots']} snapshots",
                             *(shown(each, 3 if i in (3, 4) else 1) for i, each in enumerate(values)), lost))
    result.table(("", "phase file", "monitor", "window", "recall", "precision", "strict", "wrongly cold, of mapped",
                  "hot and so", "of touched", "working set error", "unknown", "lost"), rows)


def draw(result, runs, world):
    """The same in two pictures."""
    last = len(runs) + 0.5
    x = Axis("phase file, by its number in the table", 0.5, last, [(i + 1, str(i + 1)) for i in range(len(runs))])
    shares = [(10.0 ** -i, f"{100 * 10.0 ** -i:g}") for i in range(5, -1, -1)]
    for key, title, axis in (
            ("wrongly_cold_of_mapped", "Bytes wrongly called cold, of the mapped ones",
             Axis("% (what is less stands at 0.001)", 1e-5, 1, shares, True)),
            ("recall", "Hot bytes that were called hot",
             Axis("%", 0, 1, [(i / 5, str(i * 20)) for i in range(6)]))):
        chart = Chart(f"{title}; whole runs, {world}", x, axis)
        for which, monitor in enumerate(MONITORS):
            points = []
            for number, by_monitor in enumerate(runs.values(), 1):
                figures = by_monitor[monitor]
                values = None if why_not(figures) else spread(figures, "whole", key)
                if values:
                    points.append((number, *(max(1e-5, value) for value in values)))
            chart.spans(monitor, points, 10 * which - 5 * (len(MONITORS) - 1))
        name = f"accuracy-{key.split('_')[0]}-{world.replace('=', '-')}.svg"
        (PICTURES / name).write_text(chart.svg(), encoding="utf-8")
        result.say("", f"![{title}]({name})", "")


def every_file(laboratory, options, result, world, more, log):
    runs = measured(laboratory, options, files_of(options), more, log)
    release = f"{laboratory.release(KERNEL)}, {world}"
    for name, by_monitor in runs.items():
        compare(result, name, by_monitor, options, release)
    tell(result, options, runs)
    draw(result, runs, world)


def flushed(laboratory, options, result):
    """Point 1: where each entry into the kernel flushes, so that mainline DAMON sees under emulation."""
    every_file(laboratory, options, result, "pti=on", ["--append", "pti=on"], "accuracy-1-pti.log")


def unflushed(laboratory, options, result):
    """Point 2: where nothing flushes but the monitor itself."""
    every_file(laboratory, options, result, "pti=off", ["--append", "pti=off"], "accuracy-2.log")


def phase_changes(laboratory, options, result):
    """Point 3: until a hot area's move is seen."""
    runs = measured(laboratory, options, MOVING, ["--append", "pti=on"], "accuracy-3.log")
    release = f"{laboratory.release(KERNEL)}, pti=on"
    rows = []
    for name, by_monitor in runs.items():
        for monitor in MONITORS:
            what = f"{name}, {monitor}: until 90 % of a move are seen"
            if reason := why_not(by_monitor[monitor]):
                result.rows.append(Row.missing(what, reason, release, command_of(options)))
                continue
            changes = [change for each in by_monitor[monitor] for change in each["changes"]]
            if not changes:
                result.rows.append(Row.missing(what, "the workload made no such change", release, command_of(options)))
                continue
            unseen = sum(1 for change in changes if change["seen"] is None)
            seen = [change["seen"]["intervals"] for change in changes if change["seen"]]
            figure = f"in interval {median(seen):g} in the median, {max(seen)} at the latest" if seen else "never"
            ours = monitor == OURS
            result.add(what, figure + (f"; {unseen} of {len(changes)} not seen" if unseen else ""),
                       "each by interval 2" if ours else "reported",
                       (not unseen and max(seen) <= 2) if ours else None, release, command_of(options))
            for half, title in (("hot_seen", "what became hot"), ("cold_seen", "what became cold")):
                values = [change[half] for change in changes]
                rows.append((name, monitor, title, len(values),
                             ", ".join("-" if each is None else f"{each['intervals']} ({each['time']:.2f})"
                                       for each in values)))
    result.say("", "A change is seen in the first snapshot in which 90 % of what became hot are called hot, and 90 % "
               "of what was hot and is not used any more are called cold. The interval in which the change falls is "
               "the first; it still has the old accesses in it, so that the second, the first that lies wholly behind "
               "the change, is the earliest in which all of it can be seen. In brackets: the time from the change to "
               "the interval's end, in nominal intervals; an emulated machine that is busy stretches them.")
    result.table(("phase file", "monitor", "half", "changes", "seen in interval"), rows)
