# SPDX-License-Identifier: MIT
"""Real programs recorded in the guest, and their pictures in docs/gallery/."""

import shutil
import tempfile
from pathlib import Path

from .laboratory import TREE
from .result import NotMeasured, mib

PROGRAMS = ("phases", "redis", "node")
PICTURES = TREE / "docs/gallery"


def record(laboratory, folder):
    """{program: its recording}."""
    node = shutil.which("node")
    if not node:
        raise NotMeasured("node is not installed: apt-get install nodejs")
    laboratory.build("damon_schemes_cli", "phases")
    build = laboratory.build_folder
    line = [TREE / "lab/run", "--kernel", "6.1", "--module", "--tty", "no", "--timeout", 600, "--memory", "1G",
            "--package", "redis-server", "--package", "redis-tools", "--file", f"{Path(node).resolve()}:/usr/bin/node",
            "--file", build / "damon-schemes", "--file", build / "benchmarks/gallery/phases",
            "--file", f"{TREE}/benchmarks/gallery/record-in-guest:/root/record-in-guest", "--out", folder,
            "--", "sh", "/root/record-in-guest"]
    laboratory.run(line, "r6-gallery.log", timeout=900)
    found = {name: folder / f"{name}.dsr" for name in PROGRAMS}
    if missing := [name for name, path in found.items() if not path.exists()]:
        raise NotMeasured(f"nothing was recorded of {missing[0]}; see build/proof/r6-gallery.log")
    return found


def picture(laboratory, command, name):
    """Writes what the command prints to docs/gallery/NAME."""
    status, said, _ = laboratory.run(command, f"r6-{name}", shown=f"… > docs/gallery/{name}")
    if status != 0 or "<svg" not in said:
        raise NotMeasured(f"no picture came of it; see build/proof/r6-{name}")
    (PICTURES / name).write_text(said, encoding="utf-8")


def gallery(laboratory, _options, result):
    """Records, draws, and counts what was seen."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    program = laboratory.build_folder / "damon-schemes"
    with tempfile.TemporaryDirectory(prefix="damon-schemes-gallery-") as folder:
        recordings = record(laboratory, Path(folder) / "out")
        for name, path in recordings.items():
            picture(laboratory, [program, "report", "heatmap", path, "--format", "svg"], f"{name}-heatmap.svg")
            _, said, _ = laboratory.run([program, "report", "summary", path], f"r6-{name}.txt", shown=f"report {name}.dsr")
            result.say(f"{name}, a recording of {mib(path.stat().st_size)}:", "", "```", said.strip(), "```", "")
        picture(laboratory, [program, "report", "wss", recordings["phases"], "--sortby", "time", "--format", "svg"],
                "phases-wss.svg")
        picture(laboratory, [program, "simulate", TREE / "policies/proactive-reclaim.toml", recordings["redis"],
                             "--set", "scheme.cold.age.min=5s", "--format", "svg"], "redis-simulated.svg")
    drawn = sorted(path.name for path in PICTURES.glob("*.svg"))
    result.add("programs recorded in the guest, and drawn", ", ".join(drawn), kernel=laboratory.release("6.1"),
               command="./dev prove recordings --only 6")
