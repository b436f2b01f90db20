# SPDX-License-Identifier: MIT
"""What one run said, and the file runs.jsonl that keeps it: one JSON object a line."""

import dataclasses
import json
import os
from dataclasses import dataclass, field

SCHEMA = 1


class BrokenRecord(Exception):
    """A line that is no record of ours; the text says which and why."""


@dataclass(frozen=True)
class RunRecord:
    """One run of a workload under a configuration. Sizes are KiB and times seconds unless the name says otherwise."""

    workload: str
    size: str
    configuration: str
    repetition: int
    place: str  # vm or host
    monitor: str  # module, mainline or none
    started: str  # UTC, ISO 8601
    kernel: str
    cpus: int
    memory_total_kib: int
    runtime_s: float | None = None
    region_of_interest_s: float | None = None
    exit_status: int | None = None
    error: str | None = None  # a run with an error does not count
    samples: list = field(default_factory=list)  # once a second
    minor_faults: int | None = None  # of the workload's process and its children
    major_faults: int | None = None
    vmstat: dict = field(default_factory=dict)  # differences over the run
    engine_cpu_s: float | None = None
    helpers_cpu_s: float | None = None  # what it started: the canary, remote calls
    engine_rss_kib: int | None = None  # the most that it had
    monitor_cpu_s: float | None = None
    summary: dict | None = None  # what damon-schemes said
    own_report: dict | None = None  # what the program itself said
    conditions: dict = field(default_factory=dict)
    policy: str | None = None
    settings: list = field(default_factory=list)  # KEY=VALUE over the policy's
    command: list = field(default_factory=list)
    schema: int = SCHEMA

    @property
    def counts(self):
        """Whether it may be taken into the figures."""
        return self.error is None

    @property
    def remark(self):
        """What one should know of a run that counts, or None."""
        observed = (self.summary or {}).get("observed_only")
        return f"damon-schemes acted on nothing: {observed}" if observed else None

    @property
    def key(self):
        """What it is a run of."""
        return (self.workload, self.configuration, self.repetition)

    def line(self):
        """As one line of runs.jsonl."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"), ensure_ascii=False) + "\n"


NAMES = tuple(each.name for each in dataclasses.fields(RunRecord))
REQUIRED = tuple(each.name for each in dataclasses.fields(RunRecord)
                 if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING)


def record_of(value):
    """The record in a parsed JSON object; keys that a later version adds are left out."""
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise BrokenRecord(f"it has no \"schema\":{SCHEMA}; it was made by another version")
    missing = [name for name in REQUIRED if name not in value]
    if missing:
        raise BrokenRecord(f"it lacks {', '.join(missing)}")
    return RunRecord(**{name: value[name] for name in NAMES if name in value})


def read_runs(path):
    """All records of a runs.jsonl, in the order they were made; none where there is no file.

    A last line without its end was cut when the machine stopped, and is left out.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
    except FileNotFoundError:
        return []
    records = []
    for number, line in enumerate(lines, 1):
        if number == len(lines) and not line.endswith("\n"):
            break
        try:
            records.append(record_of(json.loads(line)))
        except (ValueError, BrokenRecord) as error:
            raise BrokenRecord(f"{path}, line {number}: {error}; mend or remove that line") from error
    return records


def append_run(path, record):
    """Adds a record, and returns when it is on the disk."""
    with open(path, "a+b") as file:
        # What was cut must not become one line with this.
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(0)
            whole = file.read()
            if not whole.endswith(b"\n"):
                file.truncate(whole.rfind(b"\n") + 1)
        file.write(record.line().encode())
        file.flush()
        os.fsync(file.fileno())
