# SPDX-License-Identifier: MIT
"""The agent as it is called, on a machine of files; workloads and engine are small programs."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

import location
from evaluation import measurement
from evaluation.job import Job, Run
from fake_machine import FakeMachine, program

THP = "/sys/kernel/mm/transparent_hugepage/enabled"
# Does as damon-schemes does: notes its words, ends once its target is gone, and says how it went.
ENGINE = """
echo "$*" >> {root}/engine
verb=$1
while [ $# -gt 0 ]; do
    case $1 in
    --pid) pid=$2 ;;
    --output) printf 'recorded' > "$2" ;;
    esac
    shift
done
while kill -0 $pid 2>/dev/null; do sleep 0.02; done
echo '{{"ended":"the target exited","monitor":{{"thread_ns":250000000}},"engine":{{"cpu_ns":1000}}}}'
"""
# Ends by a signal alone, and tells on stderr that it put something back.
PATIENT = """
trap 'echo put back >> {root}/engine; echo "{{}}"; exit 0' INT
echo $$ > {root}/ready
while :; do sleep 0.02; done
"""
REPORTING = 'echo "{\\"checked\\":true}" > "$1"'


def seconds_at_most(limit, condition):
    """Waits until CONDITION holds."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def has_ended(pid):
    """Whether a process is gone, or waits for a parent that never asks."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Agent(unittest.TestCase):
    def setUp(self):
        self.fake = FakeMachine()
        self.addCleanup(self.fake.__exit__)
        self.root = self.fake.root
        tools = self.fake.tools(mkswap="", swapon="", swapoff="", modprobe="")
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        self.engine = program(self.root / "engine.sh", ENGINE.format(root=self.root))

    def workload(self, script):
        return str(program(self.root / "workload.sh", script))

    def run_of(self, script, **more):
        given = {"workload": "test/one", "size": "quick", "command": [self.workload(script), "{report}"],
                 "configuration": "orig", "repetition": 1, "limit_s": 60, "thp": "madvise", **more}
        return Run(**given)

    def until(self, name):
        """A script that goes on until there is such a file, and no longer than a test may take."""
        return f"i=0; until [ -s {self.root}/{name} ] || [ $i -gt 3000 ]; do i=$((i + 1)); sleep 0.02; done"

    def start(self, *runs, **more):
        job = Job(**{"place": "vm", "engine": str(self.engine), "swap": None, "drop_caches": False,
                     "runs": list(runs), **more})
        path = self.root / "job.json"
        path.write_text(job.text(), encoding="utf-8")
        return subprocess.Popen([sys.executable, location.PARSEC / "agent", path, "--root", self.root],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)

    def events(self, *runs, **more):
        process = self.start(*runs, **more)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def record(self, *runs, **more):
        return self.events(*runs, **more)[-1]["record"]

    def test_a_run_s_record_has_its_time_faults_report_and_conditions(self):
        record = self.record(self.run_of(REPORTING, reports=True, thp="always"), swap="64M", drop_caches=True)
        self.assertIsNone(record["error"])
        self.assertGreater(record["runtime_s"], 0)
        self.assertGreater(record["minor_faults"], 0)
        self.assertEqual(record["exit_status"], 0)
        self.assertEqual(record["own_report"], {"checked": True})
        self.assertEqual((record["kernel"], record["memory_total_kib"]), ("6.1.0-fake", 1000000))
        self.assertEqual(record["conditions"]["swap"], "zram 64M")
        self.assertTrue(record["conditions"]["dropped_caches"])
        self.assertEqual((record["summary"], record["engine_cpu_s"]), (None, None))

    def test_the_counters_of_the_kernel_are_differences_over_the_run(self):
        grown = "pswpin 15\\npswpout 20\\nthp_fault_alloc 4\\n"
        record = self.record(self.run_of(f"printf '{grown}' > {self.root}/proc/vmstat"))
        self.assertEqual(record["vmstat"], {"pswpin": 5, "pswpout": 0, "thp_fault_alloc": 3})

    def test_a_sample_is_taken_while_it_runs(self):
        record = self.record(self.run_of("sleep 1.3"))
        self.assertGreaterEqual(len(record["samples"]), 1)
        self.assertEqual(record["samples"][0]["mem_free_kib"], 600000)

    def test_the_engine_is_given_the_process_and_the_policy(self):
        run = self.run_of("sleep 0.2", engine="apply", policy="policies/prcl-v12.toml", configuration="prcl",
                          policy_file="/x/prcl.toml", monitor="module", settings=["scheme.prcl.age.min=1s"])
        record = self.record(run)
        self.assertIsNone(record["error"])
        words = self.fake.text("/engine")
        self.assertRegex(words, r"^apply /x/prcl.toml --pid \d+ --monitor module --json --no-status "
                                r"--set scheme.prcl.age.min=1s$")
        self.assertEqual(record["summary"]["ended"], "the target exited")
        self.assertEqual(record["monitor_cpu_s"], 0.25)
        # What it started took more than it says that it took itself.
        self.assertEqual(record["engine_cpu_s"], 1e-6)
        self.assertGreater(record["helpers_cpu_s"], 0)
        self.assertEqual(record["policy"], "policies/prcl-v12.toml")

    def test_a_recording_that_is_to_be_kept_comes_before_its_run(self):
        run = self.run_of("sleep 0.2", engine="record", configuration="rec", monitor="module", keep_recording=True)
        events = self.events(run)
        self.assertEqual([each["event"] for each in events], ["begun", "recording", "run"])
        self.assertEqual(base64.b64decode(events[1]["data"]), b"recorded")

    def test_monitoring_physical_memory_names_no_process_and_is_ended_by_a_signal(self):
        self.engine = program(self.root / "engine.sh", f'echo "$*" >> {self.root}/engine\n' + PATIENT.format(root=self.root))
        run = self.run_of(self.until("ready"), engine="apply", policy_file="/x/observe.toml", configuration="prec",
                          physical=True, monitor="mainline", settings=["monitor.memory=physical"])
        record = self.record(run)
        self.assertIsNone(record["error"])
        self.assertNotIn("--pid", self.fake.text("/engine"))
        self.assertIn("put back", self.fake.text("/engine"))

    def test_a_program_that_fails_is_an_error_with_its_words_and_the_next_is_run(self):
        first = self.run_of("echo 'the sum is wrong' >&2; exit 3")
        events = self.events(first, self.run_of("echo 'the sum is wrong' >&2; exit 3", repetition=2))
        records = [each["record"] for each in events if each["event"] == "run"]
        self.assertEqual([each["error"] for each in records], ["the program ended with 3: the sum is wrong"] * 2)
        self.assertEqual(records[0]["exit_status"], 3)

    def test_an_engine_that_fails_is_an_error_with_its_words(self):
        self.engine = program(self.root / "engine.sh", "echo 'no module' >&2; exit 4")
        run = self.run_of("sleep 0.1", engine="apply", policy_file="x", configuration="prcl", monitor="module")
        self.assertEqual(self.record(run)["error"], "damon-schemes apply ended with 4: no module")

    def test_a_report_that_is_missing_is_an_error(self):
        self.assertRegex(self.record(self.run_of("true", reports=True))["error"], "^the program left no report")

    def test_a_program_that_cannot_be_started_is_an_error(self):
        self.assertRegex(self.record(self.run_of("true", command=["/nowhere/program"]))["error"],
                         "cannot start /nowhere/program: No such file")

    def test_a_program_that_goes_on_for_too_long_is_ended(self):
        record = self.record(self.run_of(f"echo $$ > {self.root}/pid; exec sleep 1000", limit_s=3))
        self.assertEqual(record["error"], "it did not end within 3 s")
        self.assertFalse(os.path.exists(f"/proc/{self.fake.text('/pid')}"))

    def test_what_a_program_left_running_ends_with_it(self):
        self.record(self.run_of(f"sleep 1000 & echo $! > {self.root}/pid"))
        pid = self.fake.text("/pid")
        self.assertTrue(seconds_at_most(30, lambda: has_ended(pid)))

    def test_a_region_of_interest_is_taken_from_what_the_program_says(self):
        record = self.record(self.run_of("echo '[HOOKS] Total time spent in ROI: 12.345s'"))
        self.assertEqual(record["region_of_interest_s"], 12.345)

    def test_a_process_below_the_one_that_was_started_is_the_one_measured(self):
        # /proc of the test's machine is files, so the program itself shows what the kernel would.
        script = (f'mkdir -p {self.root}/proc/$$ {self.root}/proc/4000000\n'
                  f'echo starter > {self.root}/proc/$$/comm\necho "$$ (starter) S 1 1" > {self.root}/proc/$$/stat\n'
                  f'echo rtview > {self.root}/proc/4000000/comm\n'
                  f'echo "4000000 (rtview) S $$ 1" > {self.root}/proc/4000000/stat\n' + self.until("engine"))
        run = self.run_of(script, process="rtview", engine="apply", policy_file="x", configuration="prcl",
                          monitor="module")
        self.assertIsNone(self.record(run)["error"])
        self.assertRegex(self.fake.text("/engine"), "--pid 4000000 .*--set monitor.children=true")

    def test_a_process_that_never_comes_is_an_error(self):
        self.assertRegex(self.record(self.run_of("true", process="rtview"))["error"], "no process 'rtview' came")

    def test_after_a_signal_everything_is_put_back(self):
        self.engine = program(self.root / "engine.sh", PATIENT.format(root=self.root))
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                self.fake.put(THP, "always [madvise] never\n")
                self.fake.path("/ready").unlink(missing_ok=True)
                self.fake.path("/engine").unlink(missing_ok=True)
                run = self.run_of(f"echo $$ > {self.root}/pid; exec sleep 1000", thp="always", engine="apply",
                                  policy_file="x", configuration="prcl", monitor="module")
                process = self.start(run, swap="64M")
                ready = self.fake.path("/ready")
                self.assertTrue(seconds_at_most(60, lambda: ready.exists() and ready.read_text().strip()))
                process.send_signal(number)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, 128 + number)
                self.assertTrue(self.fake.text(THP).startswith("madvise\n"))
                self.assertEqual(self.fake.called()[-1], "swapoff /dev/zram3")
                self.assertEqual(self.fake.text("/sys/class/zram-control/hot_remove"), "3")
                self.assertIn("put back", self.fake.text("/engine"))
                self.assertFalse(os.path.exists(f"/proc/{self.fake.text('/pid')}"))

    def test_a_signal_that_comes_while_a_program_starts_ends_it_all_the_same(self):
        patient = program(self.root / "engine.sh", PATIENT.format(root=self.root))
        ready = self.fake.path("/ready")

        def opened_late(pid, really=os.pidfd_open):
            # It runs, and nobody holds it yet.
            self.assertTrue(seconds_at_most(60, lambda: ready.exists() and ready.read_text().strip()))
            os.kill(os.getpid(), signal.SIGTERM)
            return really(pid)

        def unwind(_number, _frame):
            raise InterruptedError("told to end")

        before = signal.signal(signal.SIGTERM, unwind)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        with mock.patch("os.pidfd_open", opened_late), self.assertRaises(InterruptedError):
            with measurement.started("engine", [str(patient)], self.root, gently_for=60):
                self.fail("it had been told to end")
        self.assertIn("put back", self.fake.text("/engine"))
        self.assertTrue(has_ended(ready.read_text().strip()))
        self.assertNotIn(signal.SIGTERM, signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    def test_what_is_started_can_be_sent_signals(self):
        with measurement.started("workload", ["sh", "-c", "kill -TERM $$"], self.root) as process:
            self.assertTrue(seconds_at_most(60, process.has_ended))
        self.assertEqual(process.status, -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
