# SPDX-License-Identifier: MIT
"""Boots Debian's kernels in QEMU and runs one command inside."""


class LabError(Exception):
    """The lab itself could not do its part; the text says what to do next."""
