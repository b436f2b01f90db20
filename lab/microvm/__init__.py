# SPDX-License-Identifier: MIT
"""Boots Debian's kernels in QEMU and runs one command inside."""

import os

# depmod is there, and an ordinary user's path may lack it.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class LabError(Exception):
    """The lab itself could not do its part; the text says what to do next."""
