# SPDX-License-Identifier: MIT
"""What is shown by tests: run, and counted."""

import re

from .result import NotMeasured


def by_tests(laboratory, result, what, pattern, targets, log):
    """All tests whose names fit, of which none may fail or be skipped."""
    laboratory.build(*targets)
    status, said, _ = laboratory.run(
        ["ctest", "--test-dir", laboratory.build_folder, "-R", pattern], log, check=False, timeout=1800)
    match = re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", said)
    if not match or int(match[3]) == 0:
        raise NotMeasured(f"no test fits '{pattern}'; see build/proof/{log}")
    failed, total = int(match[2]), int(match[3])
    skipped = len(re.findall(r"\*\*\*Skipped", said))
    result.add(what, f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped",
               "0 failed, 0 skipped", status == 0 and failed == 0 and skipped == 0, "native",
               f"ctest --test-dir build -R '{pattern}'")


def formats(laboratory, _options, result):
    """Round trips, a second reader, files cut and changed everywhere."""
    by_tests(laboratory, result, "round trips, records made by hand, a second reader, damaged files",
             "^(DamonRecording|OwnRecording|Recording(Corpus|File|Memory)|Recorder|SecondReader)", ("engine_tests", "recordings_memory_tests", "fuzz_replay_test"),
             "r1-formats.log")


def pictures(laboratory, _options, result):
    """The page in a browser, and the SVG against the data."""
    by_tests(laboratory, result, "the page in headless Chromium; SVG against the data",
             "^(HeatmapPage|SvgHeatmap|HtmlHeatmap)", ("engine_tests", "heatmap_page_sample"), "r3-pictures.log")


def decisions(laboratory, _options, result):
    """By one test that compares each decision."""
    by_tests(laboratory, result, "a simulation decides as a live dry run on the same snapshots",
             "SimulatorTest.decides_as_a_live_dry_run", ("engine_tests",), "r5-decisions.log")
