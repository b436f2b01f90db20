# SPDX-License-Identifier: MIT
"""What is looked at once a second."""

import time
import unittest

import location  # noqa: F401
from evaluation.machine import Machine
from evaluation.sampling import PERIOD, Sampler
from fake_machine import MEMINFO, FakeMachine


class Samples(unittest.TestCase):
    def setUp(self):
        self.fake = FakeMachine()
        self.addCleanup(self.fake.__exit__)
        self.machine = Machine(self.fake.root)

    def test_a_process_counts_with_all_that_it_started(self):
        self.fake.process(10, 1, "sh", rss=100, swap=1)
        self.fake.process(11, 10, "a (b) c", rss=20, swap=2)
        self.fake.process(12, 11, "leaf", rss=3, swap=4)
        self.fake.process(20, 1, "other", rss=5000)
        sample = Sampler(self.machine, time.monotonic()).look(1, 10)
        self.assertEqual((sample["rss_kib"], sample["swap_kib"]), (123, 7))
        self.assertEqual((sample["mem_free_kib"], sample["mem_available_kib"]), (600000, 700000))

    def test_children_are_found_by_the_file_of_each_thread_where_the_kernel_has_it(self):
        self.fake.process(10, 1, "sh")
        self.fake.process(11, 1, "adopted elsewhere")
        self.fake.put("/proc/10/task/10/children", "")
        self.fake.put("/proc/10/task/13/children", "11 ")
        self.assertEqual(self.machine.descendants(10), [10, 11])

    def test_a_process_that_has_ended_counts_nothing(self):
        self.assertEqual(Sampler(self.machine, time.monotonic()).look(1, 4242)["rss_kib"], 0)

    def test_huge_pages_that_others_had_before_do_not_count(self):
        sampler = Sampler(self.machine, time.monotonic())
        self.fake.put("/proc/meminfo", MEMINFO.replace("4096 kB", "6144 kB"))
        self.assertEqual(sampler.look(1, None)["anon_huge_kib"], 2048)

    def test_the_swap_counts_with_what_it_takes_itself(self):
        self.assertEqual(Sampler(self.machine, time.monotonic(), "zram3").look(1, None)["zram_kib"], 3072)

    def test_a_sample_is_taken_once_it_is_due_and_those_slept_through_are_left_out(self):
        sampler = Sampler(self.machine, time.monotonic())
        sampler.take_if_due(None)
        self.assertEqual(sampler.samples, [])
        self.assertLessEqual(sampler.seconds_left(), PERIOD)
        late = Sampler(self.machine, time.monotonic() - 3.5 * PERIOD)
        late.take_if_due(None)
        late.take_if_due(None)
        self.assertEqual(len(late.samples), 1)
        self.assertGreaterEqual(late.samples[0]["t_s"], 3.5)

    def test_the_monitoring_threads_count_from_the_beginning_of_the_run(self):
        self.fake.process(77, 2, "damon_schemes/1")
        self.fake.put("/proc/77/schedstat", "2000000000 5 6\n")
        self.fake.process(50, 1, "damon-schemes", peak=9000)
        sampler = Sampler(self.machine, time.monotonic() - PERIOD)
        self.fake.put("/proc/77/schedstat", "2500000000 5 6\n")
        self.fake.process(78, 2, "kdamond.0")
        self.fake.put("/proc/78/schedstat", "100000000 5 6\n")
        sampler.take_if_due(None, engine=50)
        self.assertAlmostEqual(sampler.monitor_cpu_s(), 0.6)
        self.assertEqual(sampler.engine_rss_kib, 9000)

    def test_without_a_monitoring_thread_there_is_no_figure_of_it(self):
        self.fake.process(50, 1, "damon-schemes", peak=9000)
        sampler = Sampler(self.machine, time.monotonic() - PERIOD)
        sampler.take_if_due(None, engine=50)
        self.assertIsNone(sampler.monitor_cpu_s())


if __name__ == "__main__":
    unittest.main()
