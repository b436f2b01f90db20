# SPDX-License-Identifier: MIT
"""Point 6: the VM suite and the soak on the debug kernel."""

from .counts import counts, skips, words
from .laboratory import TREE
from .result import NotMeasured, Row, clock


def soak(laboratory, options, result):
    """Targets and sessions that come, change and get killed."""
    laboratory.build("soak")
    release = laboratory.release("debug")
    status, said, _ = laboratory.guest(
        "debug", ["soak", options.soak, options.seed], "6-soak.log", check=False, timeout=options.soak + 900,
        files=[laboratory.build_folder / "benchmarks/soak/soak"],
        more=["--append", "kmemleak=on", "--swap", "256M"])
    failures = [line for line in said.splitlines() if line.startswith("soak: FAILED")]
    result.add(f"soak of {options.soak} s, seed {options.seed}: what the kernel or the soak found",
               "nothing" if status == 0 else "; ".join(failures[:3]) or f"exit status {status}",
               "nothing", status == 0, release, f"soak {options.soak} {options.seed}")
    result.say("", "The soak, with kmemleak at work:", "", "```", said.strip(), "```", "")


def suite(laboratory, result):
    """The VM tests, with KASAN, lockdep and their kin looking on."""
    command = ["python3", TREE / "lab/suite", "vm", "--kernel", "debug"]
    status, said, seconds = laboratory.run(command, "6-vm-debug.log", check=False, timeout=4 * 3600)
    numbers = counts(said)
    result.add("VM tests on the debug kernel", words(numbers), "0 failed", status == 0 and numbers[1] == 0,
               laboratory.release("debug"), "./dev test vm --kernel debug")
    result.say("", f"The VM tests took {clock(seconds)}. Skipped:", "", *(f"- {each}" for each in skips(said) or ["none"]))


def torment(laboratory, options, result):
    """One that cannot be measured does not keep the other from it."""
    parts = (("soak", lambda: soak(laboratory, options, result)),
             ("VM tests on the debug kernel", lambda: suite(laboratory, result)))
    for name, measure in parts:
        try:
            measure()
        except NotMeasured as error:
            laboratory.say(f"    not measured: {error}")
            result.rows.append(Row.missing(name, str(error), "debug"))
