# SPDX-License-Identifier: MIT
"""Each action by its VM tests, which read back from the kernel what it did."""

from .counts import counts, skips, words

PATTERN = "HugePageActions.*:LockActions.*"


def action_tests(laboratory, options, result):
    """Point 1: on each kernel."""
    for kernel in options.kernels:
        status, said, _ = laboratory.run(
            ["python3", "lab/suite", "vm", "--kernel", kernel, PATTERN], f"1-actions-{kernel}.log", check=False,
            timeout=3600)
        passed, failed, skipped = counts(said)
        result.add("each action on a real program, read back from smaps", words((passed, failed, skipped)), "0 failed",
                   status == 0 and failed == 0 and passed > 0, laboratory.release(kernel),
                   f"./dev test vm --kernel {kernel} '{PATTERN}'")
        for each in skips(said):
            result.say(f"Skipped on {kernel}: {each}.", "")
