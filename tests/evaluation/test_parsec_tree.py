# SPDX-License-Identifier: MIT
"""A user's PARSEC tree: what of it can be run and how, and what is said where something is missing."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import location
from evaluation.job import Job, Run
from evaluation.machine import Machine
from evaluation.measurement import Measurement
from evaluation.parsec_tree import PROGRAMS, RUN, region_of_interest, workloads
from evaluation.workload import WorkloadError
from fake_machine import program
from fake_parsec_tree import FakeParsecTree

RAYTRACE = "pkgs/apps/raytrace"
FFT = "ext/splash2x/kernels/fft"


class Programs(unittest.TestCase):
    def test_they_are_those_of_the_published_figures(self):
        table = (location.PARSEC / "published/damon-v12.tsv").read_text(encoding="utf-8").splitlines()
        published = {line.split("\t")[1] for line in table if line.startswith("runtime\t")} - {"total"}
        self.assertEqual(set(PROGRAMS), published)


class WhatIsMissing(unittest.TestCase):
    def setUp(self):
        self.tree = FakeParsecTree()
        self.addCleanup(self.tree.__exit__)

    def says(self, text, size="test", names=("parsec3/raytrace",), folder=None):
        with self.assertRaises(WorkloadError) as caught:
            workloads(folder or self.tree.root, size, names)
        self.assertIn(text, str(caught.exception))
        return str(caught.exception)

    def test_no_folder(self):
        self.says("there is no such folder; --parsec takes a PARSEC 3.0 tree", folder=self.tree.root / "none")

    def test_no_parsecmgmt(self):
        self.says("it has no bin/parsecmgmt", folder=self.tree.root / "pkgs")

    def test_an_unknown_input_set(self):
        self.says("no input set 'medium'; choose of: test, simdev, simsmall, simmedium, simlarge, native", "medium")

    def test_an_unknown_program(self):
        self.says("there is no workload 'raytracer'; choose of: parsec3/blackscholes,", names=("raytracer",))

    def test_a_name_that_both_suites_have(self):
        self.says("'raytrace' may be parsec3/raytrace or splash2x/raytrace", names=("raytrace",))

    def test_no_package(self):
        self.says("no pkgs/apps/raytrace or pkgs/kernels/raytrace: unpack parsec-3.0-core.tar.gz")

    def test_a_program_that_is_not_built(self):
        self.tree.source(RAYTRACE, "rtview")
        self.says(f"not built: {self.tree.root}/bin/parsecmgmt -a build -p parsec.raytrace")
        self.tree.source(FFT, "run.sh")
        self.says("-a build -p splash2x.fft", names=("fft",))

    def test_an_input_that_was_not_downloaded(self):
        self.tree.complete(RAYTRACE, "rtview")
        self.says("no input 'native': unpack parsec-3.0-input-native.tar.gz", "native")

    def test_an_input_set_that_the_program_does_not_know(self):
        self.tree.complete(RAYTRACE, "rtview")
        self.says("simlarge.runconf is not there", "simlarge")

    def test_a_program_whose_work_follows_from_its_arguments_needs_no_archive(self):
        self.tree.source(FFT, "run.sh")
        self.tree.build(FFT, "run.sh", "exit 0")
        self.assertEqual([each.name for each in workloads(self.tree.root, "native", ["fft"])], ["splash2x/fft"])

    def test_a_part_of_the_suite_is_not_taken_for_all_of_it(self):
        self.tree.complete(RAYTRACE, "rtview")
        self.tree.complete(FFT, "run.sh")
        text = self.says("of 25 PARSEC programs, 23 cannot be run", names=())
        self.assertIn("--workloads parsec3/raytrace,splash2x/fft", text)


class Command(unittest.TestCase):
    def setUp(self):
        self.tree = FakeParsecTree()
        self.addCleanup(self.tree.__exit__)

    def one(self, name, **more):
        found, = workloads(self.tree.root, "test", [name], **more)
        return found

    def test_it_is_parsecmgmt_with_the_build_that_is_there(self):
        self.tree.complete(FFT, "run.sh", installation="amd64-linux.gcc-serial.mine")
        found = self.one("splash2x.fft", threads=4)
        self.assertEqual(found.command, (
            str(RUN), "{report}", "splash2x/fft", "test", f"{self.tree.root}/bin/parsecmgmt", "-a", "run", "-p",
            "splash2x.fft", "-c", "gcc-serial", "-i", "test", "-n", "4", "-x", "mine"))
        self.assertEqual(found.environment, {"PARSECDIR": str(self.tree.root), "PARSECPLAT": "amd64-linux"})
        self.assertEqual(found.process, "fft")

    def test_a_build_with_hooks_is_preferred_and_finds_its_library(self):
        self.tree.complete(RAYTRACE, "rtview")
        self.tree.build(RAYTRACE, "rtview", "exit 0", "amd64-linux.gcc-hooks")
        library = self.tree.root / "pkgs/libs/hooks/inst/amd64-linux.gcc-hooks/lib"
        library.mkdir(parents=True)
        found = self.one("parsec.raytrace")
        self.assertIn("gcc-hooks", found.command)
        self.assertEqual(found.environment["LD_LIBRARY_PATH"], str(library))
        self.assertEqual(found.process, "rtview")

    def test_another_machine_gets_only_what_this_program_needs(self):
        self.tree.complete(RAYTRACE, "rtview")
        self.tree.bring_input(RAYTRACE, "native")
        self.tree.complete(FFT, "run.sh")
        brought = [each.partition(":")[0] for each in self.one("parsec3/raytrace").files]
        for each in (RUN, f"{self.tree.root}/bin", f"{self.tree.root}/{RAYTRACE}/inputs/input_test.tar",
                     f"{self.tree.root}/{RAYTRACE}/inst/amd64-linux.gcc/bin/rtview", f"{self.tree.root}/.parsec_uniquefile"):
            self.assertIn(str(each), brought)
        self.assertFalse([each for each in brought if "native" in each or "fft" in each])


class Runs(unittest.TestCase):
    """Through the agent's own code, with real processes; nothing of this machine is set."""

    def setUp(self):
        self.tree = FakeParsecTree()
        self.addCleanup(self.tree.__exit__)
        folder = tempfile.TemporaryDirectory(prefix="damon-schemes-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def measure(self, name, size="test"):
        """One run with an engine that notes the name of the process it was given."""
        found, = workloads(self.tree.root, size, [name])
        engine = program(self.folder / "engine", f"""
while [ $# -gt 0 ]; do
    case $1 in
    --pid) pid=$2 ;;
    --output) : > "$2" ;;
    esac
    shift
done
cat /proc/$pid/comm > {self.folder}/found
: > {self.folder}/attached
while kill -0 $pid 2> /dev/null; do sleep 0.02; done
echo '{{}}'""")
        run = Run(workload=found.name, size=size, command=list(found.command), configuration="rec", repetition=1,
                  limit_s=120, environment=dict(found.environment), folder=found.folder, reports=found.reports,
                  process=found.process, engine="record", monitor="module")
        job = Job(place="host", engine=str(engine), swap=None, drop_caches=False, runs=[run])
        return Measurement(Machine(), job, run).measure()

    def attached(self):
        """A script that goes on until the engine came, and no longer than a test may take."""
        return f"i=0; until [ -e {self.folder}/attached ] || [ $i -gt 3000 ]; do i=$((i + 1)); sleep 0.02; done"

    def test_the_program_is_found_under_the_name_that_it_runs_as(self):
        self.tree.complete(RAYTRACE, "rtview", f'{self.attached()}\n[ "$(cat data)" = input ] || exit 4\n'
                           'echo "[HOOKS] Total time spent in ROI: 12.345s"', arguments="data -nthreads ${threads}")
        record = self.measure("parsec3/raytrace")
        self.assertIsNone(record.error)
        self.assertEqual((self.folder / "found").read_text(encoding="utf-8").strip(), "rtview")
        self.assertEqual(record.region_of_interest_s, 12.345)
        self.assertEqual(record.own_report["exit_status"], 0)
        self.assertLessEqual(0, record.own_report["elapsed_s"])
        self.assertLessEqual(record.own_report["elapsed_s"], record.runtime_s)

    def test_a_splash_program_is_found_below_the_script_that_starts_it(self):
        self.tree.source(FFT, "run.sh", "1 test")
        path = self.tree.build(FFT, "fft", self.attached())
        program(path.parent / "run.sh", f"{path} -m24 -p1")
        record = self.measure("splash2x/fft")
        self.assertIsNone(record.error)
        self.assertEqual((self.folder / "found").read_text(encoding="utf-8").strip(), "fft")
        self.assertIsNone(record.region_of_interest_s)

    def test_a_program_that_fails_is_an_error_though_parsecmgmt_ends_well(self):
        self.tree.complete(RAYTRACE, "rtview", f"{self.attached()}\nexit 3")
        record = self.measure("parsec3/raytrace")
        self.assertIn("ended with 3", record.error)

    def test_a_program_that_does_not_start_is_an_error(self):
        self.tree.complete(RAYTRACE, "rtview")
        (self.tree.root / RAYTRACE / "parsec/test.runconf").write_text("run_exec=bin/none\n", encoding="utf-8")
        self.assertIn("no program of it came to an end", self.measure("parsec3/raytrace").error)

    def test_the_report_is_json(self):
        self.tree.complete(RAYTRACE, "rtview", "exit 0")
        report = self.folder / "report.json"
        found, = workloads(self.tree.root, "test", ["parsec3/raytrace"])
        command = [word.replace("{report}", str(report)) for word in found.command]
        done = subprocess.run(command, env={**os.environ, **found.environment}, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(report.read_text(encoding="utf-8"))["program"], "parsec3/raytrace")
        self.assertEqual([each.name for each in self.folder.iterdir()], ["report.json"])


class RegionOfInterest(unittest.TestCase):
    def test_it_is_what_the_hooks_say(self):
        self.assertEqual(region_of_interest("x\n[HOOKS] Total time spent in ROI: 0.070s\n[HOOKS] Terminating\n"), 0.07)

    def test_there_is_none_without_hooks(self):
        self.assertIsNone(region_of_interest("Total time spent in ROI: 0.070s\nreal\t0m0.016s\n"))


if __name__ == "__main__":
    unittest.main()
