# SPDX-License-Identifier: MIT
"""The folder of an evaluation."""

import json
import tempfile
import unittest
from pathlib import Path

import location  # noqa: F401
from evaluation.results_folder import FolderError, ResultsFolder, fingerprint
from test_run_record import record

ARGUMENTS = {"size": "medium", "seconds": None, "place": "vm", "kernel": "6.1", "monitor": "module", "swap": "512M",
             "drop_caches": True, "memory": "1G", "cpus": 2, "settings": {}, "repeat": 3}
PRINTS = {"damon-schemes": "aa", "policies/prcl-v12.toml": "bb"}


class Folders(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "results"
        self.folder = ResultsFolder(self.path)

    def begin(self, arguments=None, prints=None):
        with self.folder.alone():
            self.folder.begin({**ARGUMENTS, **(arguments or {})}, prints or PRINTS, {"sittings": [{"date": "today"}]})

    def test_the_same_again_goes_on_and_sittings_add_up(self):
        self.begin()
        self.folder.add(record())
        self.begin()
        self.assertEqual(self.folder.runs(), [record()])
        self.assertEqual(len(json.loads((self.path / "run.json").read_text())["sittings"]), 2)

    def test_more_repetitions_workloads_and_configurations_may_be_added(self):
        self.begin()
        self.begin({"repeat": 9}, {**PRINTS, "policies/ethp-v12.toml": "cc"})
        self.begin({}, {"damon-schemes": "aa"})
        with self.assertRaisesRegex(FolderError, "ethp-v12.toml is not what it was"):
            self.begin({}, {"policies/ethp-v12.toml": "dd"})

    def test_another_argument_is_refused_with_what_to_do(self):
        self.begin()
        with self.assertRaisesRegex(FolderError, r"size was 'medium' and is 'small'\n.*--fresh.*--results"):
            self.begin({"size": "small"})

    def test_another_binary_is_refused(self):
        self.begin()
        with self.assertRaisesRegex(FolderError, "damon-schemes is not what it was"):
            self.begin(prints={**PRINTS, "damon-schemes": "zz"})

    def test_what_a_quick_run_left_is_not_kept(self):
        self.begin({"quick": True})
        self.folder.keep_recording("suite/itemsets", "AAH/")
        self.assertIsNone(self.folder.start_anew())
        self.assertEqual([path.name for path in self.path.iterdir()], [".lock"])
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_runs_without_what_they_are_of_are_refused(self):
        self.path.mkdir()
        self.folder.add(record())
        with self.assertRaisesRegex(FolderError, "no run.json"):
            self.begin()

    def test_fresh_keeps_what_was_there_under_another_name(self):
        self.begin()
        self.folder.add(record())
        old = self.folder.start_anew()
        self.assertEqual(self.folder.runs(), [])
        self.assertEqual(ResultsFolder(old).runs(), [record()])
        self.begin({"size": "small"})

    def test_two_do_not_write_at_once(self):
        with self.folder.alone():
            with self.assertRaisesRegex(FolderError, "is in use"):
                with ResultsFolder(self.path).alone():
                    self.fail("it must not come to that")
        with self.folder.alone():
            pass

    def test_a_recording_is_kept_by_its_workload(self):
        self.folder.keep_recording("suite/itemsets", "AAH/")
        self.assertEqual((self.path / "recordings/suite/itemsets.damon").read_bytes(), b"\0\1\xff")

    def test_a_fingerprint_goes_by_names_and_contents(self):
        self.path.mkdir()
        (self.path / "a.c").write_text("1")
        first = fingerprint(self.path, "*.c")
        (self.path / "a.o").write_text("1")
        self.assertEqual(fingerprint(self.path, "*.c"), first)
        (self.path / "a.c").write_text("2")
        self.assertNotEqual(fingerprint(self.path, "*.c"), first)


if __name__ == "__main__":
    unittest.main()
