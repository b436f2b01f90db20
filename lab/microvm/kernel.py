# SPDX-License-Identifier: MIT
"""The kernels that the lab boots, each with the headers it was built from."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import LabError
from .cache import cache_folder, digest, locked, new_folder, write_whole
from .debian import forget_old_lists, lists_state, require, unpack

SECURITY = (
    "It is in the security suite of Debian 12. As root, add the suite bookworm-security\n"
    "(component main) to apt's sources, then run 'apt-get update'."
)
META = {"6.1": "linux-image-amd64", "6.12": "linux-image-6.12-amd64"}
NAMES = (*META, "debug")


@dataclass(frozen=True)
class Kernel:
    """A kernel image, its modules, and a tree that modules are built against."""

    name: str  # one of NAMES
    release: str  # as uname -r says it
    image: Path
    modules: Path  # .../lib/modules/RELEASE
    headers: Path  # for make's KDIR=


def image_package(name):
    """The package with the newest kernel of that series, as apt knows it."""
    meta = require(META[name], SECURITY if name == "6.12" else "")
    for dependency in meta.depends:
        if dependency.startswith("linux-image-"):
            return require(dependency, SECURITY)
    raise LabError(f"package {meta.name} names no kernel image")


def _fetch(image):
    """The folder with IMAGE and its headers, under our own roof.

    Installing Debian's headers would install the whole 6.12 kernel with them,
    so nothing is installed, and all parts have one version.
    """
    release = image.name.removeprefix("linux-image-")
    folder = cache_folder("kernels") / f"{release}_{image.version}"
    with locked(f"kernel-{release}"):
        if folder.exists():
            return folder
        headers = require(f"linux-headers-{release}", SECURITY)
        if headers.version != image.version:
            raise LabError(
                f"{headers.name} is {headers.version} but {image.name} is {image.version}: "
                "run 'apt-get update' as root"
            )
        parts = [require(name) for name in headers.depends
                 if name.startswith(("linux-headers-", "linux-kbuild-"))]
        with new_folder(folder) as made:
            unpack([image, headers, *parts], made)
            makefile = made / "usr/src" / f"linux-headers-{release}" / "Makefile"
            text = makefile.read_text(encoding="utf-8")
            # The one absolute path in them; the links to kbuild are relative.
            makefile.write_text(
                text.replace("include /usr/src/", f"include {folder}/usr/src/"), encoding="utf-8"
            )
            subprocess.run(["depmod", "-b", made, release], check=True)
    return folder


def debug_folder():
    """Where the debug kernel is kept once it has been built."""
    return cache_folder("debug-kernel")


def find_kernel(name):
    """The Kernel called NAME, fetched on the first use."""
    if name == "debug":
        built = debug_folder() / "built"
        if not built.exists():
            raise LabError("there is no debug kernel yet: run './dev lab debug-kernel' (about 10 minutes)")
        release = (built / "release").read_text(encoding="utf-8").strip()
        return Kernel(name, release, built / "bzImage", built / "lib/modules" / release,
                      built / "headers")
    if name not in META:
        raise LabError(f"no kernel '{name}': choose one of {', '.join(NAMES)}")
    remembered = cache_folder("apt", lists_state()) / f"kernel-{name}.json"
    folder = None
    if remembered.exists():
        folder = Path(json.loads(remembered.read_text(encoding="utf-8")))
    if folder is None or not folder.exists():
        try:
            folder = _fetch(image_package(name))
            write_whole(remembered, json.dumps(str(folder)))
            forget_old_lists()
        except LabError as error:
            kept = sorted(cache_folder("kernels").glob(f"{name}.*"), key=lambda p: p.stat().st_mtime)
            if not kept:
                raise
            folder = kept[-1]
            print(f"lab: {error}\nlab: going on with {folder.name}, fetched earlier", file=sys.stderr)
    release = folder.name.split("_")[0]
    return Kernel(name, release, folder / "boot" / f"vmlinuz-{release}",
                  folder / "lib/modules" / release, folder / "usr/src" / f"linux-headers-{release}")


def identity(kernel):
    """Changes when the kernel or its modules are others."""
    state = kernel.image.stat()
    return digest(kernel.image, state.st_size, state.st_mtime_ns)
