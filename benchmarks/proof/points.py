# SPDX-License-Identifier: MIT
"""The points of one promise: chosen on the command line, measured in turn."""

import argparse
import sys

from .laboratory import Laboratory
from .report import Report


class Points:
    """What `./dev prove NAME` measures: {number: (title, function)}."""

    def __init__(self, name, title, description, table):
        self.name, self.title, self.description, self.table = name, title, description, table

    def _chosen(self, text):
        try:
            chosen = sorted({int(word) for word in text.split(",")})
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"'{text}' is no list of points such as 1,4") from error
        if unknown := [number for number in chosen if number not in self.table]:
            known = ", ".join(str(number) for number in self.table)
            raise argparse.ArgumentTypeError(f"there is no point {unknown[0]}: there are {known}")
        return chosen

    def parser(self):
        """With the options that all have; a caller may add its own."""
        parser = argparse.ArgumentParser(
            prog=f"./dev prove {self.name}", description=self.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="points:\n" + "\n".join(f"  {n}  {title}" for n, (title, _) in self.table.items())
                   + "\n\nexit status: 0 all that was measured is met; 1 something is not, or could not"
                     "\nbe measured. What the programs said is kept in build/proof/.")
        parser.add_argument("--only", type=self._chosen, metavar="N[,N]...", default=list(self.table),
                            help="measure only these again; the other rows stay as they are")
        parser.add_argument("--build", metavar="DIR", help="a CMake build folder to use (default: build)")
        parser.add_argument("--output", metavar="FILE", help=f"default: docs/results/{self.name}.md")
        return parser

    def measure(self, options):
        """Measures, writes after each point, and returns the exit status."""
        laboratory = Laboratory(options.build)
        report = Report(self.name, self.title, options.output)
        good = True
        for number in options.only:
            title, function = self.table[number]
            laboratory.say(f"[{number}] {title}")
            result = laboratory.measure(function, options)
            report.replace(number, title, result)
            report.write()
            for row in result.rows:
                laboratory.say(f"    {row.what}: {row.figure}"
                               + ("" if row.met is None else "  met" if row.met else "  NOT MET"))
                good = good and row.met is not False
        laboratory.say(f"written: {report.path}")
        return 0 if good else 1


def run(main):
    """As a program."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; the points measured before are written", file=sys.stderr)
        sys.exit(130)
