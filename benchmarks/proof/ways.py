# SPDX-License-Identifier: MIT
"""Experiments that compare several ways in a guest, each policy being one."""

import json

from .laboratory import TREE


def programs(build):
    """The command, and the helper that makes remote calls for it, where it is found beside it."""
    return [build / "damon-schemes", *build.glob("damon-schemes-remote")]


def settings_of(emulated, options):
    """As options of an experiment: what a person sets goes before what emulation needs."""
    return [*(word for each in emulated for word in ("--set-emulated", each)),
            *(word for each in options.set or () for word in ("--set", each))]


def on_each_kernel(laboratory, options, result, *, program, point, arguments, emulated, more):
    """Runs PROGRAM in a guest of each kernel asked for; its folder has its name.

    Yields (kernel, its full version, the figures, the command as a person would type it).
    """
    laboratory.build("damon_schemes_cli", "damon_schemes_remote", program)
    build = laboratory.build_folder
    name = f"{point}-{program.replace('_', '-')}"
    for kernel in options.kernels:
        command = [program, *arguments, "--turns", options.turns, *settings_of(emulated, options)]
        _, _, found = laboratory.guest(
            kernel, [*command, "--json", f"/out/{program}.json"], f"{name}-{kernel}.log", timeout=7200,
            expect=[f"{program}.json"],
            files=[*programs(build), build / "benchmarks" / program / program, f"{TREE}/policies:/root/policies"],
            more=more)
        figures = found[f"{program}.json"]
        (laboratory.logs / f"{name}-{kernel}.json").write_text(json.dumps(figures), encoding="utf-8")
        release = laboratory.release(kernel)
        result.say("", f"### Linux {release}", "")
        yield kernel, release, figures, " ".join(str(word) for word in command).replace("/root/", "")
