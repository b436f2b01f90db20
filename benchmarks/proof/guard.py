# SPDX-License-Identifier: MIT
"""A service whose hot set jumps to what was paged out."""

from statistics import median

from .laboratory import TREE

POLICY = "hot_jump.toml"
# Of the 99th percentile before: emulation makes a request late for reasons of its own, too.
NOISE = 1.5


def guard(laboratory, options, result):
    """Point 5, on each kernel."""
    laboratory.build("damon_schemes_cli", "damon_schemes_remote", "hot_jump")
    build = laboratory.build_folder
    for kernel in options.kernels:
        command = ["hot_jump", f"/root/{POLICY}", "--turns", options.turns]
        _, _, found = laboratory.guest(
            kernel, [*command, "--out", "/out/jump.json"], f"5-guard-{kernel}.log", timeout=1800, expect=["jump.json"],
            files=[build / "damon-schemes", build / "benchmarks/daemon/hot_jump",
                   f"{TREE}/benchmarks/daemon/{POLICY}:/root/{POLICY}"],
            more=["--memory", "768M", "--swap", "512M"])
        turns = found["jump.json"]["turns"]
        release = laboratory.release(kernel)
        shown = " ".join(str(word) for word in command).replace("/root/", "")
        within = found["jump.json"]["within_s"]
        back = [turn["back_p99_ms"] / turn["calm_p99_ms"] for turn in turns]
        result.add(f"p99 from {within:g} s after the jump on, to that before it; each turn",
                   ", ".join(f"{each:.2f} times" for each in back), f"at most {NOISE}, which is the noise here",
                   all(each <= NOISE for each in back), release, shown)
        told = [turn["told"] for turn in turns]
        result.add("status says that it is left alone, and why",
                   ", ".join(f"{each['harm']} after {each['after_ms'] / 1e3:.1f} s" if each else "no" for each in told),
                   "each turn", all(told), release, shown)
        calm, hit = (median(turn[key] for turn in turns) for key in ("calm_p99_ms", "hit_p99_ms"))
        result.add(f"p99 before the jump; of the first {within:g} s behind it", f"{calm:.2f} ms; {hit:.2f} ms",
                   kernel=release, command=shown)
        result.say("", f"### Linux {release}", "", "p99 of each second behind the jump, in ms:", "")
        result.say(*(f"- turn {number}: " + ", ".join(f"{p99:.1f}" for p99 in turn["p99_ms_by_second"])
                     for number, turn in enumerate(turns, 1)))
