# SPDX-License-Identifier: MIT
"""The table of the suite's cold shares: from the programs' own reports, here of programs of the test's own."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/parsec/suite/cold-shares"


def point(seconds, touched_pages, idle_pages):
    """A moment of a course."""
    return {"t_s": float(seconds), "touched_bytes": touched_pages * 4096, "idle_bytes": {"3": idle_pages * 4096},
            "hot_bytes": 0, "hot_on_huge_bytes": None}


# Filled for 10 s, then half of it is left alone, which shows 3 s later.
COURSE = ([point(t, 10 * t, 0) for t in range(1, 11)] + [point(t, 100, 0) for t in range(11, 14)]
          + [point(t, 100, 50) for t in range(14, 41)])
REPORT = {"program": "itemsets", "elapsed_s": 40.0, "course": COURSE,
          "phases": [{"name": "tree", "begin_s": 0.0, "end_s": 10.0}, {"name": "mine", "begin_s": 10.0, "end_s": 40.0}]}


class ColdShares(unittest.TestCase):
    """Each test has a build folder of its own."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)
        (self.folder / "benchmarks/parsec/suite").mkdir(parents=True)

    def program(self, name, report, status=0):
        """A program that writes this report."""
        path = self.folder / "benchmarks/parsec/suite" / f"parsec_{name}"
        path.write_text('#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = --report ] && file=$2; shift; done\n'
                        f"cat > \"$file\" <<'END'\n{json.dumps(report)}\nEND\nexit {status}\n", encoding="utf-8")
        path.chmod(0o755)

    def run_script(self, *arguments):
        """What it prints."""
        return subprocess.run([SCRIPT, "--build", self.folder, *arguments], capture_output=True, text=True, check=False)

    def row(self, output, phase):
        """The cells of a phase's row, from the MiB on."""
        found = re.search(rf"^itemsets +{phase} +(.*)$", output, re.MULTILINE)
        self.assertIsNotNone(found, output)
        return found.group(1).split()

    def test_a_phase_begins_when_the_one_before_no_longer_shows(self):
        self.program("itemsets", REPORT)
        done = self.run_script("itemsets")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.row(done.stdout, "tree")[2:], ["0", "0", "0", "0"])
        self.assertEqual(self.row(done.stdout, "mine")[2:5], ["50", "50", "50"])
        self.assertLess(int(self.row(done.stdout, "mine")[5]), 50)
        self.assertIn("36 -> 81 %", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)

    def test_writes_the_table_with_its_targets(self):
        self.program("itemsets", REPORT)
        file = self.folder / "table.md"
        done = self.run_script("--write", file, "itemsets")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = file.read_text(encoding="utf-8")
        self.assertIn("| itemsets | mine | 30.0 |", text)
        self.assertIn("freqmine: 36 -> 81 % while mining |", text)
        self.assertNotIn(str(self.folder), text)

    def test_a_program_that_failed_has_no_figures(self):
        self.program("itemsets", REPORT, status=1)
        done = self.run_script("itemsets")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no figures of itemsets", done.stderr)
        self.assertNotIn("mine", done.stdout)

    def test_says_what_to_build_and_which_programs_there_are(self):
        done = self.run_script("radix")
        self.assertEqual(done.returncode, 1)
        self.assertIn("parsec_radix", done.stderr)
        done = self.run_script("freqmine")
        self.assertEqual(done.returncode, 2)
        self.assertIn("itemsets", done.stderr)


if __name__ == "__main__":
    unittest.main()
