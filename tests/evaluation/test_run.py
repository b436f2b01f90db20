# SPDX-License-Identifier: MIT
"""The command as a person gives it: on a machine of files, with a suite of small scripts."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

import location
from evaluation.builtin_suite import names
from fake_machine import FakeMachine, program

# As a program of the suite: --size SIZE --report FILE.
WORKLOAD = 'echo "{\\"checked\\":true}" > "$4"'


class Command(unittest.TestCase):
    def setUp(self):
        self.fake = FakeMachine()
        self.addCleanup(self.fake.__exit__)
        self.build = self.fake.root / "build"
        self.suite = self.build / "benchmarks/parsec/suite"
        self.suite.mkdir(parents=True)
        for name in names():
            self.program(name.partition("/")[2], WORKLOAD)
        self.results = self.fake.root / "results"

    def program(self, name, script):
        program(self.suite / f"parsec_{name}", script)

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, location.PARSEC / "run", "--results", self.results, "--build", self.build, "--no-report",
             "--root", self.fake.root, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def run_it(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def here(self, *words):
        return self.run_it("--host", "--swap", "none", "--yes", "--size", "quick", *words)

    def kept(self):
        lines = (self.results / "runs.jsonl").read_text(encoding="utf-8").splitlines()
        return [(each["workload"], each["configuration"], each["repetition"]) for each in map(json.loads, lines)]

    def test_each_run_is_done_once_and_what_is_there_is_not_repeated(self):
        words = ("--configs", "orig,thp", "--workloads", "radix,ocean")
        status, out, err = self.here(*words, "--repeat", "1")
        self.assertEqual(status, 0, err)
        self.assertIn("4 runs in 2 turns, this machine", out)
        first = self.kept()
        self.assertEqual(first, [("suite/radix", "orig", 1), ("suite/radix", "thp", 1),
                                 ("suite/ocean", "orig", 1), ("suite/ocean", "thp", 1)])
        status, out, err = self.here(*words, "--repeat", "2")
        self.assertEqual(status, 0, err)
        self.assertIn("4 runs are there already.", out)
        self.assertEqual(self.kept()[:4], first)
        self.assertEqual(self.kept()[4:], [("suite/radix", "thp", 2), ("suite/radix", "orig", 2),
                                           ("suite/ocean", "thp", 2), ("suite/ocean", "orig", 2)])
        self.assertLessEqual(max(map(len, out.splitlines())), 79)

    def test_a_program_that_was_changed_is_refused_until_told_to_begin_anew(self):
        words = ("--configs", "orig", "--workloads", "radix", "--repeat", "1")
        self.assertEqual(self.here(*words)[0], 0)
        self.program("radix", WORKLOAD + " # another")
        status, _, err = self.here(*words)
        self.assertEqual(status, 2)
        self.assertRegex(err, "suite/radix is not what it was\nUse --fresh")
        status, out, _ = self.here(*words, "--fresh")
        self.assertEqual(status, 0)
        self.assertIn("results.old1", out)

    def test_run_json_says_how_it_was_made(self):
        self.here("--configs", "orig", "--workloads", "radix", "--repeat", "1")
        made = json.loads((self.results / "run.json").read_text(encoding="utf-8"))
        self.assertEqual(made["arguments"]["kernel"], "6.1.0-fake")
        self.assertIn("suite/radix", made["fingerprints"])
        self.assertIn("--workloads radix", made["command"])
        self.assertIn("model", made["machine"])

    def test_a_run_that_fails_twice_gives_no_figure_and_a_status(self):
        self.program("radix", "echo unsorted >&2; exit 1")
        status, out, _ = self.here("--configs", "orig", "--workloads", "radix,ocean", "--repeat", "1")
        self.assertEqual(status, 1)
        self.assertIn("no figure: suite/radix orig, repetition 1: the program ended with 1: unsorted",
                      " ".join(out.split()))
        self.assertEqual(self.kept(), [("suite/radix", "orig", 1)] * 2 + [("suite/ocean", "orig", 1)])

    def test_an_interruption_keeps_what_is_complete_and_the_same_command_goes_on(self):
        waits = f"[ -e {self.fake.root}/go ] || {{ touch {self.fake.root}/waits; exec sleep 1000; }}\n{WORKLOAD}"
        self.program("ocean", waits)
        words = ("--host", "--swap", "none", "--yes", "--size", "quick", "--configs", "orig", "--workloads",
                 "radix,ocean", "--repeat", "1")
        process = self.start(*words)
        while not self.fake.path("/waits").exists():
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130)
        self.assertIn("interrupted: 1 of 2 runs are kept", out)
        self.assertEqual(self.kept(), [("suite/radix", "orig", 1)])
        self.fake.put("/go", "")
        self.assertEqual(self.run_it(*words)[0], 0)
        self.assertEqual(self.kept(), [("suite/radix", "orig", 1), ("suite/ocean", "orig", 1)])

    def test_this_machine_is_not_changed_without_a_yes(self):
        status, _, err = self.run_it("--host", "--size", "quick", "--configs", "orig,thp")
        self.assertEqual(status, 1)
        self.assertRegex(err, "madvise becomes always\n.*a zram of 512M is added\n.*page cache")
        self.assertFalse(self.results.exists())

    def test_a_dry_run_says_what_would_be_done_and_does_nothing(self):
        status, out, err = self.run_it("--dry-run", "--in-vm", "--size", "quick", "--configs", "orig,prcl", "--repeat", "2",
                                       "--workloads", "radix,ocean")
        self.assertEqual(status, 0, err)
        self.assertIn("repetition 2  suite/ocean: prcl, orig", out)
        self.assertFalse(self.results.exists())

    def test_wrong_words_are_answered_with_what_there_is(self):
        for words, answer in (
                (("--configs", "thpp"), "no configuration 'thpp'; choose of: orig"),
                (("--workloads", "freqmine"), "no workload 'freqmine'; choose of: suite/itemsets"),
                (("--size", "huge"), "no size 'huge'; choose of: quick"),
                (("--configs", "prec"), "'prec' needs a kernel with DAMON"),
                (("--monitor", "mainline", "--configs", "orig"), "needs a kernel with DAMON: add --kernel 6.12"),
                (("--configs", "orig", "--set", "orig:x=y"), "CONFIG being one of those with a policy"),
                (("--suite", "parsec"), "needs --parsec DIR"),
                (("--swap", "much"), "'much' is no size"),
                (("--configs", "prcl"), "build it first, with ./dev build")):
            with self.subTest(words=words):
                status, _, err = self.run_it("--in-vm", *words)
                self.assertEqual(status, 2)
                self.assertIn(answer, err)


if __name__ == "__main__":
    unittest.main()
