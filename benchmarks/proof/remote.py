# SPDX-License-Identifier: MIT
"""Remote system calls: what programs notice of them, and what is left when somebody is killed."""

import json
import tempfile
from pathlib import Path

from .result import NotMeasured, Row, microseconds

# What a program would notice, by the name in the figures.
NOTICED = (("spurious", "calls that failed with EINTR"), ("wrong", "wrong results"),
           ("registers", "changed registers"), ("signals_lost", "signals lost or doubled"),
           ("signals_misplaced", "signals out of order"))
KERNELS = ("6.1", "6.12")
# Stops follow each other at once here; by default they are so far apart.
USUAL_SPACING_NS = 20_000_000


def natively(laboratory, mode, log, *numbers, timeout=7200):
    """(exit status, the figures) of remote_torment on this machine."""
    laboratory.build("remote_torment", "damon_schemes_remote")
    build = laboratory.build_folder
    with tempfile.TemporaryDirectory(prefix="damon-schemes-remote-") as folder:
        out = Path(folder) / "figures.json"
        status, said, _ = laboratory.run(
            [build / "benchmarks/remote/remote_torment", mode, build / "damon-schemes-remote", out, *numbers],
            log, timeout=timeout, check=False, shown=f"remote_torment {mode} {' '.join(map(str, numbers))}")
        try:
            return status, json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            end = "; ".join(said.strip().splitlines()[-2:])
            raise NotMeasured(f"remote_torment ended with {status} ({end}); see build/proof/{log}") from error


def in_guest(laboratory, kernel, mode, log, *numbers, timeout=4 * 3600):
    """The same in the guest."""
    laboratory.build("remote_torment", "damon_schemes_remote")
    build = laboratory.build_folder
    status, _, found = laboratory.guest(
        kernel, ["remote_torment", mode, "/usr/local/bin/damon-schemes-remote", "/out/figures.json", *numbers], log,
        files=[build / "benchmarks/remote/remote_torment", build / "damon-schemes-remote"], timeout=timeout,
        expect=["figures.json"], check=False, more=["--memory", "1536M"])
    return status, found["figures.json"]


def span(figures):
    return " / ".join(microseconds(figures[key]) for key in ("median", "p99", "most"))


def report_programs(result, figures, where, numbers, bounded):
    """The rows and the table of one machine."""
    kinds = figures["kinds"]
    calls = numbers[0]
    command = f"remote_torment kinds … {' '.join(map(str, numbers))}"
    made = sum(kind["calls"] for kind in kinds)
    fewest = min(kind["calls"] for kind in kinds)
    full = sum(kind["calls"] >= calls for kind in kinds)
    result.add(f"kinds of programs; with {calls:,} calls each; fewest; in all",
               f"{len(kinds)}; {full}; {fewest:,}; {made:,}", f"12 kinds with {calls:,}", full >= 12, where, command)
    for key, words in NOTICED:
        count = sum(kind[key] for kind in kinds)
        result.add(words, str(count), "0", count == 0, where, command)
    ended = [kind["kind"] for kind in kinds if kind["hung"] or kind["died"]]
    result.add("programs that died or hang", ", ".join(ended) or "none", "none", not ended, where, command)
    stops = figures["stop_ns"]
    limit = figures["longest_stop_ns"]
    # Under emulation, and with more that wants to run than there are processors, time is not ours.
    result.add("a stop: median / p99 / longest", span(stops),
               f"median and p99 at most {microseconds(limit)}" if bounded else "reported",
               stops["p99"] <= limit if bounded else None, where, command)
    result.add("of that with foreign registers: median / p99 / longest", span(figures["foreign_ns"]),
               kernel=where, command=command)
    missed = sum(kind["missed_wakes"] for kind in kinds)
    result.add("signals that came just before a wait that they were to end", str(missed), kernel=where,
               command=command)
    result.say("", f"{where}:")
    result.table(("program", "calls", "rounds", "EINTR", "wrong", "registers", "signals", "refused",
                  "stop: median / p99 / longest", "foreign registers: median / p99 / longest"),
                 [(kind["kind"], f"{kind['calls']:,}", f"{kind['rounds']:,}", kind["spurious"], kind["wrong"],
                   kind["registers"], kind["signals_lost"] + kind["signals_misplaced"],
                   sum(kind["refusals"].values()), span(kind["stop_ns"]), span(kind["foreign_ns"]))
                  for kind in kinds])


def programs(laboratory, options, result):
    """Point 2: natively and on both kernels."""
    guests = (options.calls, options.full_kinds)
    runs = [("native", (options.calls,), lambda: natively(laboratory, "kinds", "2-remote-native.log", options.calls))]
    runs += [(kernel, guests, lambda kernel=kernel: in_guest(laboratory, kernel, "kinds", f"2-remote-{kernel}.log", *guests))
             for kernel in KERNELS]
    for kernel, numbers, measure in runs:
        try:
            where = kernel if kernel == "native" else laboratory.release(kernel)
            _, figures = measure()
            report_programs(result, figures, where, numbers, kernel == "native")
        except NotMeasured as error:
            laboratory.say(f"    not measured: {error}")
            result.rows.append(Row.missing("programs of each kind", str(error), kernel))


def kills(laboratory, options, result):
    """Point 3: who is killed, and what it does to the target."""
    _, figures = natively(laboratory, "kills", "3-kills.log", options.kills)
    command = f"remote_torment kills … {options.kills}"
    result.add(f"SIGKILLs of the engine at random moments, of {figures['times']}: targets harmed",
               str(figures["harmed"]), "0", figures["harmed"] == 0, command=command)
    result.add("helpers that did not end by themselves then", str(figures["helpers_left"]), "0",
               figures["helpers_left"] == 0, command=command)

    _, figures = natively(laboratory, "helper-kills", "3-helper-kills.log", options.helper_kills)
    command = f"remote_torment helper-kills … {options.helper_kills}"
    result.add(f"SIGKILLs of the helper, calls following one another at once, of {figures['times']}: targets harmed",
               str(figures["harmed"]), command=command)
    rows = [(kind["kind"], kind["times"],
             ", ".join(f"{count} {damage}" for damage, count in kind["harmed"].items()) or "none")
            for kind in figures["kinds"]]
    result.table(("program", "helper killed", "harmed"), rows)

    _, figures = natively(laboratory, "kinds", "3-window.log", 500)
    window = figures["foreign_ns"]
    share = window["median"] / (USUAL_SPACING_NS + figures["stop_ns"]["median"])
    result.add("the window: a thread has foreign registers in each stop for (median / p99 / longest)", span(window),
               command="remote_torment kinds … 500")
    result.say("", "A helper that is killed at a random moment while a policy has calls to make without a break, at the "
               f"default of 20 ms between stops, finds a thread in that window once in {1 / share:,.0f} times.")
