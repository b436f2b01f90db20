# SPDX-License-Identifier: MIT
"""What the lab keeps between runs, outside of the source tree."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path


def cache_folder(*parts):
    """The folder ~/.cache/damon-schemes/PARTS, made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base, "damon-schemes", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(name):
    """Holds a lock of that name against every other process of this user."""
    with open(cache_folder("locks") / name, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def new_folder(target):
    """A temporary folder that becomes TARGET as a whole, or not at all."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        made.chmod(0o755)
        yield made
        made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def write_whole(path, data):
    """Writes bytes or text so that no reader ever sees half of it."""
    if isinstance(data, str):
        data = data.encode()
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def digest(*values):
    """A short name for the content of VALUES."""
    state = hashlib.sha256()
    for value in values:
        state.update(value if isinstance(value, bytes) else str(value).encode())
        state.update(b"\0")
    return state.hexdigest()[:20]
