# SPDX-License-Identifier: MIT
"""One run: the workload, the engine beside it, and what both took."""

import base64
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .conditions import Conditions
from .machine import MachineError
from .parsec_tree import region_of_interest
from .run_record import RunRecord
from .sampling import Sampler

ENGINE_ENDS_SECONDS = 60
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
VMSTAT = re.compile(r"pswp|pgmajfault|pgfault|workingset_refault|thp_|pgsteal_|pgscan_|compact_(stall|success|fail)$")


class RunError(Exception):
    """The run does not count; the text says why."""


@dataclass
class Process:
    """A program that was started, and how it ended."""

    popen: subprocess.Popen
    output: Path
    errors: Path
    pidfd: int
    status: int | None = None
    usage: object = None

    @property
    def pid(self):
        return self.popen.pid

    def has_ended(self):
        """Whether it has; then its figures are there."""
        if self.status is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            # What it left running ends with it, while its number is still its own.
            self.signal(signal.SIGKILL)
            _, status, self.usage = os.wait4(self.pid, 0)
            self.status = self.popen.returncode = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, seconds):
        """Waits for its end for so long at most; whether it has ended."""
        if self.has_ended():
            return True
        waiter = select.poll()
        waiter.register(self.pidfd, select.POLLIN)
        waiter.poll(max(0, seconds) * 1000)
        return self.has_ended()

    def signal(self, number):
        """To it and to what it started in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def end(self, gently_for=0):
        """Nothing of it goes on; for so many seconds it may put back what it did."""
        if gently_for and not self.has_ended():
            self.popen.send_signal(signal.SIGINT)
            self.wait(gently_for)
        if not self.has_ended():
            self.signal(signal.SIGKILL)
        while not self.wait(1):
            pass

    def said(self):
        """Why it failed, in a line."""
        for path in (self.errors, self.output):
            lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if lines:
                return lines[-1][:300]
        return "it said nothing"


def _start(name, command, scratch, environment, folder, signals):
    """Starts it, to be sent all but SIGNALS."""
    output, errors = scratch / f"{name}.out", scratch / f"{name}.err"
    with open(output, "wb") as out, open(errors, "wb") as err:
        try:
            popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder,
                                     env={**os.environ, **(environment or {})}, start_new_session=True,
                                     preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, signals))
        except OSError as error:
            raise RunError(f"cannot start {command[0]}: {error.strerror}") from error
    return Process(popen, output, errors, os.pidfd_open(popen.pid))


@contextlib.contextmanager
def started(name, command, scratch, environment=None, folder=None, gently_for=0):
    """A program in a session of its own, which ends with this scope."""
    # A signal that unwinds everything waits until there is somebody who ends the program then.
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        process = _start(name, command, scratch, environment, folder, signals)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, signals)
            yield process
        finally:
            process.end(gently_for)
            os.close(process.pidfd)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)


class Measurement:
    """Does one run of a job on a machine."""

    def __init__(self, machine, job, run):
        self.machine, self.job, self.run = machine, job, run
        self.recording = None  # the text of it, where it is to be kept
        self.figures = {}

    def measure(self):
        """The run's record, which says so where something went wrong."""
        conditions = Conditions(thp=self.run.thp, swap=self.job.swap, drop_caches=self.job.drop_caches,
                                module=self.run.load_module, short_page_lists=self.job.short_page_lists)
        began = time.gmtime()
        try:
            with tempfile.TemporaryDirectory(prefix="damon-schemes-run-") as scratch, \
                    conditions.hold(self.machine) as held:
                self.figures["conditions"] = held.description
                self._run(Path(scratch), held)
        except (RunError, MachineError) as error:
            self.figures["error"] = str(error)
        run = self.run
        return RunRecord(
            workload=run.workload, size=run.size, configuration=run.configuration, repetition=run.repetition,
            place=self.job.place, monitor=run.monitor, started=time.strftime("%Y-%m-%dT%H:%M:%SZ", began),
            kernel=self.machine.kernel(), cpus=os.cpu_count() or 1,
            memory_total_kib=self.machine.meminfo().get("MemTotal", 0), policy=run.policy,
            settings=list(run.settings), command=list(run.command), **self.figures)

    def _run(self, scratch, held):
        report = scratch / "report.json"
        command = [word.replace("{report}", str(report)) for word in self.run.command]
        before = self.machine.vmstat()
        began = time.monotonic()
        sampler = Sampler(self.machine, began, held.zram)
        with started("workload", command, scratch, self.run.environment, self.run.folder) as workload, \
                contextlib.ExitStack() as stack:
            try:
                pid = self._find(workload)
                engine = self._engine(scratch, stack, pid) if self.run.engine else None
                self._watch(workload, engine, sampler, pid, began)
                if engine:
                    self._end(engine, sampler, scratch)
            finally:
                self.figures["samples"] = sampler.samples
        after = self.machine.vmstat()
        self.figures |= {
            "exit_status": workload.status,
            "minor_faults": workload.usage.ru_minflt,
            "major_faults": workload.usage.ru_majflt,
            "vmstat": {name: after[name] - before.get(name, 0) for name in after if VMSTAT.match(name)},
        }
        self._look_at_end(workload, report)

    def _find(self, workload):
        """The process that is measured: the one that was started, or one below it by its name."""
        wanted = self.run.process
        if not wanted:
            return workload.pid
        while True:
            for pid in self.machine.descendants(workload.pid):
                if self.machine.comm(pid) == wanted[:15]:
                    return pid
            if workload.wait(0.02):
                raise RunError(f"no process '{wanted}' came into being before the program ended with "
                               f"{workload.status}: {workload.said()}")

    def _engine(self, scratch, stack, pid):
        """Starts damon-schemes on the process."""
        run = self.run
        words = [self.job.engine, run.engine]
        settings = list(run.settings)
        if run.engine == "record":
            words += ["--output", str(scratch / "recording"), "--force"]
            if run.process:
                words.append("--children")
        else:
            words.append(run.policy_file)
            if run.process and not run.physical:
                settings.append("monitor.children=true")
        if not run.physical:
            words += ["--pid", str(pid)]
        words += ["--monitor", run.monitor, "--json", "--no-status"]
        for setting in settings:
            words += ["--set", setting]
        return stack.enter_context(started("engine", words, scratch, gently_for=ENGINE_ENDS_SECONDS))

    def _watch(self, workload, engine, sampler, pid, began):
        """Samples until the workload ends."""
        end = began + self.run.limit_s
        while not workload.wait(min(sampler.seconds_left(), end - time.monotonic())):
            sampler.take_if_due(pid, engine and engine.pid)
            if time.monotonic() > end:
                raise RunError(f"it did not end within {self.run.limit_s:g} s")
        self.figures["runtime_s"] = round(time.monotonic() - began, 4)

    def _end(self, engine, sampler, scratch):
        """Ends the engine, if it does not end by itself now that its target is gone, and takes what it says."""
        if not engine.wait(0 if self.run.physical else 5):
            engine.popen.send_signal(signal.SIGINT)
            if not engine.wait(ENGINE_ENDS_SECONDS):
                raise RunError(f"damon-schemes did not end within {ENGINE_ENDS_SECONDS} s")
        # With what it started, such as the canary, which takes a processor until it was seen.
        whole = engine.usage.ru_utime + engine.usage.ru_stime
        self.figures["engine_cpu_s"] = round(whole, 4)
        self.figures["engine_rss_kib"] = sampler.engine_rss_kib
        self.figures["monitor_cpu_s"] = sampler.monitor_cpu_s()
        if engine.status != 0:
            raise RunError(f"damon-schemes {self.run.engine} ended with {engine.status}: {engine.said()}")
        try:
            summary = json.loads(engine.output.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"damon-schemes left no summary: {error}") from error
        self.figures["summary"] = summary
        if own := (summary.get("engine") or {}).get("cpu_ns"):
            self.figures["engine_cpu_s"] = own / 1e9
            self.figures["helpers_cpu_s"] = round(max(0.0, whole - own / 1e9), 4)
        if thread := (summary.get("monitor") or {}).get("thread_ns"):
            self.figures["monitor_cpu_s"] = thread / 1e9
        if self.run.keep_recording:
            self.recording = base64.b64encode((scratch / "recording").read_bytes()).decode()

    def _look_at_end(self, workload, report):
        """What the program left, and whether it went well."""
        text = workload.output.read_text(encoding="utf-8", errors="replace")
        self.figures["region_of_interest_s"] = region_of_interest(text)
        if workload.status != 0:
            raise RunError(f"the program ended with {workload.status}: {workload.said()}")
        if not self.run.reports:
            return
        try:
            self.figures["own_report"] = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"the program left no report: {error}") from error
