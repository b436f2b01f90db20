# SPDX-License-Identifier: MIT
"""What ./dev test says at its end."""

import re

from .result import NotMeasured


def counts(said):
    """(passed, failed, skipped) of the last line that has them."""
    found = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", said, re.M)
    if not found:
        raise NotMeasured("the tests ended without a summary")
    return tuple(int(word) for word in found[-1])


def words(numbers):
    return "{} passed, {} failed, {} skipped".format(*numbers)


def skips(said):
    """The names and reasons of what was skipped."""
    return sorted(set(re.findall(r"^skipped: (.+)$", said, re.M)))
