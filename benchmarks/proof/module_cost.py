# SPDX-License-Identifier: MIT
"""Point 4: memory, CPU time, interrupts off, and what a storm of mmap() notices."""

import json
import tempfile

from .laboratory import TREE
from .result import microseconds, mib, percent

REGIONS = 1000
SCALE = 4  # of the intervals under the storm
GUEST = """\
#!/bin/busybox sh
# A program with hot and cold memory, watched by the command as a person would.
{ echo map hot 33554432 base; echo map cold 268435456 base; echo hot hot; sleep 3600; } |
	vm_target >/run/target &
while [ "$(grep -c ok /run/target)" -lt 3 ]; do sleep 1; done
status=0
for policy in observe proactive-reclaim; do
	damon-schemes apply /root/policies/$policy.toml --set monitor.regions.min=1000 \\
		--pid "$(pidof vm_target)" --duration 30s --json --no-status >/out/$policy.json || status=$?
done
exit $status
"""


def command_line(laboratory, kernel, result, rows):
    """The command itself at the default intervals, with as many regions as they may be."""
    build = laboratory.build_folder
    _, _, found = laboratory.guest_script(
        kernel, GUEST, f"4-{kernel}-apply.log", timeout=400,
        expect=["observe.json", "proactive-reclaim.json"], more=["--swap", "512M"],
        files=[build / "damon-schemes", build / "tests/vm/vm_target",
               *(f"{TREE}/policies/{name}.toml:/root/policies/{name}.toml"
                 for name in ("observe", "proactive-reclaim"))])
    release = laboratory.release(kernel)
    for name, figures in found.items():
        monitor, engine = figures["monitor"], figures["engine"]
        rows.append((release, name.removesuffix(".json"), monitor["regions"], f"{monitor['memory_bytes'] / 1024:.0f} KiB",
                     mib(engine["rss_bytes"]), percent(engine["cpu_share"], 2), percent(monitor["cpu_share"]),
                     microseconds(monitor["irq_off_max_ns"]), microseconds(monitor["lock_max_ns"])))
    rss = max(figures["engine"]["rss_bytes"] for figures in found.values())
    regions = max(figures["monitor"]["regions"] for figures in found.values())
    result.add(f"engine RSS, {regions:,} regions at the end, at most {REGIONS:,}", mib(rss), "under 16 MiB",
               rss < 16 << 20, release,
               "damon-schemes apply POLICY --set monitor.regions.min=1000 --pid N --duration 30s --json")


def engine(laboratory, result):
    """The engine alone, natively."""
    laboratory.build("engine_cost")
    with tempfile.NamedTemporaryFile("r", suffix=".json", encoding="utf-8") as out:
        line = [laboratory.build_folder / "benchmarks/engine/engine_cost", TREE / "policies/proactive-reclaim.toml", 20]
        laboratory.run([*line, out.name], "4-engine.log", timeout=120)
        figures = json.load(out)
    result.add(f"engine: CPU time, {figures['regions']:,} regions ten times a second",
               f"{percent(figures['cpu_share'], 2)} of one CPU", "at most 0.5 %", figures["cpu_share"] <= 0.005,
               "native", "engine_cost policies/proactive-reclaim.toml 20")
    result.say("", f"The engine natively, in a dry run of policies/proactive-reclaim.toml over {figures['snapshots']} "
               f"snapshots: {microseconds(figures['cpu_ns_per_snapshot'])} of CPU time each, "
               f"{figures['ranges_planned']} ranges planned, {mib(figures['rss_peak_bytes'])} RSS at most, "
               f"event loop: {figures['loop']}.")


def storm(laboratory, kernel, pages, tlb, result, rows):
    """A program that maps and unmaps all the time, with and without monitoring in turn."""
    command = ["storm", "--pages", pages, "--windows", 11, "--seconds", 1.5, "--scale", SCALE, "--tlb", tlb,
               "--json", "/out/storm.json"]
    _, _, found = laboratory.guest(
        kernel, command, f"4-{kernel}-storm-{pages}-{tlb}.log", timeout=600, expect=["storm.json"],
        files=[laboratory.build_folder / "benchmarks/storm/storm"], more=["--memory", "1G"])
    figures = found["storm.json"]
    release = laboratory.release(kernel)
    p99 = figures["medians"]["whole p99"]
    bounded = tlb == "auto"
    result.add(f"storm of mmap and munmap, {pages} page{'s' if pages > 1 else ''} a round"
               + ("" if bounded else f", tlb = {tlb}") + ": p99 with monitoring to that without",
               f"{p99['ratio']:.3f} ({p99['ratio_elsewhere']:.3f} with another process monitored)",
               "at most 1.1" if bounded else "reported", p99["ratio"] <= 1.1 if bounded else None, release,
               " ".join(str(word) for word in command[:-2]))
    for name in ("whole p50", "whole p99", "whole p99.9", "map p99", "touch p99", "unmap p99", "rounds a second"):
        each = figures["medians"][name]
        show = (lambda ns: f"{ns:,.0f}") if name == "rounds a second" else microseconds
        rows.append((release, pages, tlb, name, show(each["without"]), show(each["with"]), f"{each['ratio']:.3f}",
                     f"{each['ratio_elsewhere']:.3f}"))
    windows = "; ".join(
        f"{kind}: " + ", ".join(f"{window['whole p99'] / 1000:.0f}" for window in figures[kind])
        for kind in ("without", "with", "elsewhere"))
    figures["note"] = (f"{release}, {pages} a round, tlb = {tlb}: p99 of each window in µs, {windows}. "
                       f"{figures['regions']} regions, {figures['passes']} passes, {figures['late_passes']} late; "
                       f"{figures['updates']} looks at the mappings, {figures['updates_missed']} given up.")
    return figures


def session_cost(kernel, storms, result):
    """What the sessions under the storms say of themselves."""
    def most(key):
        return max(figures[key] for figures in storms)

    regions = min(figures["regions"] for figures in storms)
    result.add(f"module memory of a session with {regions:,} regions", f"{most('memory_bytes') / 1024:.0f} KiB",
               "at most 512 KiB", most("memory_bytes") <= 512 << 10 and regions > 0.98 * REGIONS, kernel, "storm")
    result.add("interrupts off: at most; p99 (the end of its log2 bucket)",
               f"{microseconds(most('irq_off_max_ns'))}; {microseconds(most('irq_off_p99_ns'))}",
               kernel=kernel, command="storm")
    result.add("mmap lock held: at most", microseconds(most("lock_max_ns")), kernel=kernel, command="storm")


def module_cost(laboratory, options, result):
    """All of the point."""
    laboratory.build("damon_schemes_cli", "vm_target", "storm")
    engine(laboratory, result)
    rows, medians, notes = [], [], []
    for kernel in options.kernels:
        command_line(laboratory, kernel, result, rows)
        storms = [storm(laboratory, kernel, pages, tlb, result, medians)
                  for pages, tlb in ((16, "auto"), (1, "auto"), (1, "none"))]
        session_cost(laboratory.release(kernel), storms, result)
        for figures in storms:
            notes += ["", figures["note"]]
    result.say("", "The command in the guest, emulated, at the default intervals (5 ms, 100 ms, 1 s), for 30 s:")
    result.table(("kernel", "policy", "regions", "module memory", "engine RSS", "engine CPU", "thread CPU",
                  "interrupts off at most", "mmap lock at most"), rows)
    result.say(f"The storm, with intervals of {SCALE} times the defaults; a round maps, touches each page, and unmaps; "
               "medians of the windows. 'Elsewhere' another process is monitored, so that only the work on the other "
               "processor is noticed. With tlb = none nothing is flushed, which tells the walk's share from the flush's. "
               "Emulated, a round takes about eight times as long as natively, so few go by between two passes, and "
               "filling a flushed TLB again takes far longer.")
    result.table(("kernel", "pages", "tlb", "figure", "without", "with", "ratio", "elsewhere"), medians)
    result.say(*notes)
