# SPDX-License-Identifier: MIT
"""Debian's source of the 6.1 kernel, for its checkpatch and the debug kernel."""

import subprocess
from pathlib import Path

from . import LabError
from .cache import cache_folder, locked, new_folder
from .debian import require, unpack

PACKAGE = "linux-source-6.1"


def _folder():
    package = require(PACKAGE)
    folder = cache_folder("source") / f"{package.name}_{package.version}"
    with locked("kernel-source"):
        if not folder.exists():
            with new_folder(folder) as made:
                unpack([package], made)
    return folder


def tarball():
    """The compressed source; 130 MB, fetched on the first use."""
    found = sorted(_folder().glob("usr/src/linux-source-*.tar.*"))
    if not found:
        raise LabError(f"package {PACKAGE} has no source in it")
    return found[0]


def checkpatch():
    """The kernel's checkpatch.pl, with the word lists that it reads."""
    archive = tarball()
    folder = archive.parent / "checkpatch"
    with locked("checkpatch"):
        if not folder.exists():
            with new_folder(folder) as made:
                names = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")
                subprocess.run(
                    ["tar", "-x", "-f", archive, "-C", made, "--strip-components=2", "--wildcards",
                     *(f"*/scripts/{name}" for name in names)],
                    check=True,
                )
    return Path(folder, "checkpatch.pl")
