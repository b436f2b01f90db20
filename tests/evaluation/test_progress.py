# SPDX-License-Identifier: MIT
"""What is said while it runs."""

import io
import unittest

import location  # noqa: F401
from evaluation.progress import WIDTH, Progress, clock

A, B, C = ("suite/a", "orig", 1), ("suite/a", "thp", 1), ("suite/a", "orig", 2)


class Lines(unittest.TestCase):
    def setUp(self):
        self.time = 0.0
        self.out = io.StringIO()
        self.progress = Progress([A, B, C], {"suite/a": 60}, self.out, lambda: self.time)

    def turn(self, *runs, boot=10):
        self.progress.begin_turn()
        self.time += boot
        for key, seconds in runs:
            self.progress.begin(key)
            self.time += seconds
            self.progress.end(key, seconds)
        self.progress.end_turn()

    def test_before_anything_was_measured_the_workload_s_own_guess_counts(self):
        self.assertEqual(self.progress.seconds_left(), 3 * 60 + 2 * 30)

    def test_then_the_medians_of_what_was_measured(self):
        self.turn((A, 20), (B, 40))
        self.assertEqual(self.progress.seconds_left(), 20 + 10)

    def test_runs_of_an_earlier_sitting_count_too(self):
        for seconds in (1, 5, 100):
            self.progress.note(("suite/a", "thp", 9), seconds)
        self.assertEqual(self.progress.seconds_left(), 3 * 5 + 2 * 30)

    def test_each_run_that_ended_has_a_line_with_its_number_and_times(self):
        self.turn((A, 20), (B, 40))
        lines = self.out.getvalue().splitlines()
        self.assertRegex(lines[0], r"^   1/3  suite/a +orig +20\.0 s  0:00:30, 0:01:10 left$")
        self.assertRegex(lines[1], r"^   2/3  suite/a +thp +40\.0 s  0:01:10, ")

    def test_through_a_pipe_there_are_plain_lines_alone(self):
        self.turn((A, 20))
        self.assertNotRegex(self.out.getvalue(), "[\r\033]")

    def test_no_line_is_wider_than_the_screen(self):
        self.progress.end(("suite/" + "x" * 60, "efficient-thp", 1), 12345.6, "it broke " * 30)
        self.assertLessEqual(max(len(line) for line in self.out.getvalue().splitlines()), WIDTH)

    def test_what_is_tried_again_stays_to_be_done(self):
        self.progress.end(A, 5, "it broke", again=True)
        self.assertEqual(self.progress.number, 0)
        self.progress.end(A, 5, "it broke")
        self.assertEqual(self.progress.number, 1)
        self.assertIn("FAILED: it broke", self.out.getvalue())

    def test_clock(self):
        self.assertEqual([clock(seconds) for seconds in (0.4, 59.6, 3661)], ["0:00:00", "0:01:00", "1:01:01"])


if __name__ == "__main__":
    unittest.main()
