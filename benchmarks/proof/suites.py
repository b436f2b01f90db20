# SPDX-License-Identifier: MIT
"""Point 7: how many tests there are, and how they go."""

import re

from .counts import counts, skips, words
from .laboratory import TREE
from .result import NotMeasured, Row, clock

PARTS = (("unit", "unit tests"), ("asan", "unit tests under ASan and UBSan"))


def kunit(laboratory, result):
    """The core's tests as KUnit: what they said while the module was loaded on the debug kernel."""
    if not any((TREE / "kmod").rglob("*kunit*")):
        raise NotMeasured("the module has no KUnit tests")
    _, said, _ = laboratory.guest("debug", ["dmesg"], "7-kunit.log", timeout=600)
    lines = re.findall(r"# Totals: pass:(\d+) fail:(\d+) skip:(\d+) total:\d+", said)
    if not lines:
        raise NotMeasured("the kernel's log has no KUnit results; see build/proof/7-kunit.log")
    numbers = [sum(int(line[i]) for line in lines) for i in range(3)]
    result.add("the core's tests as KUnit", words(numbers), "0 failed", numbers[1] == 0 and numbers[0] > 0,
               laboratory.release("debug"), "./dev lab run --kernel debug --module -- dmesg")


def suites(laboratory, _options, result):
    """Each part by itself."""
    for part, title in PARTS:
        command = ["python3", TREE / "lab/suite", part]
        try:
            status, said, seconds = laboratory.run(command, f"7-{part}.log", check=False, timeout=2 * 3600)
            numbers = counts(said)
            result.add(title, words(numbers), "0 failed", status == 0 and numbers[1] == 0, "native", f"./dev test {part}")
            result.say(f"{title}: {clock(seconds)}." + "".join(f" Skipped: {each}." for each in skips(said)), "")
        except NotMeasured as error:
            result.rows.append(Row.missing(title, str(error), command=f"./dev test {part}"))
    try:
        kunit(laboratory, result)
    except NotMeasured as error:
        laboratory.say(f"    not measured: {error}")
        result.rows.append(Row.missing("the core's tests as KUnit", str(error), "debug"))
