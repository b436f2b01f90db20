#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of a results folder: what it says, and that missing parts are named and not stumbled over."""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from xml.etree import ElementTree

from location import PARSEC, TREE
import sample_results

from evaluation import oracle, report, verdicts
from evaluation.measures import MEMUSED, RSS, hot_coverage
from evaluation.reference_table import read_table
from evaluation.results import Results, read_results
from evaluation.run_record import append_run, read_runs
from evaluation.working_set import memory_limit

PUBLISHED = read_table(PARSEC / "published/damon-v12.tsv")
NOWHERE = pathlib.Path("/nonexistent")
FEW = ("suite/itemsets", "suite/ocean")


def record(configuration="orig", repetition=1, workload="suite/itemsets", **more):
    """A run of the sample."""
    made = sample_results.run(workload, configuration, repetition, sample_results.random.Random(repetition), 1.0)
    return dataclasses.replace(made, **more)


class Page(HTMLParser):
    """What a page refers to, and whether its elements are closed in order."""

    VOID = {"meta", "link", "img", "br", "path", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.references += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes what is not open")

    def handle_data(self, data):
        self.words.append(data.replace("\u00a0", " "))


class AWholeReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="damon-schemes-report-")
        cls.folder = pathlib.Path(cls.scratch.name)
        sample_results.write(cls.folder, workloads=FEW, repetitions=3, recordings=FEW[:1])
        report.write_report(read_results(cls.folder), PUBLISHED, TREE, NOWHERE)
        cls.html = (cls.folder / "report.html").read_text(encoding="utf-8")
        cls.markdown = (cls.folder / "report.md").read_text(encoding="utf-8")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_the_page_has_everything_within(self):
        page = Page(self.html)
        self.assertEqual(page.open, [])
        self.assertEqual([each for each in page.references if not each.startswith(("#", "data:"))], [])
        targets = {each[1:] for each in page.references if each.startswith("#")}
        self.assertEqual(targets - set(re.findall(r' id="([^"]+)"', self.html)), set())
        self.assertNotRegex(self.html, r"@import|url\(|<script")

    def test_markdown_refers_to_pictures_that_are_there_and_are_well_formed(self):
        found = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", self.markdown)
        self.assertGreaterEqual(len(found), 6)
        for each in found:
            ElementTree.fromstring((self.folder / each).read_text(encoding="utf-8"))

    def test_both_forms_say_the_same_figures(self):
        words = "".join(Page(self.html).words)
        for line in self.markdown.splitlines():
            if line.startswith("| ") and "---" not in line:
                for cell in re.split(r"<br>|(?<!\\)\|", line):
                    plain = cell.replace("*", "").replace("`", "").replace("\\|", "|").strip()
                    self.assertIn(plain.removeprefix("~ "), words)

    def test_the_table_is_of_medians_and_in_the_published_form(self):
        table = read_table(self.folder / "table.tsv")
        runs = sorted(each.runtime_s for each in read_runs(self.folder / "runs.jsonl")
                      if (each.workload, each.configuration) == ("suite/ocean", "thp"))
        self.assertEqual(table.value("runtime", "suite/ocean", "thp"), runs[1])
        self.assertEqual(table.configurations[0], "orig")
        self.assertEqual(table.workloads("memused.avg"), list(FEW))
        again = subprocess.run([PARSEC / "report", "--table", self.folder / "table.tsv"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        self.assertIn("suite/ocean", again)

    def test_published_figures_stand_beside_their_namesakes(self):
        self.assertRegex(self.markdown, r"\| itemsets<br>parsec3/freqmine \|.*-85\.85 %")
        self.assertRegex(self.markdown, r"\| ocean<br>splash2x/ocean_ncp \|.*\+81\.79 %")

    def test_emulation_is_said_and_changes_what_comes_first(self):
        self.assertIn("under emulation", self.markdown)
        self.assertLess(self.markdown.index("## Huge pages"), self.markdown.index("## Overheads beside"))
        results = Results(read_runs(self.folder / "runs.jsonl"), {"emulated": False}, self.folder)
        native = report.markdown(report.document_of(results, PUBLISHED, TREE, NOWHERE))
        self.assertNotIn("under emulation", native)
        self.assertLess(native.index("## Overheads beside"), native.index("## Huge pages"))

    def test_what_draws_recordings_is_missed_by_name(self):
        self.assertIn("suite/itemsets: pictures of the recording: build/damon-schemes is not there", self.markdown)

    def test_the_same_runs_give_the_same_report(self):
        report.write_report(read_results(self.folder), PUBLISHED, TREE, NOWHERE)
        self.assertEqual((self.folder / "report.md").read_text(encoding="utf-8"), self.markdown)


class WhatIsMissing(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="damon-schemes-report-")
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def report_of(self, *records):
        """The report as Markdown, by the command."""
        for each in records:
            append_run(self.folder / "runs.jsonl", each)
        done = subprocess.run([PARSEC / "report", self.folder, "--build", NOWHERE], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        Page((self.folder / "report.html").read_text(encoding="utf-8"))
        return (self.folder / "report.md").read_text(encoding="utf-8")

    def test_an_empty_folder_has_a_report_that_says_so(self):
        text = self.report_of()
        self.assertIn("no run that counts yet", text)
        self.assertIn("run.json", text)

    def test_a_record_of_nothing_but_its_name(self):
        bare = {"samples": [], "own_report": None, "summary": None, "vmstat": {}, "conditions": {}, "policy": None,
                "runtime_s": None, "minor_faults": None, "major_faults": None, "engine_cpu_s": None,
                "monitor_cpu_s": None, "engine_rss_kib": None}
        text = self.report_of(record(**bare), record("prcl", **bare), record("reclaim", **bare), record("thp", **bare))
        self.assertIn("`memused.avg`): no run has it", text)
        self.assertNotRegex(text, r"\*\*(not )?met\*\*")

    def test_half_a_course(self):
        broken = {"course": [{"t_s": 1.0}, {"t_s": 2.0, "touched_bytes": 0, "idle_bytes": {}}, {}], "truth": {}}
        text = self.report_of(*(record(name, own_report=broken, samples=[{"t_s": 1.0}, {}])
                                for name in ("orig", "thp", "reclaim")))
        self.assertIn("what the oracle could save in itemsets under reclaim", text)

    def test_only_orig(self):
        text = self.report_of(record(), record(repetition=2))
        self.assertIn("No configuration of the published evaluation was run beside orig.", text)
        self.assertIn("there is no run of rec", text)

    def test_no_orig(self):
        text = self.report_of(record("prcl"), record("reclaim"))
        self.assertIn("there is no run of orig", text)

    def test_a_failed_run_is_named_and_does_not_count(self):
        text = self.report_of(record(), record("prcl", error="the program ended with 1", runtime_s=1.0))
        self.assertIn("suite/itemsets, prcl, repetition 1 does not count: the program ended with 1", text)
        self.assertIn("suite/itemsets under prcl: no run that counts", text)

    def test_a_run_in_which_nothing_could_be_acted_on_is_told(self):
        text = self.report_of(record(), record("prcl", summary={"observed_only": "no access was seen"}))
        self.assertIn("prcl, repetition 1 counts, but damon-schemes acted on nothing: no access was seen", text)

    def test_of_a_run_done_again_the_last_counts_and_its_failure_is_past(self):
        text = self.report_of(record(error="it broke"), record(runtime_s=77.0))
        self.assertNotIn("it broke", text)
        self.assertIn("77 s", text)

    def test_names_that_are_markup_stay_words(self):
        self.report_of(record(workload="suite/itemsets", kernel="<b>|\"&"))
        self.assertNotIn("<b>|", (self.folder / "report.html").read_text(encoding="utf-8"))

    def test_a_broken_line_is_refused_with_its_number(self):
        (self.folder / "runs.jsonl").write_text("{}\n{\n", encoding="utf-8")
        done = subprocess.run([PARSEC / "report", self.folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 1", done.stderr)

    def test_a_folder_that_is_not_there_is_said(self):
        done = subprocess.run([PARSEC / "report", self.folder / "none"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no folder", done.stderr)


class Recordings(unittest.TestCase):
    """With what stands for damon-schemes."""

    PROGRAM = """#!%s
import json, sys
kind, form = sys.argv[2], sys.argv[5]
if kind == "heatmap": print('<svg xmlns="http://www.w3.org/2000/svg"><desc>heap, stack, </desc></svg>')
elif form == "json": print(json.dumps({"targets": [{"course": [[0, 1, 10485760], [1, 2, 20971520]]}]}))
else: sys.exit("damon-schemes: no such thing")
"""

    def test_pictures_are_in_both_reports_and_a_failure_is_named(self):
        with tempfile.TemporaryDirectory(prefix="damon-schemes-report-") as scratch:
            folder = pathlib.Path(scratch)
            program = folder / "damon-schemes"
            program.write_text(self.PROGRAM % sys.executable, encoding="utf-8")
            os.chmod(program, 0o755)
            sample_results.recording(folder / "recordings/services/redis.damon", FEW[0])
            run = record(workload="suite/itemsets", own_report=None)
            append_run(folder / "runs.jsonl", dataclasses.replace(run, workload="services/redis"))
            report.write_report(read_results(folder), PUBLISHED, TREE, folder)
            text = (folder / "report.md").read_text(encoding="utf-8")
            self.assertIn("Heat map of services/redis: heap and stack.", text)
            self.assertIn("services/redis: the working set: damon-schemes: no such thing", text)
            # 20 MiB, a tenth more.
            self.assertRegex(text, r"\| services/redis \| 22 MiB \| 20 MiB \|.*recording")
            self.assertTrue((folder / "plots/heatmap-services-redis.svg").is_file())
            self.assertIn("data:image/svg+xml", (folder / "report.html").read_text(encoding="utf-8"))


class Verdicts(unittest.TestCase):
    def of(self, records):
        """{what: status} of these runs."""
        return {each.what: each for each in verdicts.verdicts(Results(records), TREE)}

    def test_nothing_is_met_without_runs(self):
        self.assertEqual({each.status for each in self.of([]).values()}, {verdicts.NOT_MEASURED})

    def rec(self, *slow):
        """Runs of orig and of rec, which was so much slower in each repetition."""
        found = [record(repetition=number, runtime_s=60.0) for number in range(1, len(slow) + 1)]
        found += [record("rec", repetition=number, runtime_s=60 * (1 + each / 100))
                  for number, each in enumerate(slow, 1)]
        return self.of(found)["Slow-down by monitoring (rec)"]

    def test_an_interval_on_one_side_of_the_bound_decides(self):
        self.assertEqual(self.rec(0.1, 0.2, 0.3).status, verdicts.MET)
        self.assertEqual(self.rec(0.8, 0.9, 1.0).status, verdicts.NOT_MET)

    def test_an_interval_over_the_bound_leaves_it_open_and_says_where_the_medians_lie(self):
        low, high = self.rec(0.1, 0.2, 1.0), self.rec(0.1, 0.9, 1.0)
        self.assertEqual((low.status, high.status), (verdicts.WITHIN_NOISE, verdicts.WITHIN_NOISE))
        self.assertIn("the medians meet it", low.details[0])
        self.assertIn("the medians miss it", high.details[0])

    def test_one_repetition_says_that_it_is_one(self):
        self.assertIn("of one repetition", self.rec(0.1).details[0])

    def trio(self, refaulted, slow, saved):
        """Runs of orig, prcl (1,000 pages, 10 % slower, 1,000 KiB saved) and of reclaim as given."""
        def run(name, repetition, pages, seconds, kib):
            return record(name, repetition=repetition, runtime_s=seconds, vmstat={"pswpin": pages}, samples=[
                {"t_s": 1.0, "rss_kib": 5000 - kib, "mem_free_kib": 500000 + kib}])
        found = []
        for repetition in (1, 2, 3):
            found += [run("orig", repetition, 0, 60.0, 0), run("prcl", repetition, 1000, 66.0, 1000),
                      run("reclaim", repetition, refaulted, 60 * (1 + slow / 100), saved)]
        return [each.status for each in verdicts.verdicts(Results(found), TREE) if each.number == 2]

    def test_reclaim_is_judged_by_what_prcl_did_in_the_same_runs(self):
        self.assertEqual(self.trio(500, 5, 1000), [verdicts.MET] * 4)
        self.assertEqual(self.trio(501, 5, 1000)[2], verdicts.NOT_MET)
        self.assertEqual(self.trio(500, 5.1, 1000)[3], verdicts.NOT_MET)
        self.assertEqual(self.trio(500, 5, 999)[:2], [verdicts.NOT_MET] * 2)

    def huge(self, workload, thp, ethp, coverage):
        """Runs of a workload that uses 1,000 KiB more or less with huge pages, and the coverage of its hot bytes."""
        found = []
        for repetition in (1, 2, 3):
            for name, more in (("orig", 0), ("thp", thp), ("ethp", ethp)):
                noise = (-20, 0, 20)[repetition - 1]
                share = {"orig": 0, "thp": 1.0, "ethp": coverage}[name]
                found.append(record(name, repetition=repetition, workload=workload, samples=[
                    {"t_s": 1.0, "mem_free_kib": 500000 - more - (noise if name == "thp" else 0)}],
                    own_report={"course": [{"t_s": 1, "hot_bytes": 100, "hot_on_huge_bytes": 0},
                                           {"t_s": 9, "hot_bytes": 100, "hot_on_huge_bytes": int(100 * share)}]}))
        return found

    def test_huge_pages_are_judged_over_the_programs_with_an_overhead(self):
        found = self.of(self.huge("suite/ocean", 1000, 300, 0.6) + self.huge("suite/radix", 10, 900, 0.1))
        removed = found["Memory overhead of THP that ethp removes"]
        kept = found["Hot bytes that ethp keeps on huge pages"]
        self.assertEqual((removed.status, removed.figure[:7]), (verdicts.MET, "70.00 %"))
        self.assertEqual((kept.status, kept.figure), (verdicts.MET, "60.00 %"))
        self.assertIn("over suite/ocean", removed.details)
        self.assertIn("without suite/radix: no overhead beyond the noise", removed.details)

    def test_too_little_kept_is_not_met(self):
        found = self.of(self.huge("suite/ocean", 1000, 400, 0.4))
        self.assertEqual(found["Memory overhead of THP that ethp removes"].status, verdicts.NOT_MET)
        self.assertEqual(found["Hot bytes that ethp keeps on huge pages"].status, verdicts.NOT_MET)

    def test_no_overhead_beyond_the_noise_is_not_measured(self):
        found = self.of(self.huge("suite/ocean", 10, 5, 0.9))
        self.assertEqual(found["Memory overhead of THP that ethp removes"].status, verdicts.NOT_MEASURED)


class Oracle(unittest.TestCase):
    MIB = 1 << 20

    def run_of(self, configuration, resident_mib, **more):
        """Holds 100 MiB for 10 s; all but 20 of them idle from the beginning."""
        course = [{"t_s": float(t), "touched_bytes": 100 * self.MIB, "hot_bytes": 20 * self.MIB,
                   "idle_bytes": {"1": 80 * self.MIB, "5": 80 * self.MIB}} for t in range(1, 11)]
        truth = {"resident_byte_seconds": 1000 * self.MIB, "oracle": [
            {"age_s": 1, "saved_byte_seconds": 720 * self.MIB}, {"age_s": 5, "saved_byte_seconds": 400 * self.MIB}]}
        samples = [{"t_s": t + 0.5, "rss_kib": (resident_mib + 4) * 1024} for t in range(1, 10)]
        return record(configuration, runtime_s=10.5, samples=samples,
                      own_report={"elapsed_s": 10.0, "truth": truth, "course": course}, **more)

    def compare(self, **more):
        """What 46 MiB saved for 10 s are of what could be saved."""
        results = Results([self.run_of("orig", 100), self.run_of("reclaim", 54, **more)])
        return oracle.compare(results, "suite/itemsets", "reclaim", TREE)

    def summary(self, seconds):
        return {"schemes": [{"action": "pageout", "paged_out_bytes": 1, "tuned_age_mean_ns": int(seconds * 1e9)}]}

    def test_what_rss_has_beside_the_reported_memory_is_not_taken_for_saved(self):
        found = self.compare(summary=self.summary(1))
        self.assertAlmostEqual(found.saved.value / self.MIB, 460)
        self.assertAlmostEqual(found.share.value, 460 / 720 * 100)

    def test_the_age_is_the_tuned_one_and_between_two_it_lies_on_a_line(self):
        self.assertAlmostEqual(self.compare(summary=self.summary(2)).oracle.value / self.MIB, 640)

    def test_below_the_least_age_the_oracle_goes_on_growing(self):
        self.assertAlmostEqual(self.compare(summary=self.summary(0.5)).oracle.value / self.MIB, 860)

    def test_a_setting_goes_before_the_policy(self):
        plain = record("prcl", summary=None)
        self.assertEqual(oracle.scheme_age(plain, TREE).seconds, 0.5)
        self.assertEqual(oracle.scheme_age(dataclasses.replace(plain, settings=["scheme.prcl.age.min=3s"]), TREE)
                         .seconds, 3.0)
        self.assertIn("where its tuning begins", oracle.scheme_age(record("reclaim", summary=None), TREE).source)

    def test_what_is_never_idle_has_no_share(self):
        idle = self.run_of("reclaim", 100, summary=self.summary(1))
        idle.own_report["truth"]["oracle"] = [{"age_s": 1, "saved_byte_seconds": 0}]
        results = Results([self.run_of("orig", 100), idle])
        self.assertIsNone(oracle.compare(results, "suite/itemsets", "reclaim", TREE))
        self.assertTrue(oracle.has_nothing_to_save(results, "suite/itemsets", "reclaim", TREE))

    def test_a_memory_limit_is_a_tenth_more_than_the_working_set_in_whole_mib(self):
        found = memory_limit(Results([self.run_of("orig", 100)]), "suite/itemsets")
        # 20 MiB in use, and 4 besides.
        self.assertEqual((round(found.working_set / self.MIB, 3), found.limit_mib), (24.0, 27))
        self.assertIn("own report", found.source)


class Measures(unittest.TestCase):
    def test_memory_used_is_what_is_not_free(self):
        run = record(memory_total_kib=1000, samples=[{"mem_free_kib": 400, "rss_kib": 1}, {"mem_free_kib": 600}, {}])
        self.assertEqual(MEMUSED.of(run), 500)
        self.assertEqual(RSS.of(run), 1)

    def test_hot_coverage_is_of_the_second_half(self):
        course = [{"t_s": t, "hot_bytes": 100, "hot_on_huge_bytes": 10 if t < 5 else 90} for t in range(1, 11)]
        self.assertEqual(hot_coverage(record(own_report={"course": course})), (90, 100))
        course = [{"t_s": 1, "hot_bytes": 100, "hot_on_huge_bytes": None}]
        self.assertIsNone(hot_coverage(record(own_report={"course": course})))


if __name__ == "__main__":
    unittest.main()
