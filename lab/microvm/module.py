# SPDX-License-Identifier: MIT
"""Builds the kernel module for one of the lab's kernels."""

import os
import shutil
import subprocess
from pathlib import Path

from . import LabError
from .cache import cache_folder, digest, locked
from .kernel import identity

SOURCE = Path(__file__).resolve().parent.parent.parent / "kmod"
KEEP = (".c", ".h", ".S")


def _mirror(source, copy):
    """Brings COPY up to date, so that make rebuilds only what changed."""
    wanted = set()
    for path in source.rglob("*"):
        name = path.relative_to(source)
        if path.is_file() and (path.suffix in KEEP or path.name in ("Makefile", "Kbuild", "Kconfig")):
            if path.name.endswith(".mod.c"):
                continue
            wanted.add(name)
            target = copy / name
            if not target.exists() or target.stat().st_mtime_ns != path.stat().st_mtime_ns:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
    for path in list(copy.rglob("*")):
        if path.suffix in KEEP and not path.name.endswith(".mod.c"):
            if path.relative_to(copy) not in wanted:
                path.unlink()


def build_module(kernel, make_arguments=(), purpose="module", source=SOURCE,
                 fresh=False):
    """Builds SOURCE for KERNEL; returns (the .ko, what make said).

    The source is copied and built in the cache: one tree serves many kernels.
    FRESH builds everything again, so that make repeats every warning.
    """
    source = Path(source).resolve()
    if not (source / "Makefile").exists():
        raise LabError(f"there is no {source}/Makefile to build the module with")
    folder = cache_folder("modules", digest(source), f"{purpose}-{kernel.name}-{identity(kernel)[:8]}")
    with locked(f"module-{digest(folder)}"):
        if fresh:
            shutil.rmtree(folder)
            folder.mkdir()
        _mirror(source, folder)
        done = subprocess.run(
            ["make", f"-j{os.cpu_count() or 1}", "-C", folder, f"KDIR={kernel.headers}", *make_arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            env={**os.environ, "LC_ALL": "C", "MAKEFLAGS": ""},
        )
        # make names the copy; a person wants to see their own file.
        said = done.stdout.replace(str(folder), str(source))
        if done.returncode != 0:
            raise LabError(f"the module does not build for {kernel.release}:\n{said.strip()}")
        built = sorted(folder.glob("*.ko"))
        if len(built) != 1:
            raise LabError(f"{source} built {len(built)} modules instead of one:\n{said.strip()}")
        return built[0], said
