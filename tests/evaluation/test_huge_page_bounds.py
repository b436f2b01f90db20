# SPDX-License-Identifier: MIT
"""What huge pages can cover at most, of maps and page tables of the test's own."""

import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/parsec/suite/huge-page-bounds"
LOADER = SourceFileLoader("huge_page_bounds", str(SCRIPT))
bounds = module_from_spec(spec_from_loader("huge_page_bounds", LOADER))
LOADER.exec_module(bounds)

BLOCK = 2 << 20
MAPS = f"""\
{BLOCK - 4096:x}-{3 * BLOCK + 8192:x} rw-p 00000000 00:00 0
{4 * BLOCK:x}-{5 * BLOCK:x} r--p 00000000 08:01 77 /usr/bin/true
{6 * BLOCK:x}-{7 * BLOCK:x} rw-p 00000000 00:00 0                  [heap]
{8 * BLOCK:x}-{9 * BLOCK:x} rw-s 00000000 00:01 9 /dev/shm/shared
"""


class HugePageBounds(unittest.TestCase):
    """Whole blocks of private anonymous memory are what can be huge."""

    def look(self, pages_in_block):
        """With so many pages at the beginning of each block, and all outside of them."""
        def present(start, end):
            return [at % BLOCK // 4096 < pages_in_block.get(at // BLOCK, 512) for at in range(start, end, 4096)]
        return bounds.look_at(MAPS, present)

    def test_only_private_anonymous_memory_counts(self):
        self.assertEqual([start // BLOCK for start, _ in bounds.anonymous_ranges(MAPS)], [0, 6])

    def test_pages_beside_whole_blocks_count_but_cannot_be_covered(self):
        look = self.look({1: 512, 2: 512, 6: 512})
        self.assertEqual((look.pages, look.blocks), (3 * 512 + 3, (512, 512, 512)))
        self.assertAlmostEqual(look.coverage(10), 3 * 512 * 100 / look.pages)

    def test_the_fullest_go_first_until_what_they_add_is_spent(self):
        look = self.look({1: 256, 2: 448, 6: 0})
        self.assertEqual(look.added_by_all(), 256 + 64)
        self.assertEqual(look.coverage(10), 0)
        self.assertAlmostEqual(look.coverage(37), 448 * 100 / look.pages)
        self.assertAlmostEqual(look.coverage(100), (448 + 256) * 100 / look.pages)

    def test_nothing_is_covered_of_nothing(self):
        self.assertEqual(bounds.Look(0, ()).coverage(50), 0)


if __name__ == "__main__":
    unittest.main()
