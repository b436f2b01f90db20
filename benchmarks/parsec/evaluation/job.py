# SPDX-License-Identifier: MIT
"""What the agent is given to do: runs on one machine, after each other. It is handed over as JSON."""

import dataclasses
import json
from dataclasses import dataclass, field

SCHEMA = 1


@dataclass(frozen=True)
class Run:
    """One run, with all that it needs; paths are those of the machine that is measured."""

    workload: str
    size: str
    command: list
    configuration: str
    repetition: int
    limit_s: float
    environment: dict = field(default_factory=dict)
    folder: str | None = None
    reports: bool = False
    process: str | None = None
    thp: str | None = None
    engine: str | None = None
    policy: str | None = None
    policy_file: str | None = None
    physical: bool = False
    settings: list = field(default_factory=list)
    monitor: str = "none"
    load_module: bool | None = None
    keep_recording: bool = False
    for_recording_alone: bool = False


@dataclass(frozen=True)
class Job:
    """Runs, and what they have in common."""

    place: str
    engine: str | None
    swap: str | None
    drop_caches: bool
    runs: list
    short_page_lists: bool = False
    schema: int = SCHEMA

    def text(self):
        return json.dumps(dataclasses.asdict(self), indent=1)


def read_job(text):
    """The job in a JSON text."""
    value = json.loads(text)
    if value.get("schema") != SCHEMA:
        raise ValueError(f"a job of another version: {value.get('schema')!r}, and not {SCHEMA}")
    value["runs"] = [Run(**each) for each in value["runs"]]
    return Job(**value)
