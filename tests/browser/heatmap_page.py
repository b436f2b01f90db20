#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens the page of a heat map in headless Chromium, uses it as a person would, and checks what it shows.

heatmap_page.py PROGRAM_THAT_PRINTS_THE_PAGE [FOLDER_FOR_PICTURES]; exit status 77: there is no Chromium."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import chromium

SKIPPED = 77
BROWSER = chromium.find()
PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else None
PICTURES = sys.argv.pop(1) if len(sys.argv) > 1 else None
MIB = 1 << 20


class HeatmapPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="damon-schemes-page-")
        cls.path = pathlib.Path(cls.folder.name, "heatmap.html")
        cls.path.write_bytes(subprocess.run([PROGRAM], check=True, stdout=subprocess.PIPE).stdout)
        cls.page = chromium.Page(BROWSER)

    @classmethod
    def tearDownClass(cls):
        cls.page.close()
        cls.folder.cleanup()

    def setUp(self):
        self.page.complaints.clear()
        self.page.requests.clear()
        self.page.open(self.path.as_uri())
        self.page.settle()

    def tearDown(self):
        self.assertEqual(self.page.complaints, [])
        # The page itself, and nothing else.
        self.assertEqual(self.page.requests, [self.path.as_uri()])
        if PICTURES:
            self.page.picture(os.path.join(PICTURES, self.id().rsplit(".", 1)[-1] + ".png"))

    def view(self):
        return self.page.value("heatmap.view()")

    def point(self, panel, column, row):
        """Where a cell's middle is in the window."""
        at = self.page.value(f"heatmap.point({panel}, {column}, {row})")
        frame = self.page.value("(() => { const r = document.getElementById('map')"
                                ".getBoundingClientRect(); return { x: r.left, y: r.top }; })()")
        return at["x"] + frame["x"], at["y"] + frame["y"]

    def cell_of(self, area, seconds, offset):
        """The column and row of a time and an offset into an area of the first target."""
        one = f"heatmap.data.lives[0].areas[{area}]"
        columns = self.page.value(f"{one}.columns")
        row_bytes = self.page.value(f"{one}.row_bytes")
        return int(seconds / 8 * columns + 0.5), int(offset / row_bytes)

    def hover(self, panel, column, row):
        self.page.mouse("mouseMoved", *self.point(panel, column, row))
        self.page.settle()
        if self.page.value("document.getElementById('tip').hidden"):
            return None
        return self.page.value("document.getElementById('tip').innerText")

    def pixels(self, panel, column, row):
        """The colours at a cell's middle and a pixel above and below it: a row may be less than a pixel high."""
        at = self.page.value(f"heatmap.point({panel}, {column}, {row})")
        data = self.page.value(
            "(() => { const pen = new OffscreenCanvas(1, 3).getContext('2d', { willReadFrequently: true });"
            f"pen.drawImage(document.getElementById('map'), -{int(at['x'])}, -{int(at['y']) - 1});"
            "return Array.from(pen.getImageData(0, 0, 1, 3).data); })()")
        return [tuple(data[i:i + 3]) for i in (0, 4, 8)]

    def pixel(self, panel, column, row):
        return self.pixels(panel, column, row)[1]

    def choose(self, name):
        self.page.value("(() => { const choice = document.getElementById('area');"
                        f"choice.value = [...choice.options].find((o) => o.text.startsWith('{name}'))"
                        ".value; choice.dispatchEvent(new Event('change')); })()")
        self.page.settle()

    def test_shows_all_areas_at_first_each_by_its_name(self):
        self.assertEqual([panel["name"] for panel in self.view()["panels"]], ["heap", "mmap", "stack"])
        self.assertEqual(self.page.value("document.title"), "Heat map of memory accesses")
        self.assertEqual(self.page.value("document.querySelectorAll('#life option').length"), 2)

    def test_hovering_says_address_mapping_time_frequency_and_age(self):
        # In the third second the third 8 MiB of the heap are hot.
        tip = self.hover(0, *self.cell_of(0, 2.5, 20 * MIB))
        self.assertIn("Address: 55d001", tip)
        self.assertIn("Mapping: [heap]", tip)
        self.assertIn("Time: 2.51 s to 2.52 s", tip)
        self.assertIn("100 % of the looks found it accessed", tip)
        self.assertIn("Age: so for 100 ms", tip)
        tip = self.hover(0, *self.cell_of(0, 2.5, 4 * MIB))
        self.assertIn("Frequency: never accessed", tip)

    def test_unknown_never_accessed_hot_and_absent_look_different(self):
        hot = self.pixel(0, *self.cell_of(0, 0.5, 4 * MIB))
        never = self.pixel(0, *self.cell_of(0, 0.5, 40 * MIB))
        self.assertNotEqual(hot, never)
        # No snapshot between 4.0 and 4.5 s: stripes of two colours, neither of which is a heat.
        column, row = self.cell_of(0, 4.2, 40 * MIB)
        stripes = {self.pixel(0, column + i, row) for i in range(12)}
        self.assertEqual(len(stripes), 2)
        self.assertNotIn(never, stripes)
        self.assertIn("not looked at: unknown", self.hover(0, column, row))

    def test_a_small_hot_part_of_a_huge_cold_area_is_seen(self):
        cell = self.cell_of(1, 1.0, 1024 * MIB)
        self.assertIn("100 % of the looks", self.hover(1, *cell))
        self.assertEqual(len(set(self.pixels(1, *cell))), 2)
        self.assertEqual(len(set(self.pixels(1, cell[0], cell[1] + 40))), 1)

    def test_the_wheel_zooms_where_the_pointer_is(self):
        before = self.view()
        column, row = self.cell_of(0, 2.5, 20 * MIB)
        x, y = self.point(0, column, row)
        for _ in range(4):
            self.page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-120)
        self.page.settle()
        after = self.view()
        self.assertLess(after["t1"] - after["t0"], (before["t1"] - before["t0"]) / 2)
        self.assertLess(after["panels"][0]["a1"] - after["panels"][0]["a0"], 64 * MIB / 2)
        self.assertEqual(after["panels"][1], before["panels"][1])
        there = self.point(0, column, row)
        self.assertAlmostEqual(there[0], x, delta=3)
        self.assertAlmostEqual(there[1], y, delta=3)
        for _ in range(8):
            self.page.mouse("mouseWheel", x, y, deltaX=0, deltaY=120)
        self.page.settle()
        self.assertEqual(self.view(), before)

    def test_a_drag_zooms_to_its_box_and_a_double_click_shows_all(self):
        before = self.view()
        x, y = self.point(0, *self.cell_of(0, 2.0, 8 * MIB))
        x2, y2 = self.point(0, *self.cell_of(0, 4.0, 32 * MIB))
        self.page.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        self.page.mouse("mouseMoved", x2, y2, button="left", buttons=1)
        self.page.mouse("mouseReleased", x2, y2, button="left", clickCount=1)
        self.page.settle()
        after = self.view()
        self.assertAlmostEqual(after["t0"] / 1e9, 2, delta=0.05)
        self.assertAlmostEqual(after["t1"] / 1e9, 4, delta=0.05)
        self.assertAlmostEqual(after["panels"][0]["a0"] / MIB, 8, delta=0.5)
        self.assertAlmostEqual(after["panels"][0]["a1"] / MIB, 32, delta=0.5)
        for count in (1, 2):
            self.page.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=count)
            self.page.mouse("mouseReleased", x, y, button="left", clickCount=count)
        self.page.settle()
        self.assertEqual(self.view(), before)

    def test_buttons_and_keys_zoom_and_read(self):
        before = self.view()
        self.page.value("document.getElementById('in').click()")
        zoomed = self.view()
        self.assertLess(zoomed["t1"] - zoomed["t0"], before["t1"] - before["t0"])
        self.page.value("document.getElementById('reset').click()")
        self.assertEqual(self.view(), before)
        self.page.value("document.getElementById('map').focus()")
        self.page.key("ArrowRight")
        self.page.key("ArrowDown")
        self.page.settle()
        self.assertIn("Frequency: ", self.page.value("document.getElementById('spoken').textContent"))
        self.page.key("+")
        self.page.settle()
        self.assertLess(self.view()["t1"] - self.view()["t0"], before["t1"] - before["t0"])

    def test_an_area_of_a_mapping_has_a_scale_of_its_own(self):
        self.choose("libbig.so")
        (panel,) = self.view()["panels"]
        self.assertEqual((panel["name"], panel["a1"]), ("libbig.so", 2 * MIB))
        index = self.page.value("heatmap.data.lives[0].areas.findIndex((a) => a.name === 'libbig.so')")
        self.assertIn("100 % of the looks", self.hover(0, *self.cell_of(index, 1.0, 32 << 10)))
        tip = self.hover(0, *self.cell_of(index, 1.0, 128 << 10))
        self.assertIn("never accessed", tip)
        self.assertIn("Mapping: /usr/lib/libbig.so", tip)

    def test_the_other_target_is_a_choice(self):
        self.page.value("(() => { const choice = document.getElementById('life'); choice.value = '1';"
                        "choice.dispatchEvent(new Event('change')); })()")
        self.page.settle()
        self.assertEqual([panel["name"] for panel in self.view()["panels"]], ["memory"])
        self.assertEqual(self.page.value("document.querySelector('h1').textContent"),
                         "Heat map of worker (pid 43)")


class InTheDark(HeatmapPage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page.call("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def tearDown(self):
        if not PICTURES:
            super().tearDown()
            return
        self.page.picture(os.path.join(PICTURES, "dark-" + self.id().rsplit(".", 1)[-1] + ".png"))

    def test_the_background_is_dark(self):
        self.assertEqual(self.page.value("getComputedStyle(document.body).backgroundColor"),
                         "rgb(13, 17, 23)")


if __name__ == "__main__":
    if PROGRAM is None:
        sys.exit(__doc__)
    if BROWSER is None:
        print("skipped: no Chromium is installed (apt-get install chromium)")
        sys.exit(SKIPPED)
    unittest.main()
