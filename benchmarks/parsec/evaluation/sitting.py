# SPDX-License-Identifier: MIT
"""One sitting: does what is still to be done of a plan, and keeps each run as it ends."""

import time
from collections import Counter

from .configurations import CONFIGURATIONS
from .job import Job, Run
from .places import PlaceError
from .plan import ATTEMPTS, Turn, remaining
from .run_record import record_of

RECORDING = "recording"  # stands for a configuration where a run is done for its recording alone
SLOWER = 10  # than a workload says that it runs
LEAST_LIMIT_S = 120


def todo(planned, records, wants_recording):
    """The turns to do, WANTS_RECORDING naming the workloads whose recording is missing and asked for."""
    left = remaining(planned, {record.key for record in records if record.counts})
    wants = set(wants_recording)
    for turn in left:
        if turn.repetition == 1 and "rec" in turn.configurations:
            wants.discard(turn.workload)  # comes with that run
    found = []
    for turn in left:
        if turn.workload in wants:
            wants.discard(turn.workload)
            turn = Turn(turn.repetition, turn.workload, (*turn.configurations, RECORDING))
        found.append(turn)
    return found + [Turn(1, name, (RECORDING,)) for name in wants_recording if name in wants]


class Sitting:
    """Runs turns at a place into a results folder."""

    def __init__(self, place, folder, progress, workloads, options):
        self.place, self.folder, self.progress, self.options = place, folder, progress, options
        self.workloads = {each.name: each for each in workloads}
        self.attempts = Counter()
        self.failed = []  # (key, error) of what was given up
        self.problems = []  # what a machine said beside its runs
        self.errors = {}

    def perform(self, turns):
        """All turns; what failed is tried once more, at once."""
        for turn in turns:
            again = self._turn(turn)
            if again.configurations:
                for key in self._turn(again).keys():
                    self._give_up(key)

    def _give_up(self, key):
        self.failed.append((key, self.errors.get(key, "it was not reached")))

    def _turn(self, turn):
        """One boot; returns the turn with what is to be tried again."""
        workload = self.workloads[turn.workload]
        job = Job(place=self.place.name, engine=self.place.engine, swap=self.options.swap,
                  drop_caches=self.options.drop_caches, short_page_lists=self.place.name == "vm",
                  runs=[self._run(turn, name, workload) for name in turn.configurations])
        missing = dict.fromkeys(turn.configurations)
        begun = []
        since = time.monotonic()

        def on_event(event):
            nonlocal since
            if event["event"] == "begun":
                since = time.monotonic()
                begun.append(event["configuration"])
                self.progress.begin((turn.workload, event["configuration"], turn.repetition))
            elif event["event"] == "recording":
                self.folder.keep_recording(turn.workload, event["data"])
            elif event["event"] == "run":
                record = record_of(event["record"])
                name = RECORDING if event["for_recording_alone"] else record.configuration
                if self._end(turn, name, record, time.monotonic() - since):
                    del missing[name]

        self.progress.begin_turn()
        log = self.folder.log(f"{turn.workload.replace('/', '-')}-{turn.repetition}.log")
        problem = self.place.perform(job, workload, log, on_event)
        self.progress.end_turn()
        if problem:
            self._problem(turn, problem, begun, missing)
        return Turn(turn.repetition, turn.workload, tuple(missing))

    def _end(self, turn, name, record, seconds):
        """Keeps a run; whether it counts."""
        key = (turn.workload, name, turn.repetition)
        self.attempts[key] += 1
        if name != RECORDING:
            self.folder.add(record)
        if not record.counts:
            self.errors[key] = record.error
        self.progress.end(key, seconds, record.error, again=not record.counts and self.attempts[key] < ATTEMPTS)
        if record.counts and record.remark:
            self.progress.say(f"          {record.remark}")
        return record.counts

    def _problem(self, turn, problem, begun, missing):
        """What the machine ended with beside its runs."""
        self.progress.say(f"          {problem}")
        self.problems.append(problem)
        if not begun and self.attempts[turn] > 0:
            raise PlaceError(f"{problem}\nNo run began, twice; see {self.folder.path}/logs")
        self.attempts[turn] += 1
        for name in missing:
            self.errors.setdefault((turn.workload, name, turn.repetition), problem)

    def _run(self, turn, name, workload):
        """One run as the agent wants it."""
        configuration = CONFIGURATIONS["rec" if name == RECORDING else name]
        options = self.options
        settings = []
        if configuration.policy:
            settings = [*configuration.settings(options.emulated), *options.settings_of(name)]
        monitor = "none"
        if configuration.engine:
            monitor = "mainline" if configuration.physical else options.monitor
        keep = name == RECORDING or (name == "rec" and turn.repetition == 1
                                     and not self.folder.recording(turn.workload).exists())
        return Run(
            workload=turn.workload, size=options.size, command=list(workload.command),
            configuration=configuration.name, repetition=turn.repetition,
            limit_s=LEAST_LIMIT_S + SLOWER * workload.seconds, environment=dict(workload.environment),
            folder=workload.folder, reports=workload.reports, process=workload.process, thp=configuration.thp,
            engine=configuration.engine, policy=configuration.policy,
            policy_file=configuration.policy and self.place.policy_file(configuration.policy),
            physical=configuration.physical, settings=settings, monitor=monitor,
            # Here the module is not ours to load or unload.
            load_module=monitor == "module" if self.place.name == "vm" and configuration.engine else None,
            keep_recording=keep, for_recording_alone=name == RECORDING)
