# SPDX-License-Identifier: MIT
"""The report's sections, each of the results."""

from . import measures, oracle, plots, quantities
from .quantities import NOTHING, names, of_byte_seconds, of_kib, signed_percent
from .recording_pictures import find_program, pictures
from .reference_table import TOTAL
from .report_document import Cell, Figure, Items, Picture, Table
from .results import BASE, published_name
from .statistics import overhead, thp_overhead_removed, thp_speed_up_kept
from .verdicts import MET, NOT_MEASURED, NOT_MET, WITHIN_NOISE, bloated, hot_share, interval, percent, verdicts
from .working_set import AGE, memory_limit

COLD_AGE = 3.0
SUITE = "suite/"
HUGE_PAGES = ("thp", "ethp", "ethp-v24", "efficient-thp")


def short(workload):
    """A workload's name without its suite, where that is ours."""
    return workload.removeprefix(SUITE)


def file_name(workload):
    """A workload's name in the name of a file."""
    return workload.replace("/", "-")


def others(results):
    """The configurations that are compared with orig."""
    return [name for name in results.configurations if name != BASE]


# ---- the summary

def some(things, word):
    """How many of them, in words."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def summary(document, results, tree):
    """The bars, and how the runs stand to them."""
    document.heading("Summary")
    found = verdicts(results, tree)
    counts = {status: sum(each.status == status for each in found)
              for status in (MET, NOT_MET, WITHIN_NOISE, NOT_MEASURED)}
    said = [f"{count} {status}" for status, count in counts.items() if count]
    document.say(f"{some(results.runs, 'run')} of {some(results.workloads, 'workload')} under "
                 f"{some(results.configurations, 'configuration')}. Of {len(found)} bounds: {names(said)}.")
    emulated = emulation(results)
    if emulated:
        document.say(f"These runs were made {emulated}. There runtime says little about what huge pages bring: an "
                     "emulated TLB costs other than a processor's. So memory overhead, the share of hot memory on "
                     "huge pages and page faults come first, and runtime is for comparing the configurations of this "
                     "report with each other only.", warning=True)
    shared = {number: [each for each in rows[0].details if all(each in row.details for row in rows)]
              if len(rows) > 1 else [] for number in sorted({each.number for each in found})
              if (rows := [each for each in found if each.number == number])}
    document.add(Table(
        ["", "What", "Measured", "Bound", "Verdict"],
        [[str(each.number), Cell(each.what, "; ".join(detail for detail in each.details
                                                      if detail not in shared[each.number])),
          each.figure or NOTHING, each.bound, Cell(each.status, mark=each.status.replace(" ", "-"))] for each in found],
        texts=(1, 2, 3, 4)))
    document.add(Items([*(f"{number}: {'; '.join(details)}." for number, details in shared.items() if details),
                        "Judged by medians and their 95 % bootstrap intervals: met or not met where the whole "
                        "interval is on one side of the bound, within noise where it reaches over it. A margin is the "
                        "distance to the bound; below zero it is missed."]))
    few = least_repetitions(results)
    if few is not None and few < 5:
        document.say(
            f"The fewest repetitions of a configuration are {few}. " +
            ("Of one there is no interval at all." if few == 1 else
             "So an interval is from the least to the greatest of what was measured or little less; of 3 repetitions "
             "it holds the true median with a probability of 75 %, of 5 with 94 %."))


def least_repetitions(results):
    """Of the workload and configuration with the fewest runs; None of nothing."""
    counts = [len(found) for workload in results.workloads for name in results.configurations
              if (found := results.of(workload, name))]
    return min(counts, default=None)


def emulation(results):
    """In words, where the runs were emulated, or may have been; '' where not."""
    if (said := results.about.get("emulated")) is not None:
        return "under emulation (QEMU's TCG)" if said else ""
    if any(record.place == "vm" for record in results.records):
        return "in a virtual machine, and nothing says that it was not an emulated one"
    return ""


# ---- machine and conditions

def conditions(document, results):
    """On what, and how."""
    document.heading("Machine and conditions")
    about, records = results.about, results.records
    machine = about.get("machine") if isinstance(about.get("machine"), dict) else {}

    def every(take):
        found = []
        for record in records:
            try:
                value = take(record)
            except (KeyError, TypeError, AttributeError):
                continue
            if value not in (None, "") and value not in found:
                found.append(value)
        return found

    def once(take, form=str):
        return "; ".join(form(value) for value in every(take)) or "not recorded"

    days = sorted(every(lambda record: record.started[:10]))
    khugepaged = every(lambda record: record.conditions["khugepaged"])
    settings = sorted({(record.configuration, tuple(record.settings)) for record in records if record.settings})
    thp = {}
    for record in records:
        thp.setdefault((record.conditions or {}).get("thp") or "not recorded", {})[record.configuration] = True
    host = [f"{machine['processors']} processors" if machine.get("processors") else "", machine.get("model") or "",
            f"kernel {machine['kernel']}" if machine.get("kernel") else ""]
    rows = [
        ["Where", once(lambda record: {"vm": "virtual machine", "host": "this machine itself"}.get(
            record.place, record.place)) + (", emulated" if about.get("emulated") else "")],
        ["Kernel", once(lambda record: record.kernel)],
        ["Processors and memory", once(lambda record: (record.cpus, record.memory_total_kib),
                                       lambda each: f"{each[0]}, {of_kib(each[1])}")],
        ["Host", ", ".join(each for each in host if each) or "not recorded"],
        ["Date", " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "not recorded"],
        ["Command", f"`{about['command']}`" if about.get("command") else "not recorded"],
        ["Sittings", str(len(about["sittings"])) if about.get("sittings") else "not recorded"],
        ["Version", str(about.get("commit") or "not recorded")],
        ["Size", once(lambda record: record.size)],
        ["Monitor", once(lambda record: record.monitor if record.monitor != "none" else None)],
        ["Transparent huge pages", "; ".join(f"{setting}: {names(each)}" for setting, each in thp.items())
         or "not recorded"],
        ["khugepaged", "; ".join(", ".join(f"{key} {value}" for key, value in each.items()) for each in khugepaged)
         or "not recorded"],
        ["Swap", once(lambda record: record.conditions["swap"])],
        ["Page cache dropped before each run",
         once(lambda record: record.conditions["dropped_caches"], lambda value: "yes" if value else "no")],
    ]
    if settings:
        rows.append(["Set over a policy", "; ".join(f"{name}: {', '.join(each)}" for name, each in settings)])
    document.add(Table(["", ""], rows, texts=(0, 1)))
    if len(every(lambda record: record.kernel)) > 1 or len(khugepaged) > 1:
        document.say("Not all runs had the same kernel or the same settings of khugepaged: their figures cannot "
                     "stand beside each other.", warning=True)


# ---- figures of a metric

def figure_cell(results, measure, workload, name):
    """The median; below it the interval, and the overhead where there is one."""
    found = results.figure(measure, workload, name)
    if not found:
        return NOTHING
    small = []
    if found.has_interval and measure.form(found.low) != measure.form(found.high):
        small.append(quantities.span(measure.form, found.low, found.high))
    mark = ""
    if name != BASE and measure.of_orig and (ratio := results.overhead(measure, workload, name)):
        small.append(signed_percent(ratio.value, 1))
        mark = "noise" if ratio.reaches(0) else ""
    return Cell(measure.form(found.value), "\n".join(small), mark)


def has(results, measure):
    """Whether any run has it."""
    return any(results.values(measure, workload, name)
               for workload in results.workloads for name in results.configurations)


def metric_table(results, measure):
    """A row a workload, a column a configuration, and the sums where all workloads have a configuration."""
    columns = [name for name in results.configurations
               if measure.of_orig or any(results.values(measure, each, name) for each in results.workloads)]
    rows = [[short(workload), *(figure_cell(results, measure, workload, name) for name in columns)]
            for workload in results.workloads]
    return Table(["Workload", *columns], rows)


def metrics(document, results):
    """Every metric with a table of its own."""
    document.heading("Every metric")
    document.say("The median of the repetitions; below it the interval of 95 % (none where it is narrower than the "
                 "digits tell), and the overhead against orig. "
                 "A ~ stands where the overhead's interval has zero in it: there the noise exceeds the effect.")
    for measure in measures.ALL:
        if not has(results, measure):
            results.missing.append(f"{measure.title.lower()} (`{measure.name}`): no run has it")
            continue
        document.heading(measure.title, 3)
        document.say(f"`{measure.name}`. {measure.says}".rstrip())
        document.add(metric_table(results, measure))
        if measure.of_orig:
            noisy(document, results, measure)


def noisy(document, results, measure):
    """A warning where most effects of a metric drown in its noise."""
    found = [each for workload in results.workloads for name in others(results)
             if (each := results.overhead(measure, workload, name)) and each.value != 0]
    drowned = sum(each.reaches(0) for each in found)
    if found and drowned * 2 > len(found):
        document.say(f"The noise of {measure.title.lower()} exceeds the effect in {drowned} of {len(found)} "
                     "comparisons: more repetitions, or longer runs, would tell.", warning=True)


# ---- overheads, and the published ones

def overhead_cell(found):
    """An overhead with its interval."""
    if found is None:
        return NOTHING
    small = quantities.span(signed_percent, found.low, found.high) if found.has_interval else ""
    return Cell(signed_percent(found.value), small, "noise" if found.reaches(0) else "")


def published_overhead(published, metric, workload, name):
    """What was published for a workload's namesake; None where it has none."""
    return overhead(published.value(metric, published_name(workload), name),
                    published.value(metric, published_name(workload), BASE))


def overheads(document, results, published):
    """Ours beside the published ones."""
    names_there = [name for name in others(results) if name in published.configurations]
    document.heading("Overheads beside the published ones")
    if not names_there:
        document.say("No configuration of the published evaluation was run beside orig.")
        return
    document.say("(x/orig - 1) × 100, of medians; the totals are taken over the sums. Beside ours stands what the "
                 "evaluation of DAMON's patchset v12 published for the program whose class ours is of, in percent: "
                 "other programs, inputs and machines, so the signs and sizes compare, and not the digits. "
                 "A ~ stands where the noise exceeds the effect.")
    for measure in measures.PUBLISHED:
        rows = []
        for workload in results.workloads:
            row = [Cell(short(workload), published_name(workload)
                        if published_name(workload) in published.workloads(measure.name) else "")]
            for name in names_there:
                theirs = published_overhead(published, measure.name, workload, name)
                row += [overhead_cell(results.overhead(measure, workload, name)),
                        quantities.or_nothing(signed_percent, theirs)]
            rows.append(row)
        total = [Cell("Total", "theirs: over all 25 programs")]
        sums = published.sums(measure.name)
        for name in names_there:
            total += [overhead_cell(results.total_overhead(measure, name)),
                      signed_percent(overhead(sums[name], sums[BASE]))]
        document.heading(f"{measure.title} against orig", 3)
        document.add(Table(["Workload", *(word for name in names_there for word in (name, "published"))],
                           [*rows, total], emphasised=(len(rows),)))
    thp_shares(document, results, published)


def thp_shares(document, results, published):
    """THP's memory overhead removed and speed-up kept, as defined, over the sums."""
    document.heading("What is left of huge pages", 3)
    document.say("Memory overhead of THP removed: (thp - x)/(thp - orig) of `memused.avg`. Speed-up kept: "
                 "(orig - x)/(orig - thp) of `runtime`. Both over the sums of all workloads.")
    rows = []
    for name in (each for each in ("ethp", "ethp-v24", "efficient-thp") if each in results.configurations):
        removed = results.over(measures.MEMUSED, (BASE, "thp", name), lambda sums, name=name: thp_overhead_removed(
            sums[BASE], sums["thp"], sums[name]))[0]
        kept = results.over(measures.RUNTIME, (BASE, "thp", name), lambda sums, name=name: thp_speed_up_kept(
            sums[BASE], sums["thp"], sums[name]))[0]
        rows.append([name, *(interval(each, percent) if each else NOTHING for each in (removed, kept))])
    memory, time = published.sums("memused.avg"), published.sums("runtime")
    rows.append([Cell("ethp, as published (v12)", "from its table's sums"),
                 percent(thp_overhead_removed(memory[BASE], memory["thp"], memory["ethp"])),
                 percent(thp_speed_up_kept(time[BASE], time["thp"], time["ethp"]))])
    document.add(Table(["", "Memory overhead removed", "Speed-up kept"], rows,
                       note="The publication itself says 63.12 % and 49.15 %, which were taken from percentages that "
                            "had been rounded before."))


def overhead_figures(document, results, published):
    """Bars of the overheads, a panel a workload."""
    document.heading("Overheads in pictures")
    for measure in (*measures.PUBLISHED, measures.MINOR_FAULTS):
        bars = {}
        for workload in results.workloads:
            for name in others(results):
                found = results.overhead(measure, workload, name)
                if found:
                    theirs = published_overhead(published, measure.name, workload, name)
                    bars.setdefault(workload, []).append(plots.Bar(
                        name, found.value, found.low, found.high, theirs, signed_percent(found.value, 1)))
        if not bars:
            continue
        span = plots.span_of([bar for each in bars.values() for bar in each], least=2)
        panels = [plots.bars(short(workload), each, span, lambda value: f"{value:+g} %" if value else "0")
                  for workload, each in bars.items()]
        legend = [plots.Entry("published for its namesake (an arrow: farther out)", kind="diamond")]
        document.add(Figure(f"overhead-{measure.name.replace('.', '-')}",
                            f"{measure.title}, overhead against orig in percent, with intervals of 95 %.",
                            panels, legend if measure in measures.PUBLISHED else []))


# ---- what emulation can tell

def huge_pages(document, results):
    """Memory overhead, huge-page coverage of hot memory, and faults."""
    columns = [name for name in HUGE_PAGES if name in results.configurations]
    if not columns:
        return
    document.heading("Huge pages: what they cost, and what they cover")
    over, quiet = bloated(results)
    if over:
        document.say(f"The memory overhead of THP exceeds the noise in {names(map(short, over))}"
                     + (f", and not in {names(map(short, quiet))}." if quiet else "."))
    else:
        document.say("In no workload does THP's memory overhead exceed the noise.")
    for measure in (measures.MEMUSED, measures.RSS, measures.MINOR_FAULTS):
        document.heading(f"{measure.title} with huge pages, against orig", 3)
        document.add(Table(["Workload", *columns], [
            [short(workload), *(overhead_cell(results.overhead(measure, workload, name)) for name in columns)]
            for workload in results.workloads]))
    document.heading("Hot memory on huge pages, at a glance", 3)
    coverage(document, results)


def coverage(document, results):
    """Of hot memory, what lies on huge pages."""
    names_there = [name for name in (BASE, *HUGE_PAGES)
                   if any(results.values(measures.HOT_COVERAGE, each, name) for each in results.workloads)]
    if not names_there:
        document.say("Which hot memory lies on huge pages is missing: no program said so, which takes root, "
                     "/proc/self/pagemap and /proc/kpageflags.")
        return
    panels = []
    for workload in results.workloads:
        bars = []
        for name in names_there:
            found = results.figure(measures.HOT_COVERAGE, workload, name)
            if found:
                bars.append(plots.Bar(name, found.value, found.low, found.high, text=f"{found.value:.1f} %"))
        if bars:
            panels.append(plots.bars(short(workload), bars, (0, 100), lambda value: f"{value:g} %"))
    document.add(Figure("hot-coverage", "Of the bytes touched within the last second, the share on huge pages; "
                        "second half of each run, medians with intervals of 95 %.", panels))
    over, _ = bloated(results)
    if over and (shares := [(name, hot_share(results, name, over)[0]) for name in names_there]):
        document.say(f"Over the programs with an overhead ({names(map(short, over))}): "
                     + ", ".join(f"{name} {percent(each.value)}" for name, each in shares if each) + ".")


# ---- the oracle

def oracles(document, results, tree):
    """Each reclaim result beside what could have been saved."""
    document.heading("Reclamation beside the oracle")
    document.say("The oracle knows every touch: it takes a page away when it has been idle for the scheme's age, and "
                 "has it back with its next touch. What that saves is known from the same run's own report of its "
                 "touches, in bytes times seconds. The share is saved / oracle; it can exceed 100 % where a scheme "
                 "took away what was still in use, which then came back: see its faults and runtime.")
    document.say("Saved: at each second, what the run had touched and not released by its own report, less its RSS; "
                 "what RSS has beyond the report, the program's text and the like, is taken from the orig runs. Ages "
                 "between those that were reported go by a straight line, which makes the oracle rather better and "
                 "the share rather smaller.")
    rows, ages, unsaid, idle_never = [], {}, [], []
    for workload in results.workloads:
        for name in others(results):
            if not any(oracle.reclaims(record, tree) for record in results.of(workload, name).values()):
                continue
            found = oracle.compare(results, workload, name, tree)
            if not found:
                nothing = oracle.has_nothing_to_save(results, workload, name, tree)
                (idle_never if nothing else unsaid).append(f"{short(workload)} under {name}")
                continue
            ages.setdefault(name, found.age.source)
            rows.append([short(workload), name, figure_and_range(found.share, lambda value: f"{value:.1f} %"),
                         quantities.age(found.ages.value), figure_and_range(found.saved, of_byte_seconds),
                         figure_and_range(found.oracle, of_byte_seconds),
                         overhead_cell(results.overhead(measures.RSS, workload, name)),
                         figure_cell(results, measures.REFAULTED, workload, name),
                         overhead_cell(results.overhead(measures.RUNTIME, workload, name))])
    if rows:
        document.add(Table(["Workload", "Scheme", "Share of the oracle", "Age", "Saved", "Oracle", "Resident",
                            "Refaulted pages", "Runtime"], rows, texts=(0, 1),
                           note="Ages: " + "; ".join(f"{name}: {source}" for name, source in ages.items()) + "."))
    else:
        document.say("No run of a reclaiming configuration reports its own touches beside orig: nothing to compare.")
    if idle_never:
        document.say(f"Nothing was ever idle for that long, so there was nothing to save: {names(idle_never)}.")
    if unsaid:
        results.missing.append("what the oracle could save in " + names(unsaid)
                               + ": the program reports no touches, or there is no orig run")
    document.say("Published for freqmine, the class of itemsets, under prcl (v12): resident memory -85.85 %, memory "
                 "of the machine -21.98 %, runtime +2.42 %. Those figures are judged on PARSEC itself.")
    cold_figures(document, results, tree)


def figure_and_range(found, form):
    """A figure with its interval below."""
    if found is None:
        return NOTHING
    return Cell(form(found.value), quantities.span(form, found.low, found.high) if found.has_interval else "")


def cold_figures(document, results, tree):
    """Cold share over time, with what the oracle would have out, and what really was out."""
    panels, shown = [], []
    for workload in results.workloads:
        drawn = []
        base = results.typical(workload, BASE)
        if base:
            cold = [(moment["t_s"], share) for moment in measures.course_of(base)
                    if (share := oracle.idle_share(moment, COLD_AGE)) is not None]
            drawn.append(plots.Line(f"cold for {quantities.age(COLD_AGE)} under orig", BASE, cold, "area"))
        outside = oracle.outside_bytes(results, workload)
        for name in others(results):
            record = results.typical(workload, name)
            age = oracle.scheme_age(record, tree) if record and oracle.reclaims(record, tree) else None
            if not age:
                continue
            best = [(moment["t_s"], share) for moment in measures.course_of(record)
                    if (share := oracle.idle_share(moment, age.seconds)) is not None]
            really = oracle.out_of_memory(record, outside)
            if best or really:
                drawn += [plots.Line(f"oracle of {quantities.age(age.seconds)}, {name}", name, best, "dashed"),
                          plots.Line(f"out of memory, {name}", name, really)]
                shown.append(name)
        if any(line.points for line in drawn):
            panels.append(plots.lines(short(workload), drawn, lambda value: f"{value * 100:.0f} %", greatest=1.0))
    if not panels:
        results.missing.append("cold shares over time: no program reported its course")
        return
    shown = [name for name in results.configurations if name in shown]
    legend = [plots.Entry(f"cold for {quantities.age(COLD_AGE)}, orig", kind="area"),
              *(plots.Entry(f"{name}: out of memory", name, "line") for name in shown),
              *(plots.Entry(f"{name}: its oracle", name, "dashed") for name in shown)]
    document.add(Figure("cold-share", "Of the memory that the program holds: what was cold, what the oracle would have "
                        "out of memory, and what really was out (by RSS). Each scheme's run with the median runtime.",
                        panels, legend))


def resident_figures(document, results):
    """RSS over time."""
    panels, shown = [], []
    for workload in results.workloads:
        drawn = []
        for name in results.configurations:
            record = results.typical(workload, name)
            points = [(sample["t_s"], sample["rss_kib"] / 1024) for sample in (record.samples if record else [])
                      if sample.get("rss_kib") is not None and sample.get("t_s") is not None]
            if points:
                drawn.append(plots.Line(name, name, points))
                shown.append(name)
        if drawn:
            panels.append(plots.lines(short(workload), drawn, lambda value: f"{value:g} MiB"))
    document.heading("Resident memory over time")
    if not panels:
        document.say("No run has samples.")
        return
    document.add(Figure("rss", "RSS of each configuration's run with the median runtime.", panels,
                        [plots.Entry(name, name, "line") for name in results.configurations if name in shown]))


# ---- workload by workload

def working_sets(document, results, build):
    """Heat maps, working sets, and memory limits."""
    document.heading("Working sets, and a memory limit for each")
    document.say(f"The suggested limit for a container: the 99th percentile of the working set, a tenth more, rounded "
                 f"up to MiB. The working set at a moment is what was touched within {AGE:g} s, as the program "
                 "reported under orig, and what it has resident besides; where a program reports nothing, what its "
                 "recording found accessed in an aggregation interval, which is less, because a recording samples and "
                 "looks back over less time. Under such a limit cold memory goes to swap, so it takes some.")
    made = {workload: pictures(find_program(build), results.folder / "recordings" / f"{workload}.damon")
            for workload in results.workloads}
    rows = []
    for workload, drawn in made.items():
        limit = memory_limit(results, workload, drawn.sizes)
        if not limit:
            rows.append([short(workload), NOTHING, NOTHING, NOTHING, "neither a report of its own nor a recording"])
            continue
        peak = quantities.or_nothing(quantities.of_bytes, limit.peak_rss)
        rows.append([short(workload), Cell(f"{limit.limit_mib} MiB"), quantities.of_bytes(limit.working_set), peak,
                     limit.source])
    document.add(Table(["Workload", "Suggested limit", "Working set, 99th percentile", "Most resident, orig",
                        "From what"], rows, texts=(0, 4)))
    for workload, drawn in made.items():
        if drawn.heat_map or drawn.working_set:
            document.heading(workload, 3)
        if drawn.heat_map:
            areas = f": {names(drawn.areas)}" if drawn.areas else ""
            document.add(Picture(f"heatmap-{file_name(workload)}",
                                 f"Heat map of {workload}{areas}.", drawn.heat_map))
        if drawn.working_set:
            document.add(Picture(f"working-set-{file_name(workload)}",
                                 f"Working set of {workload}: its distribution, and its course.", drawn.working_set))
        results.missing += [f"{workload}: {each}" for each in drawn.missing]


# ---- the end

def missing(document, results):
    """Which runs do not count, and what is not there."""
    document.heading("What is missing")
    absent = [f"{workload} under {name}: no run that counts" for workload in results.workloads
              for name in results.configurations if not results.of(workload, name)]
    failed = [f"{record.workload}, {record.configuration}, repetition {record.repetition} does not count: "
              f"{record.error}" for record in results.failed if record.key not in results.runs]
    remarks = [f"{record.workload}, {record.configuration}, repetition {record.repetition} counts, but {record.remark}"
               for record in results.runs.values() if record.remark]
    found = [*failed, *absent, *remarks, *dict.fromkeys(results.missing)]
    if found:
        document.add(Items(found))
    else:
        document.say("Nothing: every workload ran under every configuration, and said all that it can say.")


def method(document):
    """How the figures were taken."""
    document.heading("How the figures are taken")
    document.add(Items([
        "A run is one run of the whole program under one configuration; those of one repetition of a workload "
        "stand close together in time, and repetitions are far apart.",
        "Figures are medians of the repetitions; averages over time are means of one sample a second.",
        "Intervals are percentile bootstrap intervals of 95 %. Configurations are drawn together by repetition, so "
        "what slowed a whole repetition is no noise of an overhead. All ways to draw are taken where they are 1,000 "
        "or fewer, else 1,000 by a seeded generator: the same runs give the same report.",
        "Where an interval of an overhead has zero in it, the noise exceeds the effect.",
        "An overhead is (x/orig - 1) × 100; totals are of the sums over the workloads that both configurations have.",
        "Refaulted pages are pages read back from swap (`pswpin`), counted by the kernel for the whole machine, "
        "so that all configurations are counted alike.",
        "Whether an overhead of huge pages exceeds the noise is said by the whole interval of `memused.avg`.",
        "Programs of the built-in suite are of the class of their namesakes; they are not PARSEC's or SPLASH-2x's.",
    ]))


def table_sections(document, table, published):
    """A table alone: overheads, totals, and what is left of huge pages."""
    document.heading("Overheads")
    document.say("(x/orig - 1) × 100 in percent; totals are taken over the sums.")
    compared = [name for name in table.configurations if name != BASE]
    for metric in table.metrics:
        rows = [[workload, *(quantities.or_nothing(signed_percent, overhead(
            table.value(metric, workload, name), table.value(metric, workload, BASE))) for name in compared)]
            for workload in table.workloads(metric)]
        sums = table.sums(metric)
        rows.append([TOTAL, *(quantities.or_nothing(signed_percent, overhead(sums.get(name), sums.get(BASE)))
                              for name in compared)])
        document.heading(f"{metric} against orig", 3)
        document.add(Table(["Workload", *compared], rows, emphasised=(len(rows) - 1,)))
    memory, time = table.sums("memused.avg"), table.sums("runtime")
    rows = [[name, quantities.or_nothing(percent, thp_overhead_removed(
        memory.get(BASE), memory.get("thp"), memory.get(name))), quantities.or_nothing(percent, thp_speed_up_kept(
            time.get(BASE), time.get("thp"), time.get(name)))]
        for name in compared if "ethp" in name or name == "efficient-thp"]
    if rows and "thp" in compared:
        document.heading("What is left of huge pages", 3)
        note = ("The publication itself says 63.12 % and 49.15 %, which were taken from percentages that had been "
                "rounded before." if table.rows == published.rows else "")
        document.add(Table(["", "Memory overhead of THP removed", "Speed-up kept"], rows, note=note))
