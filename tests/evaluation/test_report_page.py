#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report's page in headless Chromium, as wide as a screen and as a telephone, light, dark and printed.

test_report_page.py [FOLDER_FOR_PICTURES]; exit status 77: there is no Chromium."""

import pathlib
import sys
import tempfile
import unittest

from location import PARSEC, TREE
import sample_results

from evaluation import report
from evaluation.reference_table import read_table
from evaluation.results import read_results

sys.path.insert(0, str(TREE / "tests/browser"))
import chromium  # noqa: E402

BROWSER = chromium.find()
PICTURES = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else None
LOOKS = [(width, dark) for width in (1200, 400) for dark in (False, True)]
# Texts of the page and of its plots whose colour is too near to that of the paper: WCAG's 4.5.
FAINT = """(() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = (colour) => parts(colour).map((each) => each / 255)
    .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, i) => sum + each * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor), faint = [];
  for (const each of document.querySelectorAll('p:not(.warning), td, td small, td span, li, figcaption, a, .pl text')) {
    const style = getComputedStyle(each), ink = light(each.closest('svg') ? style.fill : style.color);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) faint.push(each.textContent.slice(0, 40) + ' ' + contrast.toFixed(1));
  }
  return faint;
})()"""
# Texts of plots that reach beyond their panels.
CUT = """[...document.querySelectorAll('.panels svg')].flatMap((panel) => {
  const box = panel.getBoundingClientRect();
  return [...panel.querySelectorAll('text')].filter((text) => {
    const each = text.getBoundingClientRect();
    return each.left < box.left - 1 || each.right > box.right + 1 || each.bottom > box.bottom + 1;
  }).map((text) => panel.getAttribute('aria-label') + ': ' + text.textContent);
})"""


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="damon-schemes-report-")
        folder = pathlib.Path(cls.scratch.name)
        sample_results.write(folder, workloads=("suite/itemsets", "suite/ocean"), recordings=("suite/itemsets",))
        report.write_report(read_results(folder), read_table(PARSEC / "published/damon-v12.tsv"), TREE, TREE / "build")
        cls.path = folder / "report.html"

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def look(self, width, dark, printed=False):
        """The page as it is then, opened without a complaint and without asking for anything else."""
        page = chromium.Page(BROWSER, width=width, dark=dark)
        self.addCleanup(page.close)
        page.open(self.path.as_uri())
        if printed:
            page.call("Emulation.setEmulatedMedia", media="print")
        page.settle()
        self.assertEqual(page.complaints, [])
        self.assertEqual([each for each in page.requests if not each.startswith("data:")], [self.path.as_uri()])
        if PICTURES:
            page.picture(PICTURES / f"report-{width}-{'dark' if dark else 'light'}{'-printed' if printed else ''}.png")
        return page

    def test_it_is_readable_at_every_width_in_light_and_dark(self):
        for width, dark in LOOKS:
            with self.subTest(width=width, dark=dark):
                page = self.look(width, dark)
                self.assertEqual(page.value("document.documentElement.scrollWidth"), width)
                self.assertEqual(page.value(FAINT), [])
                self.assertEqual(page.value(CUT), [])

    def test_it_prints_dark_on_white_also_where_the_screen_is_dark(self):
        page = self.look(1000, dark=True, printed=True)
        self.assertEqual(page.value("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertEqual(page.value(FAINT), [])
        self.assertEqual(page.value("[...document.querySelectorAll('table')].filter("
                                    "(each) => each.getBoundingClientRect().right > innerWidth).length"), 0)


if __name__ == "__main__":
    if BROWSER is None:
        print("skipped: there is no Chromium")
        sys.exit(77)
    unittest.main()
