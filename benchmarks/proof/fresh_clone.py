# SPDX-License-Identifier: MIT
"""Point 1: both commands in a fresh clone, in a clean Debian 12."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .counts import counts, skips, words
from .laboratory import TREE
from .result import NotMeasured, clock

SUITES = ("bookworm", "bookworm-updates", "bookworm-security")
# What is mounted is mounted in a mount namespace of this process's own, so it is gone when the
# process is, however that came about; and removing the root cannot reach what was mounted there.
# No /dev of the host: a few devices, no /dev/kvm, no disk.
INSIDE = """\
set -e
root=$1
shift
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for each in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 666 "$root/dev/${each%:*}" c 1 "${each#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
	HOME=/root LC_ALL=C.UTF-8 TERM=dumb ${http_proxy:+http_proxy="$http_proxy"} "$@"
"""


def archives():
    """Where apt here has each of the suites that a Debian 12 has from."""
    known = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True, text=True, check=True).stdout
    found = {release: uri for release, component, uri in map(str.split, known.splitlines()) if component == "main"}
    if missing := [suite for suite in SUITES if suite not in found]:
        raise NotMeasured(f"apt's sources do not name the suite {missing[0]}: add it, and run apt-get update")
    return {suite: found[suite] for suite in SUITES}


def make_root(laboratory, root):
    """A minimal Debian 12 with git, and the suites that a Debian 12 has."""
    sources = archives()
    laboratory.run(["debootstrap", "--variant=minbase", "--include=git,ca-certificates", "bookworm", root,
                    sources["bookworm"]], "1-debootstrap.log", timeout=900)
    (root / "etc/apt/sources.list").write_text(
        "".join(f"deb {uri} {suite} main\n" for suite, uri in sources.items()), encoding="utf-8")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    laboratory.run(["git", "-c", f"safe.directory={TREE}/.git", "clone", "--quiet", f"file://{TREE}",
                    root / "root/damon-schemes"], "1-clone.log")


def inside(laboratory, root, line, log, timeout):
    """Runs a line of shell in the clone."""
    return laboratory.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh", root,
         "sh", "-c", f"cd /root/damon-schemes && {line}"], log, check=False, timeout=timeout,
        shown=f"(in the clean Debian) {line}")


def not_committed():
    """What a clone does not have."""
    said = subprocess.run(["git", "-c", f"safe.directory={TREE}", "-C", TREE, "status", "--porcelain", "--", ".",
                           ":!docs/results"], capture_output=True, text=True, check=False).stdout
    return len(said.splitlines())


def fresh_clone(laboratory, _options, result):
    """As a person has it who has nothing but git and the clone."""
    if os.geteuid() != 0:
        raise NotMeasured("making a clean Debian takes root: run it with sudo")
    for tool in ("debootstrap", "unshare", "git"):
        if not shutil.which(tool):
            raise NotMeasured(f"{tool} is not installed: apt-get install debootstrap git")
    if shutil.disk_usage("/var/tmp").free < 8 << 30:
        raise NotMeasured("/var/tmp has less than 8 GB left")
    if count := not_committed():
        result.say(f"{count} changes of the tree were not committed, and so are not in the clone.", "")
    folder = Path(tempfile.mkdtemp(prefix="damon-schemes-clean-", dir="/var/tmp"))
    try:
        root = folder / "root"
        make_root(laboratory, root)
        status, said, seconds = inside(laboratory, root, "CI=true ./dev test", "1-test.log", 3 * 3600)
        try:
            numbers = counts(said)
        except NotMeasured:
            numbers = None
        result.add("`./dev test`: packages, build, all tests", f"exit status {status}; "
                   + (words(numbers) if numbers else "no summary") + f"; {clock(seconds)}", "exit status 0, 0 failed",
                   status == 0 and numbers is not None and numbers[1] == 0, "6.1 and 6.12", "CI=true ./dev test")
        table = re.search(r"^phase .*?(?=^\S+: |^\d+ passed)", said, re.M | re.S)
        result.say("`./dev test`:", "", "```", (table[0] if table else said[-2000:]).strip(), "```", "",
                   *(f"- skipped: {each}" for each in skips(said)), "")
        status, said, seconds = inside(laboratory, root, "./dev -y demo", "1-demo.log", 1800)
        result.add("`./dev demo`: all set up, the main job shown", f"exit status {status}; {clock(seconds)} with what "
                   "was left to build", "exit status 0", status == 0, laboratory.release("6.1"), "./dev -y demo")
        result.say("`./dev -y demo`:", "", "```", said.strip(), "```")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
