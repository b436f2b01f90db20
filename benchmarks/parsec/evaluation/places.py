# SPDX-License-Identifier: MIT
"""Where runs are done: in a virtual machine of the lab, or on this machine. Both hand on the agent's lines."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .conditions import Conditions
from .machine import Machine

TREE = Path(__file__).resolve().parents[3]
AGENT = TREE / "benchmarks/parsec/agent"
LAB_FAULT = 125
GUEST_FOLDER = "/root/parsec"
# What of Debian's Python the agent needs; the package python3 would bring much more.
PYTHON = "python3.11"
PYTHON_PACKAGES = ("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib")
ENDS_SECONDS = 90
EVENT = '{"event":'


class PlaceError(Exception):
    """Runs cannot be done there; the text says why and what to do."""


def follow(command, log, on_event):
    """Runs COMMAND; each event of the agent goes to ON_EVENT, all else to the file LOG. Returns its exit status."""
    with open(log, "a", encoding="utf-8") as kept, subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as process:
        try:
            for line in process.stdout:
                if line.startswith(EVENT):
                    try:
                        event = json.loads(line)
                    except ValueError:  # cut where the machine ended
                        kept.write(line)
                        continue
                    on_event(event)
                else:
                    kept.write(line)
                    kept.flush()
        except BaseException:
            # It puts back what it set, before we go.
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDS_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return process.returncode


def last_words(log):
    """The lab's reasons in a log, or how it ends."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    reasons = [line for line in lines if line.startswith(("lab", "agent:"))]
    return "; ".join((reasons or lines or ["it said nothing"])[-2:])[:300]


class VirtualMachine:
    """Each turn boots one of the lab's machines."""

    name = "vm"

    def __init__(self, kernel, memory, cpus, build, append=()):
        self.kernel, self.memory, self.cpus = kernel, memory, cpus
        self.build, self.append = build, append

    @property
    def has_damon(self):
        return self.kernel == "6.12"

    @property
    def engine(self):
        return "damon-schemes"

    @staticmethod
    def policy_file(policy):
        return f"/root/{policy}"

    def emulated(self):
        """Whether processors are emulated, which is slow."""
        sys.path.insert(0, str(TREE / "lab"))
        from microvm import LabError  # pylint: disable=import-outside-toplevel
        from microvm.kernel import find_kernel  # pylint: disable=import-outside-toplevel
        from microvm.machine import choose_accel  # pylint: disable=import-outside-toplevel
        try:
            return choose_accel(find_kernel(self.kernel)) == "tcg"
        except LabError as error:
            raise PlaceError(str(error)) from error

    def files(self, workload):
        """HOST:GUEST of what a turn needs there."""
        found = [f"{self.build}/damon-schemes", f"{self.build}/damon-schemes-remote", f"{TREE}/policies:/root/policies",
                 f"{AGENT}:{GUEST_FOLDER}/agent"]
        # Each by its name: what Python compiled here stays here.
        found += [f"{each}:{GUEST_FOLDER}/evaluation/{each.name}" for each in sorted(AGENT.parent.glob("evaluation/*.py"))]
        return [*found, *workload.files]

    def perform(self, job, workload, log, on_event):
        """The runs of JOB, all of WORKLOAD; returns what went wrong beside them, or None."""
        limit = 300 + sum(run.limit_s + 60 for run in job.runs)
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(job.text())
            file.flush()
            command = [TREE / "lab/run", "--kernel", self.kernel, "--memory", self.memory, "--cpus", self.cpus,
                       "--timeout", int(limit), "--tty", "no", "--module",
                       "--console", log.with_suffix(".console")]
            for words in self.append:
                command += ["--append", words]
            for name in dict.fromkeys((*PYTHON_PACKAGES, *workload.packages)):
                command += ["--package", name]
            for each in (*self.files(workload), f"{file.name}:{GUEST_FOLDER}/job.json"):
                command += ["--file", each]
            command += ["--", PYTHON, "-B", f"{GUEST_FOLDER}/agent", f"{GUEST_FOLDER}/job.json"]
            status = follow(command, log, on_event)
        return None if status == 0 else f"the machine's turn ended with {status}: {last_words(log)}"


class Host:
    """This machine itself."""

    name = "host"
    cpus = os.cpu_count()

    def __init__(self, build, root="/"):
        self.build, self.root = Path(build), Path(root)
        self.machine = Machine(root)

    @property
    def kernel(self):
        return self.machine.kernel()

    @property
    def has_damon(self):
        return self.machine.path("/sys/kernel/mm/damon/admin").exists()

    @property
    def engine(self):
        return str(self.build / "damon-schemes")

    @staticmethod
    def policy_file(policy):
        return str(TREE / policy)

    @staticmethod
    def emulated():
        return False

    def allow(self, configurations, swap, drop_caches, agreed):
        """Raises unless what the runs change on this machine may be changed."""
        changes = []
        for conditions in (*(Conditions(thp=each.thp) for each in configurations),
                           Conditions(swap=swap, drop_caches=drop_caches)):
            changes += [text for text in conditions.changes(self.machine) if text not in changes]
        needs_root = bool(changes) or any(each.engine for each in configurations)
        if changes and not agreed:
            raise PlaceError(
                "for its runs this would change settings of this machine, and put them back after each:\n  "
                + "\n  ".join(changes) + "\nSay so with --yes, take --in-vm, or leave it out with "
                "--swap none, --keep-caches and fewer --configs.")
        if needs_root and self.root == Path("/") and os.geteuid() != 0:
            raise PlaceError("on this machine that needs root: run it with sudo, or take --in-vm")

    def perform(self, job, _workload, log, on_event):
        """The runs of JOB; returns what went wrong beside them, or None."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(job.text())
            file.flush()
            status = follow([sys.executable, "-B", AGENT, file.name, "--root", self.root], log, on_event)
        return None if status == 0 else f"the agent ended with {status}: {last_words(log)}"


def can_load_modules(machine):
    """Whether this machine would take our module: as root, where it is loaded already or may be."""
    if os.geteuid() != 0:
        return False
    if machine.path("/sys/module/damon_schemes").exists():
        return True
    release = machine.kernel()
    return any(machine.path(f"/lib/modules/{release}").glob("updates/**/damon_schemes.ko*")) or any(
        machine.path(f"/lib/modules/{release}").glob("extra/damon_schemes.ko*"))


def stamp():
    """Now, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
