# SPDX-License-Identifier: MIT
"""The built-in suite: the project's own programs, each of the class of a PARSEC or SPLASH-2x program."""

import os
from pathlib import Path

from .workload import Workload, WorkloadError

FOLDER = "benchmarks/parsec/suite"
NAMESAKES = {
    "itemsets": "freqmine", "blackscholes": "blackscholes", "dedup": "dedup", "annealing": "canneal",
    "kmedian": "streamcluster", "ocean": "ocean_ncp", "radiosity": "radiosity", "radix": "radix",
}
# About how long a program runs at each size where processors are emulated.
SECONDS = {"quick": 5, "small": 15, "medium": 75, "native": 600}


def names():
    """Every program's name as a workload."""
    return [f"suite/{name}" for name in NAMESAKES]


def workload(name, size, build_dir, seconds=None):
    """The program of that NAME, built in BUILD_DIR."""
    if size not in SECONDS:
        raise WorkloadError(f"the suite has no size '{size}'; choose of: {', '.join(SECONDS)}")
    target = f"parsec_{name.partition('/')[2]}"
    program = Path(build_dir).resolve() / FOLDER / target
    if not os.access(program, os.X_OK):
        raise WorkloadError(f"{name} is not built: cmake --build {build_dir} --target {target}")
    command = [str(program), "--size", size, "--report", "{report}"]
    if seconds is not None:
        command += ["--seconds", f"{seconds:g}"]
    return Workload(name=name, command=tuple(command), reports=True, files=(f"{program}:{program}",),
                    seconds=max(seconds or 0, SECONDS[size]))
