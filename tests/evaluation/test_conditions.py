# SPDX-License-Identifier: MIT
"""What is set before a run, and put back."""

import os
import unittest
from unittest import mock

import location  # noqa: F401
from evaluation.conditions import Conditions, bytes_of
from evaluation.machine import Machine, MachineError
from fake_machine import FakeMachine

THP = "/sys/kernel/mm/transparent_hugepage/enabled"


class HeldConditions(unittest.TestCase):
    def setUp(self):
        self.fake = FakeMachine()
        self.addCleanup(self.fake.__exit__)
        self.machine = Machine(self.fake.root)
        self.use(mkswap="", swapon="", swapoff="", modprobe="")

    def use(self, **scripts):
        folder = self.fake.tools(**scripts)
        patch = mock.patch.dict(os.environ, {"PATH": f"{folder}:{os.environ['PATH']}"})
        patch.start()
        self.addCleanup(patch.stop)

    def test_huge_pages_are_set_and_put_back(self):
        with Conditions(thp="always").hold(self.machine):
            # The kernel would show all three words; a file of a test keeps what was written over it.
            self.assertTrue(self.fake.text(THP).startswith("always\n"))
        self.assertTrue(self.fake.text(THP).startswith("madvise\n"))

    def test_everything_is_put_back_after_an_exception(self):
        with self.assertRaises(KeyboardInterrupt), Conditions(thp="never", swap="64M").hold(self.machine):
            raise KeyboardInterrupt
        self.assertTrue(self.fake.text(THP).startswith("madvise\n"))
        self.assertIn("swapoff /dev/zram3", self.fake.called())
        self.assertEqual(self.fake.text("/sys/block/zram3/reset"), "1")
        self.assertEqual(self.fake.text("/sys/class/zram-control/hot_remove"), "3")

    def test_the_swap_is_a_zram_of_its_own_with_the_size_asked_for(self):
        with Conditions(swap="64M").hold(self.machine) as held:
            self.assertEqual(held.zram, "zram3")
            self.assertEqual(held.description["swap"], "zram 64M")
            self.assertEqual(self.fake.text("/sys/block/zram3/disksize"), str(64 << 20))
            self.assertEqual(self.fake.called(), ["mkswap /dev/zram3", "swapon /dev/zram3"])

    def test_beside_other_swap_it_is_used_first(self):
        self.fake.put("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 8 0 -2\n")
        with Conditions(swap="64M").hold(self.machine) as held:
            self.assertIn("swapon -p 100 /dev/zram3", self.fake.called())
            self.assertEqual(held.description["swaps"], ["/dev/sda2"])

    def test_a_swap_that_cannot_be_used_is_taken_down_again_and_told(self):
        self.use(swapon='echo "swapon: Operation not permitted" >&2; exit 1')
        with self.assertRaisesRegex(MachineError, "swapon .*/dev/zram3' ended with 1: swapon: Operation not permitted"):
            with Conditions(swap="64M").hold(self.machine):
                self.fail("it must not run")
        self.assertNotIn("swapoff /dev/zram3", self.fake.called())
        self.assertEqual(self.fake.text("/sys/class/zram-control/hot_remove"), "3")

    def test_lists_of_free_pages_are_short_only_meanwhile(self):
        name = "/proc/sys/vm/percpu_pagelist_high_fraction"
        with Conditions(short_page_lists=True).hold(self.machine) as held:
            self.assertEqual(held.description["percpu_pagelist_high_fraction"], 1000000)
        self.assertEqual(self.fake.text(name).splitlines()[0], "0")

    def test_caches_are_dropped_only_where_that_is_asked_for(self):
        with Conditions().hold(self.machine) as held:
            self.assertEqual(self.fake.text("/proc/sys/vm/drop_caches"), "0")
            self.assertFalse(held.description["dropped_caches"])
        with Conditions(drop_caches=True).hold(self.machine) as held:
            self.assertEqual(self.fake.text("/proc/sys/vm/drop_caches"), "3")
            self.assertTrue(held.description["dropped_caches"])

    def test_the_description_tells_what_khugepaged_does(self):
        with Conditions().hold(self.machine) as held:
            self.assertEqual(held.description["khugepaged"], {"defrag": 1, "pages_to_scan": 4096})
            self.assertEqual((held.description["thp"], held.description["thp_defrag"]), ("madvise", "madvise"))

    def test_the_module_goes_and_comes_back_where_it_must_not_be(self):
        self.fake.put("/sys/module/damon_schemes/refcnt", "0\n")
        with Conditions(module=False).hold(self.machine):
            self.assertEqual(self.fake.called(), ["modprobe -r damon_schemes"])
        self.assertEqual(self.fake.called()[1:], ["modprobe damon_schemes"])

    def test_the_changes_are_told_beforehand_and_nothing_is_changed(self):
        conditions = Conditions(thp="always", swap="1G", drop_caches=True)
        self.assertEqual(conditions.changes(self.machine), [
            "transparent huge pages: madvise becomes always", "swap: a zram of 1G is added",
            "page cache, dentries and inodes are dropped"])
        self.assertEqual(Conditions(thp="madvise").changes(self.machine), [])
        self.assertEqual(self.fake.text(THP), "always [madvise] never")

    def test_sizes(self):
        self.assertEqual([bytes_of(text) for text in ("1K", "512M", "2GiB")], [1 << 10, 512 << 20, 2 << 30])
        with self.assertRaisesRegex(ValueError, "'many' is no size such as 512M"):
            bytes_of("many")


if __name__ == "__main__":
    unittest.main()
