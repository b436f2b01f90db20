# SPDX-License-Identifier: MIT
"""The workloads by their names."""

import tempfile
import unittest
from pathlib import Path

import location  # pylint: disable=unused-import
from evaluation.builtin_suite import FOLDER, NAMESAKES
from evaluation.workload import Workload, in_guest
from evaluation.workloads import DEFAULT_SIZE, WorkloadError, workloads
from fake_machine import program


class BuiltinSuite(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="damon-schemes-test-")
        self.addCleanup(folder.cleanup)
        self.build = Path(folder.name).resolve()
        (self.build / FOLDER).mkdir(parents=True)
        for name in NAMESAKES:
            program(self.build / FOLDER / f"parsec_{name}", "exit 0")

    def found(self, *names, size="quick", **more):
        return workloads("suite", size, names, build_dir=self.build, **more)

    def test_without_names_it_is_all_of_it(self):
        self.assertEqual([each.name for each in self.found()], [f"suite/{name}" for name in NAMESAKES])

    def test_names_keep_their_order_and_may_leave_out_the_suite(self):
        self.assertEqual([each.name for each in self.found("ocean", "suite/itemsets", "suite/ocean")],
                         ["suite/ocean", "suite/itemsets"])

    def test_a_program_is_told_its_size_report_and_time(self):
        one, = self.found("radix", size="medium", seconds=90)
        path = str(self.build / FOLDER / "parsec_radix")
        self.assertEqual(one.command, (path, "--size", "medium", "--report", "{report}", "--seconds", "90"))
        self.assertEqual(one.files, (f"{path}:{path}",))
        self.assertEqual(one.seconds, 90)
        self.assertIsNone(one.process)

    def test_an_unknown_name_is_answered_with_those_there_are(self):
        with self.assertRaisesRegex(WorkloadError, "no workload 'oceans'; choose of: suite/itemsets, suite/black"):
            self.found("oceans")

    def test_an_unknown_size_is_answered_with_those_there_are(self):
        with self.assertRaisesRegex(WorkloadError, "no size 'huge'; choose of: quick, small, medium, native"):
            self.found(size="huge")

    def test_what_is_not_built_is_named_with_its_target(self):
        (self.build / FOLDER / "parsec_dedup").unlink()
        with self.assertRaisesRegex(WorkloadError, "suite/dedup is not built: cmake --build .* --target parsec_dedup"):
            self.found()
        self.assertEqual(len(self.found("ocean")), 1)


class Suites(unittest.TestCase):
    def test_an_unknown_suite_is_answered_with_those_there_are(self):
        with self.assertRaisesRegex(WorkloadError, "no suite 'splash'; choose of: suite, services, parsec"):
            workloads("splash", "quick")

    def test_parsec_needs_its_tree(self):
        with self.assertRaisesRegex(WorkloadError, "--parsec DIR"):
            workloads("parsec", "native")

    def test_each_has_its_default_size(self):
        for each in workloads("services", DEFAULT_SIZE["services"]):
            self.assertIn(DEFAULT_SIZE["services"], each.command)


class InGuest(unittest.TestCase):
    def test_all_that_names_a_file_taken_along_names_its_place_there(self):
        there = in_guest(Workload(
            name="a/b", command=("/tmp/me/run", "{report}", "/tmp/tree/bin/tool", "-a", "/etc/hosts", "/tmp/tree/b", "/"),
            environment={"DIR": "/tmp/tree", "LIBRARIES": "/tmp/tree/lib/deep", "LEVEL": "3"}, folder="/tmp/tree",
            files=("/tmp/me/run:/tmp/me/run", "/tmp/tree/bin:/tmp/tree/bin", "/tmp/tree/lib:/tmp/tree/lib",
                   "/usr/bin/node:/usr/local/bin/node")))
        self.assertEqual(there.command, ("/root/workload/me/run", "{report}", "/root/workload/tree/bin/tool", "-a",
                                         "/etc/hosts", "/tmp/tree/b", "/"))
        self.assertEqual(there.environment, {
            "DIR": "/root/workload/tree", "LIBRARIES": "/root/workload/tree/lib/deep", "LEVEL": "3"})
        self.assertEqual(there.folder, "/root/workload/tree")
        self.assertEqual(there.files, (
            "/tmp/me/run:/root/workload/me/run", "/tmp/tree/bin:/root/workload/tree/bin",
            "/tmp/tree/lib:/root/workload/tree/lib", "/usr/bin/node:/usr/local/bin/node"))

    def test_a_single_program_is_there_by_its_name_alone(self):
        there = in_guest(Workload(name="a/b", command=("/home/me/build/tool", "--size", "quick"),
                                  files=("/home/me/build/tool:/home/me/build/tool",)))
        self.assertEqual(there.command, ("/root/workload/tool", "--size", "quick"))
        self.assertEqual(there.files, ("/home/me/build/tool:/root/workload/tool",))

    def test_the_services_are_called_where_they_lie_there(self):
        for each in workloads("services", "quick", guest=True):
            places = [name.partition(":")[2] for name in each.files]
            self.assertTrue(set(places) & set(each.command), each)


if __name__ == "__main__":
    unittest.main()
