# SPDX-License-Identifier: MIT
"""Where what is tested lies; importing this makes the package 'evaluation' known."""

import sys
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
PARSEC = TREE / "benchmarks/parsec"
sys.path.insert(0, str(PARSEC))
