# SPDX-License-Identifier: MIT
"""What `damon-schemes report` draws of a workload's recording."""

import json
import subprocess
from dataclasses import dataclass, field

SECONDS = 600
AREAS = ("heap", "mmap", "stack")


@dataclass
class RecordingPictures:
    """Pictures and figures of one recording; `missing` says in words what could not be made."""

    heat_map: str | None = None
    working_set: str | None = None
    sizes: list = field(default_factory=list)  # bytes, each aggregation interval
    areas: list = field(default_factory=list)  # of AREAS, those that it has
    missing: list = field(default_factory=list)


def find_program(build):
    """The damon-schemes command that was built, or None."""
    program = build / "damon-schemes"
    return program if program.is_file() else None


def _report(program, recording, kind, form):
    """What it prints; raises OSError in words where it does not."""
    try:
        done = subprocess.run([program, "report", kind, recording, "--format", form], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"it took longer than {SECONDS} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(said[-1] if said else f"it ended with {done.returncode}")
    return done.stdout.decode(errors="replace")


def pictures(program, recording):
    """All of a recording; what cannot be made is missing, and no reason to stop."""
    made = RecordingPictures()
    if program is None:
        made.missing.append("pictures of the recording: build/damon-schemes is not there (./dev build makes it)")
        return made
    if not recording.is_file():
        made.missing.append("a recording: run once more with --recordings")
        return made
    for name, kind, what in (("heat_map", "heatmap", "the heat map"), ("working_set", "wss", "the working set")):
        try:
            setattr(made, name, _report(program, recording, kind, "svg"))
        except OSError as error:
            made.missing.append(f"{what}: {error}")
    try:
        course = [moment for target in json.loads(_report(program, recording, "wss", "json"))["targets"]
                  for moment in target["course"]]
        made.sizes = _sums(course)
    except (OSError, ValueError, KeyError, TypeError) as error:
        made.missing.append(f"the working set's figures: {error}")
    if made.heat_map:
        made.areas = [area for area in AREAS if f"{area}, " in made.heat_map]
    return made


def _sums(course):
    """The working set at each moment: that of all processes together."""
    sizes = {}
    for begin, _, size in course:
        sizes[begin] = sizes.get(begin, 0) + size
    return list(sizes.values())
