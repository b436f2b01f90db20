# SPDX-License-Identifier: MIT
"""Finds what a kernel complains about in its log."""

import re
from pathlib import Path

STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")

# Taints that our own module brings: O out of tree, E unsigned; N is KUnit's.
OUT_OF_TREE, UNSIGNED, TEST = 1 << 12, 1 << 13, 1 << 18
TAINTS = "PFSRMBUDAWCIOELKXTN"


def _patterns():
    listed = Path(__file__).parent.parent / "guest" / "complaints"
    lines = listed.read_text(encoding="utf-8").splitlines()
    return re.compile("|".join(line for line in lines if line and not line.startswith("#")))


def complaints(text):
    """The lines of a kernel log that tell of a defect."""
    patterns = _patterns()
    lines = dict.fromkeys(line.rstrip() for line in text.splitlines())
    return [line for line in lines if patterns.match(STAMP.sub("", line))]


def bad_taint(value, allowed=OUT_OF_TREE | UNSIGNED):
    """The letters of the taints in VALUE that are not ALLOWED."""
    rest = value & ~allowed
    return "".join(
        TAINTS[bit] if bit < len(TAINTS) else f"<{bit}>" for bit in range(rest.bit_length())
        if rest >> bit & 1
    )
