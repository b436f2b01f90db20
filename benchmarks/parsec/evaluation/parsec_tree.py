# SPDX-License-Identifier: MIT
"""A PARSEC 3.0 tree that the user downloaded and built under its licences, run by its own parsecmgmt.

The conventions are those of parsecmgmt(1) and env.sh: a program's package lies in pkgs/GROUP/NAME or
ext/splash2x/GROUP/NAME; inst/PLATFORM.CONFIG is where it was built to, inputs/input_SET.tar is what it works on, and
parsec/SET.runconf says how it is run on it.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .workload import Workload, WorkloadError, named

RUN = Path(__file__).resolve().parents[1] / "parsec-run"
# About how long a program runs on its input at most; the native ones took 12 to 324 s where the figures were published.
SECONDS = {"test": 5, "simdev": 5, "simsmall": 10, "simmedium": 20, "simlarge": 60, "native": 330}
# The download that has an input set.
DOWNLOADS = {"test": "core", "simdev": "core", "simsmall": "input-sim", "simmedium": "input-sim", "simlarge": "input-sim",
             "native": "input-native"}
# What parsecmgmt, a script, calls.
PACKAGES = ("bash", "coreutils", "tar", "grep", "gawk")
REGION_OF_INTEREST = re.compile(r"\[HOOKS\] Total time spent in ROI: *([0-9]+(?:\.[0-9]+)?)s")


@dataclass(frozen=True)
class Program:
    """One of the programs, as parsecmgmt knows it."""

    suite: str  # parsec3 or splash2x
    name: str
    process: str
    needs_input: bool  # else what it works on follows from its arguments

    @property
    def workload(self):
        return f"{self.suite}/{self.name}"

    @property
    def package(self):
        return f"{'parsec' if self.suite == 'parsec3' else self.suite}.{self.name}"

    @property
    def folders(self):
        """Where it may be in a tree."""
        above = "pkgs" if self.suite == "parsec3" else "ext/splash2x"
        return [f"{above}/{group}/{self.name}" for group in ("apps", "kernels")]


def _programs():
    parsec = "blackscholes bodytrack canneal dedup facesim ferret fluidanimate freqmine raytrace streamcluster " \
        "swaptions vips x264"
    splash = "barnes fft lu_cb lu_ncb ocean_cp ocean_ncp radiosity radix raytrace volrend water_nsquared water_spatial"
    processes = {"parsec3/raytrace": "rtview"}
    without_input = "streamcluster swaptions fft lu_cb lu_ncb ocean_cp ocean_ncp radiosity radix".split()
    return {f"{suite}/{name}": Program(suite, name, processes.get(f"{suite}/{name}", name), name not in without_input)
            for suite, names in (("parsec3", parsec), ("splash2x", splash)) for name in names.split()}


PROGRAMS = _programs()


@dataclass(frozen=True)
class Installation:
    """One build of a program: PLATFORM.CONFIG, or PLATFORM.CONFIG.EXTENSION."""

    folder: Path

    @property
    def parts(self):
        return (*self.folder.name.split(".", 2), "")[:3]

    @property
    def has_hooks(self):
        return "hooks" in self.parts[1]


class ParsecTree:
    """What is there of it."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.manager = self.folder / "bin/parsecmgmt"
        if not self.folder.is_dir():
            raise WorkloadError(f"{folder}: there is no such folder; --parsec takes a PARSEC 3.0 tree, which you download "
                                "from parsec.cs.princeton.edu and build under its licences")
        if not os.access(self.manager, os.X_OK):
            raise WorkloadError(f"{folder} is no PARSEC 3.0 tree: it has no bin/parsecmgmt that can be run; give the folder "
                                "that parsec-3.0-core.tar.gz unpacks to")

    def package(self, program):
        """The folder of a program; None where the tree has none."""
        return next((self.folder / each for each in program.folders if (self.folder / each).is_dir()), None)

    def installation(self, program):
        """The build that is run: one with hooks, which tell the time of the region of interest, before plain gcc."""
        package = self.package(program)
        found = [Installation(each.parent) for each in package.glob("inst/*/bin") if any(
            os.access(path, os.X_OK) for path in each.iterdir())] if package else []
        return min(found, key=lambda each: (not each.has_hooks, each.parts[1] != "gcc", each.folder.name), default=None)

    def problem(self, program, size):
        """Why a program cannot be run on an input set, and what to do; None where it can."""
        package = self.package(program)
        if package is None:
            return f"the tree has no {' or '.join(program.folders)}: unpack parsec-3.0-core.tar.gz over it"
        if self.installation(program) is None:
            return f"not built: {self.manager} -a build -p {program.package} -c gcc-hooks"
        if not (package / f"parsec/{size}.runconf").is_file():
            return f"the tree does not say how to run it on '{size}': {package}/parsec/{size}.runconf is not there"
        if program.needs_input and not (package / f"inputs/input_{size}.tar").is_file():
            return f"no input '{size}': unpack parsec-3.0-{DOWNLOADS[size]}.tar.gz over the tree"
        return None

    def workload(self, program, size, threads):
        """A program that can be run."""
        installation = self.installation(program)
        platform, config, extension = installation.parts
        command = [str(RUN), "{report}", program.workload, size, str(self.manager), "-a", "run", "-p", program.package,
                   "-c", config, "-i", size, "-n", str(threads)]
        if extension:
            command += ["-x", extension]
        environment = {"PARSECDIR": str(self.folder), "PARSECPLAT": platform}
        hooks = self.folder / "pkgs/libs/hooks/inst" / installation.folder.name / "lib"
        if hooks.is_dir():
            environment["LD_LIBRARY_PATH"] = str(hooks)
        return Workload(
            name=program.workload, command=tuple(command), environment=environment, folder=str(self.folder), reports=True,
            process=program.process, packages=PACKAGES, files=self.files(program, size), seconds=SECONDS[size])

    def files(self, program, size):
        """What a machine needs to run it: a tiny part of the tree, at the same place."""
        package, installation = self.package(program), self.installation(program)
        hooks = self.folder / "pkgs/libs/hooks/inst" / installation.folder.name
        # Programs also by themselves, so that a change of one is noticed.
        wanted = [RUN, *sorted(path for path in (installation.folder / "bin").iterdir() if path.is_file()),
                  package / f"inputs/input_{size}.tar", package / "parsec", installation.folder, hooks,
                  self.folder / "bin", self.folder / "config", self.folder / "version", self.folder / ".parsec_uniquefile"]
        return tuple(f"{path}:{path}" for path in wanted if path.exists())


def workloads(folder, size, names=(), threads=1):
    """The programs with those NAMES of the tree in FOLDER, on the input set SIZE; all 25 where there are no NAMES."""
    if size not in SECONDS:
        raise WorkloadError(f"PARSEC has no input set '{size}'; choose of: {', '.join(SECONDS)}")
    tree = ParsecTree(folder)
    # As parsecmgmt names them, too.
    spelt = [re.sub(r"^parsec[./]", "parsec3/", name).replace("splash2x.", "splash2x/") for name in names]
    wanted = [PROGRAMS[name] for name in named(spelt, PROGRAMS)]
    problems = {each.workload: problem for each in wanted if (problem := tree.problem(each, size))}
    if problems:
        text = "\n".join(f"  {name}: {problem}" for name, problem in problems.items())
        rest = ",".join(each.workload for each in wanted if each.workload not in problems)
        raise WorkloadError(f"of {len(wanted)} PARSEC programs, {len(problems)} cannot be run:\n{text}"
                            + (f"\nThe others can: --workloads {rest}" if rest else ""))
    return [tree.workload(each, size, threads) for each in wanted]


def region_of_interest(output):
    """The seconds that PARSEC's hooks tell in a program's OUTPUT; None where they are not built in."""
    match = REGION_OF_INTEREST.search(output)
    return float(match[1]) if match else None
