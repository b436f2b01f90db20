# SPDX-License-Identifier: MIT
"""A sitting from its plan to its folder: at a place that answers as told, and with the agent itself."""

import io
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import location  # noqa: F401
from evaluation.configurations import CONFIGURATIONS
from evaluation.places import Host, PlaceError
from evaluation.plan import turns
from evaluation.progress import Progress
from evaluation.results_folder import ResultsFolder
from evaluation.sitting import RECORDING, Sitting, todo
from evaluation.workload import Workload
from fake_machine import FakeMachine, program
from test_run_record import record


class Answers:
    """A place whose runs come out as ANSWERS say: a text is an error, None is well, and 'ends' ends the machine."""

    name, engine, summary = "vm", "damon-schemes", None

    def __init__(self, answers=()):
        self.answers = list(answers)
        self.jobs = []

    @staticmethod
    def policy_file(policy):
        return f"/there/{policy}"

    def perform(self, job, _workload, _log, on_event):
        self.jobs.append(job)
        if self.answers[:1] == ["no boot"]:
            self.answers.pop(0)
            return "it did not boot"
        for run in job.runs:
            on_event({"event": "begun", "configuration": run.configuration})
            answer = self.answers.pop(0) if self.answers else None
            if answer == "ends":
                return "the machine ended"
            made = record(workload=run.workload, configuration=run.configuration, repetition=run.repetition,
                          runtime_s=1.0, error=answer, summary=self.summary)
            if run.keep_recording and answer is None:
                on_event({"event": "recording", "data": "AAAA"})
            on_event({"event": "run", "record": vars(made), "for_recording_alone": run.for_recording_alone})
        return None


def workload(name="a", command=("true",)):
    return Workload(name=name, command=tuple(command), seconds=1)


class Sittings(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = ResultsFolder(Path(folder.name) / "results")
        self.folder.path.mkdir()
        self.options = SimpleNamespace(size="quick", monitor="module", swap=None, drop_caches=False, emulated=True,
                                       settings_of=lambda name: ())

    def sit(self, place, configurations=("orig", "thp"), repeat=1, recordings=(), workloads=(workload(),)):
        plan = todo(turns([each.name for each in workloads], list(configurations), repeat), self.folder.runs(), recordings)
        self.out = io.StringIO()
        progress = Progress([key for turn in plan for key in turn.keys()], {}, self.out)
        sitting = Sitting(place, self.folder, progress, workloads, self.options)
        sitting.perform(plan)
        return sitting

    def kept(self):
        return [(each.configuration, each.repetition, each.error) for each in self.folder.runs()]

    def test_every_run_is_kept(self):
        sitting = self.sit(Answers(), repeat=2)
        self.assertEqual(self.kept(), [("orig", 1, None), ("thp", 1, None), ("thp", 2, None), ("orig", 2, None)])
        self.assertEqual((sitting.failed, sitting.problems), ([], []))

    def test_what_is_there_is_not_repeated(self):
        self.sit(Answers())
        place = Answers()
        self.sit(place)
        self.assertEqual(place.jobs, [])

    def test_a_run_with_an_error_is_tried_once_more(self):
        place = Answers(["it broke"])
        sitting = self.sit(place)
        self.assertEqual(self.kept(), [("orig", 1, "it broke"), ("thp", 1, None), ("orig", 1, None)])
        self.assertEqual(sitting.failed, [])
        self.assertEqual([[run.configuration for run in job.runs] for job in place.jobs], [["orig", "thp"], ["orig"]])

    def test_a_run_that_fails_twice_is_told_and_the_others_go_on(self):
        sitting = self.sit(Answers(["it broke", None, "it broke again"]), repeat=2)
        self.assertEqual(sitting.failed, [(("a", "orig", 1), "it broke again")])
        self.assertEqual(self.kept()[3:], [("thp", 2, None), ("orig", 2, None)])

    def test_a_machine_that_ends_loses_no_run_that_was_done(self):
        place = Answers([None, "ends"])
        sitting = self.sit(place)
        self.assertEqual(self.kept(), [("orig", 1, None), ("thp", 1, None)])
        self.assertEqual([[run.configuration for run in job.runs] for job in place.jobs], [["orig", "thp"], ["thp"]])
        self.assertEqual(sitting.problems, ["the machine ended"])

    def test_a_machine_that_does_not_boot_twice_ends_the_sitting(self):
        with self.assertRaisesRegex(PlaceError, "it did not boot\nNo run began, twice"):
            self.sit(Answers(["no boot", "no boot"]), repeat=5)
        self.sit(Answers(["no boot"]))
        self.assertEqual(len(self.kept()), 2)

    def test_rec_brings_the_recording_in_its_first_repetition(self):
        place = Answers()
        self.sit(place, ("orig", "rec"), repeat=2)
        self.assertEqual(self.folder.recording("a").read_bytes(), b"\0\0\0")
        self.assertEqual([run.keep_recording for job in place.jobs for run in job.runs], [False, True, False, False])

    def test_a_run_for_its_recording_alone_is_no_run_of_the_figures(self):
        self.sit(Answers(), ("orig",), recordings=["a"])
        self.assertTrue(self.folder.recording("a").exists())
        self.assertEqual(self.kept(), [("orig", 1, None)])
        self.assertIn(RECORDING, self.out.getvalue())

    def test_a_run_is_given_what_its_configuration_says(self):
        self.options.settings_of = {"efficient-thp": ["scheme.demote.age.min=20s"], "thp": []}.get
        place = Answers()
        self.sit(place, ("thp", "efficient-thp"))
        thp, ours = place.jobs[0].runs
        self.assertEqual((thp.thp, thp.engine, thp.monitor, thp.load_module), ("always", None, "none", None))
        self.assertEqual((ours.thp, ours.engine, ours.monitor, ours.load_module), ("madvise", "apply", "module", True))
        self.assertEqual(ours.policy_file, "/there/policies/efficient-thp.toml")
        # What is asked for comes last, and so wins over what emulation needs.
        self.assertEqual(ours.settings, [*CONFIGURATIONS["efficient-thp"].settings(True), "scheme.demote.age.min=20s"])

    def test_a_run_in_which_nothing_was_acted_on_is_told(self):
        place = Answers()
        place.summary = {"observed_only": "it ended before the monitor was seen to see"}
        self.sit(place, ("prcl",))
        self.assertIn("acted on nothing: it ended before", " ".join(self.out.getvalue().split()))
        self.assertEqual(self.kept(), [("prcl", 1, None)])

    def test_physical_memory_is_watched_by_the_kernel_s_own_without_our_module(self):
        place = Answers()
        self.sit(place, ("prec",))
        run = place.jobs[0].runs[0]
        self.assertEqual((run.monitor, run.load_module, run.physical), ("mainline", False, True))

    def test_the_agent_itself_does_the_runs_of_a_machine(self):
        with FakeMachine() as fake:
            script = program(fake.root / "workload.sh", f"cat {fake.root}/sys/kernel/mm/transparent_hugepage/enabled >> "
                                                        f"{fake.root}/seen; sleep 0.05")
            sitting = self.sit(Host(fake.root, root=fake.root), workloads=(workload(command=(str(script),)),))
            self.assertEqual((sitting.failed, sitting.problems), ([], []))
            self.assertEqual([each.place for each in self.folder.runs()], ["host", "host"])
            self.assertGreaterEqual(self.folder.runs()[0].runtime_s, 0.05)
            self.assertIn("always\n", fake.text("/seen"))
            self.assertEqual(fake.text("/sys/kernel/mm/transparent_hugepage/enabled").splitlines()[0], "madvise")


class OnThisMachine(unittest.TestCase):
    def setUp(self):
        self.fake = FakeMachine()
        self.addCleanup(self.fake.__exit__)
        self.host = Host(self.fake.root, root=self.fake.root)

    def allow(self, names, swap=None, drop_caches=False, agreed=False):
        self.host.allow([CONFIGURATIONS[name] for name in names], swap, drop_caches, agreed)

    def test_what_would_change_is_named_and_refused_without_a_yes(self):
        with self.assertRaises(PlaceError) as caught:
            self.allow(["orig", "thp"], "512M", True)
        for text in ("madvise becomes always", "a zram of 512M is added", "page cache", "--yes", "--in-vm"):
            self.assertIn(text, str(caught.exception))

    def test_what_changes_nothing_needs_no_yes(self):
        self.allow(["orig"])


if __name__ == "__main__":
    unittest.main()
