# SPDX-License-Identifier: MIT
"""The folder of one evaluation: what was asked for, what was measured with, and the runs so far."""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path

from .run_record import append_run, read_runs

# A figure under one of these cannot stand beside a figure under another; runs, workloads and configurations may be added.
FIXED = ("size", "seconds", "place", "kernel", "monitor", "swap", "drop_caches", "memory", "cpus", "settings")

LARGE = 64 << 20


class FolderError(Exception):
    """The folder does not fit what was asked for; the text says what to do."""


def fingerprint(path, pattern="*"):
    """Changes with what is in a file, or in the files of a folder that fit the pattern."""
    path = Path(path)
    whole = hashlib.sha256()
    for each in sorted(path.rglob(pattern)) if path.is_dir() else [path]:
        if each.is_file():
            state = each.stat()
            # Inputs of a gigabyte would take longer to read than some runs.
            content = each.read_bytes() if state.st_size < LARGE else f"{state.st_size} {state.st_mtime_ns}".encode()
            whole.update(str(each.relative_to(path)).encode() + b"\0" + content)
    return whole.hexdigest()[:16]


class ResultsFolder:
    """run.json, runs.jsonl, recordings/ and logs/ below a path."""

    def __init__(self, path):
        self.path = Path(path)
        self.runs_file = self.path / "runs.jsonl"
        self.run_file = self.path / "run.json"

    @contextlib.contextmanager
    def alone(self):
        """Nobody else adds to it meanwhile."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / ".lock", "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderError(f"{self.path} is in use: another evaluation writes there; "
                                  "wait for its end, or take another folder with --results") from None
            yield self

    def start_anew(self):
        """Puts what is there out of the way, under a name of its own; what a quick run left goes."""
        if not self.run_file.exists() and not self.runs_file.exists():
            return None
        there = [each for each in self.path.iterdir() if each.name != ".lock"]
        if self._is_quick():
            for each in there:
                shutil.rmtree(each) if each.is_dir() else each.unlink()
            return None
        number = 1
        while (old := self.path.with_name(f"{self.path.name}.old{number}")).exists():
            number += 1
        old.mkdir()
        for each in there:
            shutil.move(each, old / each.name)
        return old

    def _is_quick(self):
        """Whether it holds what only showed that it works."""
        try:
            return json.loads(self.run_file.read_text(encoding="utf-8"))["arguments"].get("quick") is True
        except (OSError, ValueError, KeyError):
            return False

    def begin(self, arguments, fingerprints, about):
        """Notes what is measured with what, or checks that it is what it was."""
        now = {"schema": 1, "arguments": arguments, "fingerprints": fingerprints, **about}
        if self.run_file.exists():
            before = json.loads(self.run_file.read_text(encoding="utf-8"))
            self._check(before, arguments, fingerprints)
            # What was asked for last stands, and what was measured with accumulates.
            now["fingerprints"] = {**before["fingerprints"], **fingerprints}
            now["sittings"] = [*before.get("sittings", []), *about.get("sittings", [])]
        elif self.runs():
            raise FolderError(f"{self.path} has runs, and no run.json that says what they are: "
                              "use --fresh, or another folder with --results")
        text = json.dumps(now, indent=1, ensure_ascii=False) + "\n"
        new = self.run_file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, self.run_file)

    def _check(self, before, arguments, fingerprints):
        differ = [f"{name} was {before['arguments'].get(name)!r} and is {arguments.get(name)!r}"
                  for name in FIXED if before["arguments"].get(name) != arguments.get(name)]
        differ += [f"{name} is not what it was" for name, value in fingerprints.items()
                   if before["fingerprints"].get(name, value) != value]
        if differ:
            raise FolderError(
                f"{self.path} holds runs that cannot stand beside new ones:\n  " + "\n  ".join(differ) +
                "\nUse --fresh to start anew (what is there is kept under another name), or another "
                "folder with --results.")

    def runs(self):
        """All records so far."""
        return read_runs(self.runs_file)

    def add(self, record):
        append_run(self.runs_file, record)

    def recording(self, workload):
        """Where the recording of a workload is kept."""
        return self.path / "recordings" / f"{workload}.damon"

    def keep_recording(self, workload, data):
        """Writes a recording as it came, in base64."""
        path = self.recording(workload)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(base64.b64decode(data))
        os.replace(new, path)

    def log(self, name):
        """Where a log of that name goes."""
        path = self.path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
