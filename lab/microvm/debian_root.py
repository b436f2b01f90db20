# SPDX-License-Identifier: MIT
"""Debian systems in a folder, made by debootstrap: to install packages in, and to boot."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import LabError
from .cache import cache_folder, digest, locked, write_whole

SUITE = "bookworm"
# systemd as on any host, and the libraries of our own programs.
SYSTEM = ("systemd", "systemd-sysv", "udev", "kmod", "libfmt9", "libncursesw6", "libspdlog1.10",
          "libmicrohttpd12", "liburing2", "libzstd1")
# What DKMS needs to build a module; the kernel's headers are added.
BUILDING = ("dkms", "gcc-12", "make", "libc6-dev")
KEPT = 4


def reason_against():
    """Why no such system can be made here; None: it can."""
    if os.geteuid() != 0:
        return "making a Debian root takes root"
    for tool in ("debootstrap", "zstd", "mke2fs", "unshare"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not _mirror():
        return f"apt knows no mirror of {SUITE} on this machine"
    return None


def _mirror():
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    )
    found = re.search(rf"^(\S+) {SUITE}$", listed.stdout, re.M)
    return found[1] if found else None


def run_in(root, *command, check=True, **more):
    """Runs COMMAND in the system ROOT, with its own /proc and process ids; returns the finished process."""
    inside = 'mount -t proc proc /proc && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", root, "sh", "-c", inside, "sh",
         *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
             "DEBIAN_FRONTEND": "noninteractive", "TERM": "dumb"}, **more,
    )
    if check and done.returncode != 0:
        raise LabError(f"in the Debian root, '{' '.join(map(str, command))}' ended with {done.returncode}:\n"
                       f"{done.stdout.strip()}")
    return done


def _bootstrap(root):
    """A minimal system."""
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(SYSTEM)}", SUITE, root, _mirror()],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    if made.returncode != 0:
        raise LabError(f"debootstrap failed:\n{made.stdout.strip()}")


def _add(root, packages):
    """Installs PACKAGES from where this machine has its own."""
    etc = Path(root, "etc/apt")
    for old in (etc / "sources.list", *etc.glob("sources.list.d/*")):
        old.unlink(missing_ok=True)
    for kind in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        for source in Path("/etc/apt").glob(kind):
            (etc / source.relative_to("/etc/apt")).write_bytes(source.read_bytes())
    shutil.copy("/etc/resolv.conf", Path(root, "etc/resolv.conf"))
    run_in(root, "apt-get", "-q", "update")
    run_in(root, "apt-get", "-q", "install", "-y", "--no-install-recommends", *packages)
    run_in(root, "apt-get", "clean")
    for old in Path(root, "var/lib/apt/lists").iterdir():
        if old.is_file():
            old.unlink()


def _made(name, key, make):
    """The archive of the system NAME, kept; MAKE fills its folder on the first use."""
    kept = cache_folder("debian-roots") / f"{name}-{key}.tar.zst"
    with locked(f"debian-root-{name}"):
        if kept.exists():
            kept.touch()
            return kept
        print(f"lab: making a Debian system for the tests ({name}; some minutes, once)",
              file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="damon-schemes-root-") as scratch:
            root = Path(scratch, "root")
            root.mkdir()
            make(root)
            packed = Path(scratch, "packed")
            subprocess.run(["tar", "-C", root, "-I", "zstd -T0 -3", "--one-file-system", "-cf", packed, "."],
                           check=True)
            for old in sorted(kept.parent.iterdir(), key=lambda p: p.stat().st_mtime)[: -KEPT]:
                old.unlink(missing_ok=True)
            write_whole(kept, packed.read_bytes())
    return kept


def unpack_root(archive, root):
    """The system of ARCHIVE in the folder ROOT, which is made."""
    Path(root).mkdir(parents=True)
    subprocess.run(["tar", "-C", root, "-I", "zstd", "-xf", archive], check=True)


def system_root():
    """The archive of a system that boots and can run our programs."""
    return _made("system", digest(SUITE, SYSTEM), _bootstrap)


def building_root(kernel):
    """The archive of the same with DKMS and the headers of KERNEL."""
    packages = (*BUILDING, f"linux-headers-{kernel.release}")

    def make(root):
        root.rmdir()
        unpack_root(system_root(), root)
        _add(root, packages)
        run_in(root, "depmod", kernel.release)

    return _made(f"building-{kernel.name}", digest(SUITE, SYSTEM, packages), make)


def make_disk(root, image, size):
    """An ext4 image of that size (bytes) with the folder ROOT in it."""
    with open(image, "wb") as empty:
        empty.truncate(size)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-m", "0", "-d", root,
                    image], check=True)
