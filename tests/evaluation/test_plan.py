# SPDX-License-Identifier: MIT
"""Which runs there are, and in which order."""

import tempfile
import unittest
from collections import Counter
from pathlib import Path

import location
from evaluation.configurations import CONFIGURATIONS, ConfigurationError, chosen
from evaluation.plan import Turn, remaining, turns
from evaluation.sitting import RECORDING, todo
from test_run_record import record


class Turns(unittest.TestCase):
    def test_every_run_is_planned_once(self):
        planned = turns(["a", "b"], ["orig", "thp", "prcl"], 2)
        keys = Counter(key for turn in planned for key in turn.keys())
        self.assertEqual(len(keys), 12)
        self.assertEqual(set(keys.values()), {1})

    def test_workloads_take_turns_within_each_repetition(self):
        self.assertEqual([(turn.repetition, turn.workload) for turn in turns(["a", "b"], ["orig"], 2)],
                         [(1, "a"), (1, "b"), (2, "a"), (2, "b")])

    def test_each_repetition_begins_with_another_configuration(self):
        orders = [turn.configurations for turn in turns(["a"], ["orig", "thp", "prcl"], 4)]
        self.assertEqual(orders, [("orig", "thp", "prcl"), ("thp", "prcl", "orig"), ("prcl", "orig", "thp"),
                                  ("orig", "thp", "prcl")])

    def test_an_interrupted_turn_resumes_with_what_it_lacks_in_the_same_order(self):
        planned = turns(["a", "b"], ["orig", "thp", "prcl"], 2)
        done = {("a", "orig", 1), ("a", "thp", 1), ("a", "prcl", 1), ("b", "orig", 1), ("a", "prcl", 2)}
        self.assertEqual(remaining(planned, done), [
            Turn(1, "b", ("thp", "prcl")), Turn(2, "a", ("thp", "orig")), Turn(2, "b", ("thp", "prcl", "orig"))])

    def test_a_run_with_an_error_is_still_to_be_done(self):
        planned = turns(["a"], ["orig", "thp"], 1)
        records = [record(workload="a", error="it broke"), record(workload="a", configuration="thp")]
        self.assertEqual(todo(planned, records, []), [Turn(1, "a", ("orig",))])

    def test_a_recording_comes_with_the_first_run_of_rec_and_else_with_a_run_of_its_own(self):
        self.assertEqual(todo(turns(["a"], ["orig", "rec"], 1), [], ["a"]), [Turn(1, "a", ("orig", "rec"))])
        self.assertEqual(todo(turns(["a"], ["orig"], 2), [], ["a"]),
                         [Turn(1, "a", ("orig", RECORDING)), Turn(2, "a", ("orig",))])
        self.assertEqual(todo(turns(["a"], ["orig"], 1), [record(workload="a")], ["a"]), [Turn(1, "a", (RECORDING,))])


class Configurations(unittest.TestCase):
    def test_their_policies_are_there(self):
        for each in CONFIGURATIONS.values():
            if each.policy:
                self.assertTrue((location.TREE / each.policy).is_file(), each.policy)

    def test_an_unknown_name_is_answered_with_those_there_are(self):
        with self.assertRaisesRegex(ConfigurationError, "no configuration 'thpp'; choose of: orig, rec, prec, thp"):
            chosen(["orig", "thpp"], location.TREE)

    def test_physical_memory_needs_a_kernel_that_can(self):
        with self.assertRaisesRegex(ConfigurationError, "'prec' needs a kernel with DAMON.*--kernel 6.12"):
            chosen(["prec"], location.TREE)
        self.assertTrue(chosen(["prec"], location.TREE, kernel_has_damon=True)[0].physical)

    def test_a_policy_that_is_missing_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(ConfigurationError, "'prcl' needs policies/prcl-v12.toml"):
                chosen(["prcl"], Path(folder))


if __name__ == "__main__":
    unittest.main()
