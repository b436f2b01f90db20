# SPDX-License-Identifier: MIT
"""Debian packages: found through apt, downloaded and unpacked, never installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import LabError
from .cache import cache_folder, digest, locked, new_folder, write_whole

LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True)
class Package:
    """One version of a binary package, as apt would install it now."""

    name: str
    version: str
    source: str
    priority: str
    depends: tuple  # the first alternative of each, in order


def lists_state():
    """Changes whenever `apt-get update` brought something new."""
    try:
        with os.scandir(LISTS) as entries:
            return digest(*sorted((e.name, e.stat().st_mtime_ns) for e in entries if e.is_file()))
    except FileNotFoundError:
        return "none"


def look_up(name):
    """The candidate Package of that name, or None where apt knows none."""
    remembered = cache_folder("apt", lists_state()) / f"{name}.json"
    if remembered.exists():
        kept = json.loads(remembered.read_text(encoding="utf-8"))
        return Package(**{**kept, "depends": tuple(kept["depends"])})
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", name],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )
    stanza = shown.stdout.split("\n\n", 1)[0]
    fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", stanza, re.M))
    if shown.returncode != 0 or "Version" not in fields:
        return None
    wanted = ", ".join(filter(None, (fields.get("Pre-Depends"), fields.get("Depends"))))
    depends = tuple(
        re.match(r"[^\s(|:]+", part.strip()).group() for part in wanted.split(",") if part.strip()
    )
    package = Package(
        name=fields["Package"], version=fields["Version"],
        source=fields.get("Source", name).split()[0],
        priority=fields.get("Priority", "optional"), depends=depends,
    )
    write_whole(remembered, json.dumps(package.__dict__))
    return package


def require(name, hint=""):
    """As look_up, but a package that apt does not know is an error."""
    package = look_up(name)
    if package is None:
        advice = hint or (
            "Run 'apt-get update' as root. If it is still not known, check that "
            "/etc/apt/sources.list names the bookworm and bookworm-security suites."
        )
        raise LabError(f"apt knows no package '{name}'.\n{advice}")
    return package


def download(package, folder):
    """Downloads PACKAGE into FOLDER and returns the path of the .deb."""
    command = ["apt-get", "-q", "-o", "Dpkg::Use-Pty=0"]
    if os.geteuid() == 0:
        # apt's own user may not write to our cache; it would only warn about it.
        command += ["-o", "APT::Sandbox::User=root"]
    done = subprocess.run(
        [*command, "download", f"{package.name}={package.version}"],
        cwd=folder, capture_output=True, text=True, check=False,
    )
    found = sorted(Path(folder).glob("*.deb"))
    if done.returncode != 0 or not found:
        raise LabError(
            f"could not download {package.name} {package.version}:\n{done.stderr.strip()}\n"
            "If apt's lists are old, run 'apt-get update' as root and try again."
        )
    return found[0]


def unpack(packages, folder):
    """Unpacks all of PACKAGES, downloaded now, into FOLDER."""
    for package in packages:
        print(f"lab: fetching {package.name} {package.version}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="damon-schemes-") as scratch:
            deb = download(package, scratch)
            subprocess.run(["dpkg", "-x", deb, folder], check=True)


def unpacked(package):
    """The folder with PACKAGE's files, fetched on the first use."""
    name = f"{package.name}_{package.version}".replace("/", "_")
    folder = cache_folder("packages") / name
    with locked(f"package-{name}"):
        if not folder.exists():
            with new_folder(folder) as made:
                unpack([package], made)
    return folder


def libraries_of(program, roots):
    """The (name, path or None) of each shared library that PROGRAM loads.

    Libraries below ROOTS come first, then this machine's.
    """
    search = [str(Path(root, sub)) for root in roots
              for sub in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib")]
    listed = subprocess.run(
        ["ldd", str(program)], capture_output=True, text=True, check=False,
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(search), "LC_ALL": "C"},
    )
    found = []
    for line in listed.stdout.splitlines():
        parts = line.split()
        if "=>" in parts:
            target = parts[parts.index("=>") + 1]
            found.append((parts[0], target if target.startswith("/") else None))
        elif parts and parts[0].startswith("/"):
            found.append((Path(parts[0]).name, parts[0]))
    return found


def is_program(path):
    """Whether PATH is an ELF file."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _needs(roots):
    """What the files below ROOTS need and neither they nor this machine have."""
    missing = set()
    for root in roots:
        for path in Path(root).rglob("*"):
            if path.is_symlink() and not path.exists():
                target = os.readlink(path)
                if not target.startswith("/dev") and not any(
                    Path(other, str(path.parent.relative_to(root)), target).exists()
                    for other in roots
                ):
                    missing.add(Path(target).name)
            elif path.is_file() and is_program(path):
                missing.update(name for name, found in libraries_of(path, roots) if not found)
    return missing


def with_libraries(name):
    """The unpacked folders of the package NAME and of what its programs need.

    Only dependencies that bring a missing shared library (or the target of a
    dangling link) are taken: no service manager, no scripts' interpreters.
    """
    first = require(name)
    remembered = cache_folder("apt", lists_state()) / f"{name}.closure.json"
    if remembered.exists():
        chosen = [require(each) for each in json.loads(remembered.read_text(encoding="utf-8"))]
        return [unpacked(package) for package in chosen]
    chosen, seen, layer = [first], {name}, [first]
    while missing := _needs([unpacked(package) for package in chosen]):
        names = [d for package in layer for d in package.depends if d not in seen]
        seen.update(names)
        layer = [p for p in map(look_up, dict.fromkeys(names))
                 if p and p.priority in ("optional", "extra", "standard")]
        if not layer:
            raise LabError(f"package {name}: nothing it depends on has {', '.join(sorted(missing))}")
        for package in layer:
            files = {path.name for path in unpacked(package).rglob("*")}
            if package.source == first.source or files & missing:
                chosen.append(package)
    write_whole(remembered, json.dumps([package.name for package in chosen]))
    return [unpacked(package) for package in chosen]


def forget_old_lists():
    """Drops what was remembered about earlier states of apt's lists."""
    current = lists_state()
    for folder in cache_folder("apt").iterdir():
        if folder.name != current:
            shutil.rmtree(folder, ignore_errors=True)
