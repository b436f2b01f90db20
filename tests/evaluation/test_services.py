# SPDX-License-Identifier: MIT
"""The services do their three phases, say so, and notice a wrong answer."""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import location
from evaluation.workloads import WorkloadError, workloads
from fake_machine import program

SERVICES = location.PARSEC / "services"
sys.path.insert(0, str(SERVICES))
import service  # pylint: disable=wrong-import-position

# Speaks redis's protocol; each value comes back with its first letter changed.
LIAR = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("--unixsocket") + 1])
listener.listen()
connection, _ = listener.accept()
file, kept = connection.makefile("rb"), {}
while line := file.readline():
    words = [file.read(int(file.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
    if words[0] == b"SET":
        kept[words[1]] = b"?" + words[2][1:]
        connection.sendall(b"+OK\\r\\n")
    else:
        connection.sendall(b"$%d\\r\\n%s\\r\\n" % (len(kept[words[1]]), kept[words[1]]))
"""


def driver(name):
    """A driver's script as a module."""
    loader = importlib.machinery.SourceFileLoader(f"driver_{name}", str(SERVICES / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Phases(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="damon-schemes-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_service(self, name, *more):
        """A quick run of a service as a workload; what it ended with, and its report."""
        found, = workloads("services", "quick", [name], seconds=0.2)
        report = self.folder / "report.json"
        command = [word.replace("{report}", str(report)) for word in found.command] + list(more)
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env={**os.environ, **found.environment})
        return done, json.loads(report.read_text(encoding="utf-8")) if report.exists() else None

    def check(self, name):
        done, report = self.run_service(name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(report["checked"])
        self.assertEqual([each["name"] for each in report["phases"]], ["fill", "hot", "all"])
        records = service.RECORDS["quick"]
        self.assertEqual([each["operations"] for each in report["phases"]][::2], [records, records])
        ends = [time for each in report["phases"] for time in (each["begin_s"], each["end_s"])]
        self.assertEqual(ends, sorted(ends))
        self.assertGreater(report["phases"][1]["end_s"] - report["phases"][1]["begin_s"], 0.19)  # they are rounded
        self.assertGreaterEqual(report["elapsed_s"], ends[-1])

    def test_python3(self):
        self.check("python3")

    def test_sqlite3(self):
        self.check("sqlite3")

    @unittest.skipUnless(shutil.which("node"), "needs node")
    def test_node(self):
        self.check("node")

    @unittest.skipUnless(shutil.which("redis-server"), "needs redis-server")
    def test_redis(self):
        self.check("redis")

    def test_redis_notices_a_value_that_comes_back_changed(self):
        (self.folder / "liar.py").write_text(LIAR, encoding="utf-8")
        liar = program(self.folder / "liar", f'exec {sys.executable} {self.folder}/liar.py "$@"')
        done, report = self.run_service("redis", "--server", str(liar))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^redis: record \d+ came back as '\?")
        self.assertIsNone(report)

    def test_redis_says_which_package_is_missing(self):
        done, report = self.run_service("redis", "--server", str(self.folder / "none"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("install the package redis-server", done.stderr)
        self.assertIsNone(report)

    def test_redis_says_that_its_server_ended(self):
        server = program(self.folder / "server", "exit 7")
        done, _ = self.run_service("redis", "--server", str(server))
        self.assertEqual(done.returncode, 1)
        self.assertIn("redis-server ended with 7", done.stderr)

    @unittest.skipUnless(shutil.which("node"), "needs node")
    def test_node_refuses_a_size_that_there_is_not(self):
        done = subprocess.run(["node", SERVICES / "node.js", "--size", "huge"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("choose of quick, small, medium, native", done.stderr)


class Checks(unittest.TestCase):
    def test_a_value_follows_from_its_number_alone(self):
        self.assertEqual(service.value_of(17), service.value_of(17))
        self.assertNotEqual(service.value_of(17), service.value_of(18))
        self.assertEqual(len(service.value_of(17)), service.VALUE_BYTES)
        service.check(17, service.value_of(17))
        for wrong in (service.value_of(18), None, ""):
            with self.assertRaises(service.WrongAnswer):
                service.check(17, wrong)

    def test_the_hot_records_are_the_newest_twentieth(self):
        course = service.Course("test", "quick")
        self.assertEqual(course.hot.stop, course.records)
        self.assertEqual(len(course.hot) * 20, course.records)

    def test_python3_notices_a_record_that_changed_or_went(self):
        module = driver("python3")
        heap = {}
        module.fill(heap, 50)
        self.assertEqual(module.use_all(heap, 50, 0), 50)
        heap["record-7"].text = "other"
        for each in heap.values():
            each.uses = 0
        with self.assertRaisesRegex(service.WrongAnswer, "record 7 came back as 'other'"):
            module.use_all(heap, 50, 0)
        del heap["record-7"]
        with self.assertRaisesRegex(service.WrongAnswer, "49 records"):
            module.use_all(heap, 50, 0)

    def test_sqlite3_notices_a_sum_or_a_note_that_changed(self):
        module = driver("sqlite3")
        for statement in ("UPDATE item SET amount = amount + 1 WHERE id = 9", "UPDATE item SET note = 'x' WHERE id = 9",
                          "DELETE FROM item WHERE id = 9"):
            table = module.Table()
            table.fill(100)
            self.assertEqual(table.read_all(100), 100)
            table.database.execute(statement)
            with self.assertRaises(service.WrongAnswer):
                table.read_all(100)


class Workloads(unittest.TestCase):
    def test_the_server_is_what_is_measured_and_not_its_driver(self):
        processes = {each.name: each.process for each in workloads("services", "quick")}
        self.assertEqual(processes, {"services/redis": "redis-server", "services/sqlite3": None, "services/node": None,
                                     "services/python3": None})

    def test_all_that_a_driver_needs_is_taken_along(self):
        for each in workloads("services", "quick"):
            files = [Path(name.partition(":")[0]) for name in each.files]
            self.assertTrue(all(file.is_file() for file in files))
            self.assertTrue(set(map(str, files)) & set(each.command))

    def test_an_unknown_size_is_answered_with_those_there_are(self):
        with self.assertRaisesRegex(WorkloadError, "no size 'native2'; choose of: quick"):
            workloads("services", "native2")


if __name__ == "__main__":
    unittest.main()
