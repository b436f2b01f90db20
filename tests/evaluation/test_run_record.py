# SPDX-License-Identifier: MIT
"""runs.jsonl."""

import json
import tempfile
import unittest
from pathlib import Path

import location  # noqa: F401
from evaluation.run_record import BrokenRecord, RunRecord, append_run, read_runs, record_of


def record(**more):
    return RunRecord(**{"workload": "suite/itemsets", "size": "quick", "configuration": "orig", "repetition": 1,
                        "place": "vm", "monitor": "none", "started": "2026-11-23T06:40:00Z", "kernel": "6.1",
                        "cpus": 2, "memory_total_kib": 1000, **more})


class RunRecords(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "runs.jsonl"

    def test_what_was_appended_is_read_back_whole_and_in_order(self):
        first = record(runtime_s=1.5, samples=[{"t_s": 1.0, "mem_free_kib": 5}], own_report={"name": "ä\n"})
        second = record(configuration="thp", error="it ended with 1")
        append_run(self.path, first)
        append_run(self.path, second)
        self.assertEqual(read_runs(self.path), [first, second])

    def test_no_file_is_no_run(self):
        self.assertEqual(read_runs(self.path), [])

    def test_a_line_that_was_cut_is_left_out_and_written_over_by_the_next(self):
        append_run(self.path, record())
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(record(repetition=2).line()[:40])
        self.assertEqual(read_runs(self.path), [record()])
        append_run(self.path, record(repetition=3))
        self.assertEqual([each.repetition for each in read_runs(self.path)], [1, 3])

    def test_a_broken_line_in_the_middle_is_named(self):
        self.path.write_text("{}\n" + record().line(), encoding="utf-8")
        with self.assertRaisesRegex(BrokenRecord, "runs.jsonl, line 1"):
            read_runs(self.path)

    def test_a_record_that_lacks_what_makes_it_one_is_refused(self):
        value = json.loads(record().line())
        del value["configuration"]
        with self.assertRaisesRegex(BrokenRecord, "lacks configuration"):
            record_of(value)

    def test_keys_of_a_later_version_do_no_harm(self):
        value = {**json.loads(record().line()), "colour": "green"}
        self.assertEqual(record_of(value), record())


if __name__ == "__main__":
    unittest.main()
