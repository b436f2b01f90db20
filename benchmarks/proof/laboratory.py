# SPDX-License-Identifier: MIT
"""Where the points are measured: builds, runs, and keeps what was said."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .result import NotMeasured, Result, Row

TREE = Path(__file__).resolve().parents[2]
LAB_FAULT = 125
sys.path.insert(0, str(TREE / "lab"))


def words(command):
    """A command as a person would write it in the tree."""
    return " ".join(str(word) for word in command).replace(f"{TREE}/", "")


class Laboratory:
    """Runs commands with their output in build/proof/, and says on the screen what goes on."""

    def __init__(self, build=None):
        self.build_folder = Path(build).resolve() if build else TREE / "build"
        self.own_build = build is not None
        self.logs = TREE / "build/proof"
        self.built = set()

    def say(self, text):
        print(text, flush=True)

    def measure(self, function, options):
        """The point's result, whatever happens; first of all what it was measured on."""
        began = time.monotonic()
        result = Result()
        result.say(f"Commit {self.commit()}, on {self.machine()}.", "")
        try:
            function(self, options, result)
        except NotMeasured as error:
            self.say(f"    not measured: {error}")
            result.rows.append(Row.missing("the rest of it" if result.rows else "all of it", str(error)))
            result.say("", f"Not measured: {error}")
        result.say("", f"It took {int(time.monotonic() - began)} s.")
        return result

    def run(self, command, log, *, timeout=3600, check=True, shown=None, **more):
        """Runs COMMAND; returns (exit status, what it said, seconds).

        SHOWN stands for it on the screen.
        """
        shown = shown or words(command)
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / log
        self.say(f"    $ {shown}")
        began = last = time.monotonic()
        text = []
        with open(path, "w", encoding="utf-8") as kept, subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", cwd=TREE, **more,
        ) as process:
            try:
                for line in process.stdout:
                    kept.write(line)
                    kept.flush()
                    text.append(line)
                    if time.monotonic() - last > 30:
                        last = time.monotonic()
                        self.say(f"      {int(last - began)} s: {line.strip()[:70]}")
                    if time.monotonic() - began > timeout:
                        process.terminate()
                        raise NotMeasured(f"'{shown}' took longer than {timeout} s")
            except BaseException:
                process.terminate()
                raise
        seconds = time.monotonic() - began
        said = "".join(text)
        if check and process.returncode != 0:
            end = "; ".join(line.strip() for line in text[-3:])
            raise NotMeasured(f"'{shown}' ended with {process.returncode} ({end}); see build/proof/{log}")
        return process.returncode, said, seconds

    def build(self, *targets):
        """Builds targets of the release preset, once."""
        missing = [target for target in targets if target not in self.built]
        if not missing:
            return
        if not self.own_build:
            self.run(["cmake", "--preset", "release"], "configure.log")
        self.run(["cmake", "--build", self.build_folder, "-j", os.cpu_count() or 1, "--target", *missing],
                 "build.log")
        self.built.update(missing)

    def guest(self, kernel, command, log, *, files=(), timeout=900, more=(), expect=(), check=True):
        """Runs COMMAND in the guest with the module loaded.

        Returns (exit status, what it said, {name: parsed JSON} of what it left in /out).
        """
        with tempfile.TemporaryDirectory(prefix="damon-schemes-proof-") as folder:
            out = Path(folder) / "out"
            line = [TREE / "lab/run", "--kernel", kernel, "--module", "--tty", "no",
                    "--timeout", timeout, *more]
            for each in files:
                line += ["--file", each]
            if expect:
                line += ["--out", out]
            status, said, _ = self.run([*line, "--", *command], log, timeout=timeout + 300, check=False)
            if status == LAB_FAULT:
                reasons = [text for text in said.splitlines() if text.startswith("lab")]
                raise NotMeasured(f"the lab failed ({'; '.join(reasons[:3])}); see build/proof/{log}")
            if check and status != 0:
                end = "; ".join(said.strip().splitlines()[-3:])
                raise NotMeasured(f"'{words(command)}' ended with {status} ({end}); see build/proof/{log}")
            return status, said, {name: self._json(out / name, log) for name in expect}

    def guest_script(self, kernel, script, log, *, arguments=(), files=(), **more):
        """The same for the text of a shell script."""
        with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as kept:
            kept.write(script)
            kept.flush()
            Path(kept.name).chmod(0o755)
            return self.guest(kernel, ["sh", "/root/measure.sh", *arguments], log,
                              files=[*files, f"{kept.name}:/root/measure.sh"], **more)

    @staticmethod
    def _json(path, log):
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise NotMeasured(f"it left no figures ({error}); see build/proof/{log}") from error

    @staticmethod
    def release(kernel):
        """The kernel's full version."""
        from microvm import LabError  # pylint: disable=import-outside-toplevel
        from microvm.kernel import find_kernel  # pylint: disable=import-outside-toplevel
        try:
            return find_kernel(kernel).release
        except LabError as error:
            raise NotMeasured(str(error)) from error

    @staticmethod
    def commit():
        """The commit, and whether more than results differs from it."""
        git = ["git", "-c", f"safe.directory={TREE}", "-C", TREE]
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                              check=False).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "--", ".", ":!docs/results"],
                                 capture_output=True, text=True, check=False).stdout.strip()
        return (head or "unknown") + (" with changes" if changed else "")

    @staticmethod
    def machine():
        """What kind of machine this is."""
        model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
        return f"{os.cpu_count()} processors ({model[1] if model else 'unknown'})"
