# SPDX-License-Identifier: MIT
"""What the guest finds in its root folder."""

import lzma
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import LabError
from .archive import Archive
from .cache import cache_folder, digest, locked, write_whole
from .debian import is_program, libraries_of, with_libraries
from .kernel import identity

SCRIPTS = Path(__file__).parent.parent / "guest"
BUSYBOX = Path("/bin/busybox")
# A module's name here is what modprobe calls it; what it needs comes along.
# lzo and zstd are what zram may compress with, virtio_* carry files back, brd
# and dm_delay make a slow disk.
DRIVERS = ("zsmalloc", "zram", "lzo", "lzo_rle", "lz4", "zstd", "virtio_pci", "virtio_blk", "brd", "dm_delay")
# For a guest whose root folder is on a disk; ext4 wants a crc32c of some kind.
DISK_DRIVERS = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
# Programs above this size lose their debug information on the way in.
STRIP_ABOVE = 4 << 20


@dataclass
class Guest:
    """A command and what it is to find around it."""

    command: list
    files: list = field(default_factory=list)  # (path here, path in the guest or None)
    packages: list = field(default_factory=list)  # names of Debian packages
    module: Path | None = None  # damon_schemes.ko
    settings: dict = field(default_factory=dict)  # read by guest/init
    drivers: tuple = DRIVERS


def _module_name(path):
    return re.sub(r"\.ko(\.xz)?$", "", Path(path).name).replace("-", "_")


def _driver_files(modules, drivers):
    """The paths below MODULES that DRIVERS need, with what those need."""
    needs = {}
    for line in (modules / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    by_name = {_module_name(path): path for path in needs}
    wanted, waiting = [], [by_name[name] for name in drivers if name in by_name]
    while waiting:
        path = waiting.pop()
        if path not in wanted:
            wanted.append(path)
            waiting += needs[path]
    return wanted


def place_modules(root, kernel, drivers, extra):
    """Puts DRIVERS and the module EXTRA below ROOT, in a form that modprobe finds; returns their folder."""
    folder = Path(root, "lib/modules", kernel.release)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (kernel.modules / name).exists():
            shutil.copy(kernel.modules / name, folder)
    if (kernel.modules / "modules.dep").exists():
        for path in _driver_files(kernel.modules, drivers):
            target = folder / path.removesuffix(".xz")
            target.parent.mkdir(parents=True, exist_ok=True)
            data = (kernel.modules / path).read_bytes()
            target.write_bytes(lzma.decompress(data) if path.endswith(".xz") else data)
    if extra:
        (folder / "updates").mkdir(exist_ok=True)
        shutil.copy(extra, folder / "updates")
        subprocess.run(["strip", "--strip-debug", folder / "updates" / Path(extra).name], check=True)
    subprocess.run(["depmod", "-b", root, kernel.release], check=True)
    return folder


def _add_modules(archive, kernel, drivers, extra):
    """Adds the drivers and the module EXTRA."""
    with tempfile.TemporaryDirectory(prefix="damon-schemes-") as scratch:
        archive.tree(f"lib/modules/{kernel.release}", place_modules(scratch, kernel, drivers, extra))


def _base(kernel, module, drivers):
    """The part of the root folder that depends on the kernel alone."""
    scripts = sorted(path for path in SCRIPTS.iterdir() if path.is_file())
    if not BUSYBOX.exists():
        raise LabError("no /bin/busybox here: install the package busybox-static")
    key = digest(identity(kernel), BUSYBOX.stat().st_mtime_ns, Path(__file__).read_bytes(), drivers,
                 *(path.read_bytes() for path in scripts), module.read_bytes() if module else "")
    kept = cache_folder("initramfs") / f"base-{kernel.name}-{key}.cpio"
    if kept.exists():
        kept.touch()  # so that it counts as used, see _forget_unused
        return kept.read_bytes()
    archive = Archive()
    archive.file("bin/busybox", BUSYBOX)
    listed = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        archive.link(f"bin/{applet}", "busybox")
    archive.link("sbin/modprobe", "../bin/busybox")  # the kernel itself calls this one
    for name in ("proc", "sys", "dev", "tmp", "run", "root", "out", "etc", "mnt"):
        archive.folder(name)
    archive.data("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    archive.data("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    archive.data("etc/hosts", "127.0.0.1 localhost\n")
    for script in scripts:
        archive.file("init" if script.name == "init" else f"bin/{script.name}", script)
    _add_modules(archive, kernel, drivers, module)
    whole = archive.bytes()
    write_whole(kept, whole)
    _forget_unused()
    return whole


def _forget_unused(keep=8):
    """Keeps only the parts that were used last."""
    parts = sorted(cache_folder("initramfs").glob("*.cpio"), key=lambda p: p.stat().st_mtime)
    for old in parts[:-keep]:
        old.unlink(missing_ok=True)


def _without_debug_information(path):
    """PATH, or a copy of it that takes less of the guest's memory."""
    state = path.stat()
    if state.st_size < STRIP_ABOVE:
        return path
    kept = cache_folder("stripped") / digest(path.resolve(), state.st_size, state.st_mtime_ns)
    with locked("strip"):
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="damon-schemes-") as scratch:
                copy = Path(scratch, "copy")
                subprocess.run(["strip", "--strip-debug", "-o", copy, path], check=True)
                for old in sorted(kept.parent.iterdir(), key=lambda p: p.stat().st_mtime)[:-8]:
                    old.unlink(missing_ok=True)
                write_whole(kept, copy.read_bytes())
            kept.chmod(0o755)
    return kept


def _add_program(archive, name, path, roots=()):
    """Adds a file, and where it is a program the libraries that it loads."""
    if not is_program(path):
        archive.file(name, path)
        return
    archive.data(name, _without_debug_information(Path(path)).read_bytes(), 0o755)
    for library, found in libraries_of(path, roots):
        if found is None:
            raise LabError(f"{path} needs {library}, which is not on this machine")
        if not any(str(found).startswith(str(root)) for root in roots):
            archive.file(found, found)


def _requested(guest):
    """The part of the root folder with the programs and files asked for."""
    archive = Archive()
    for package in guest.packages:
        roots = with_libraries(package)
        for root in roots:
            for path in sorted(root.rglob("*")):
                inside = str(path.relative_to(root))
                if inside.startswith(("usr/share/doc", "usr/share/man", "usr/share/locale")):
                    continue
                if path.is_symlink():
                    archive.link(inside, os.readlink(path))
                elif path.is_file():
                    _add_program(archive, inside, path, roots)
    for path, inside in guest.files:
        path = Path(path)
        if not path.exists():
            raise LabError(f"--file {path}: there is no such file")
        if path.is_dir():
            inside = inside or f"root/{path.resolve().name}"
            for entry in sorted(path.rglob("*")):
                if entry.is_file():
                    _add_program(archive, f"{inside}/{entry.relative_to(path)}", entry)
        else:
            default = "usr/local/bin" if os.access(path, os.X_OK) else "root"
            _add_program(archive, inside or f"{default}/{path.name}", path)
    return archive.bytes()


def initramfs(kernel, guest):
    """The whole archive for GUEST under KERNEL, as bytes."""
    order = Archive(merged=False)
    settings = "".join(f"{key}={shlex.quote(str(value))}\n" for key, value in guest.settings.items())
    order.data("etc/lab/settings", settings)
    order.data("etc/lab/command", f"exec {shlex.join(guest.command)}\n" if guest.command else "exec sh\n")
    return _base(kernel, guest.module, guest.drivers) + _requested(guest) + order.bytes()
