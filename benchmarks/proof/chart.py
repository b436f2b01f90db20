# SPDX-License-Identifier: MIT
"""Lines and points in a picture: SVG by hand, for docs/results."""

from html import escape
from math import log10

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 44, 60
COLOURS = ("#c0392b", "#1f6fb2", "#3a8f4d", "#8e5aa8", "#b07d12", "#555555")


class Axis:
    """From values to places; MARKS are (value, text)."""

    def __init__(self, title, least, greatest, marks, logarithmic=False):
        self.title, self.marks, self.logarithmic = title, marks, logarithmic
        self.least, self.greatest = self._scaled(least), self._scaled(greatest)

    def _scaled(self, value):
        return log10(value) if self.logarithmic else value

    def share(self, value):
        """0 at the axis' begin, 1 at its end; what lies outside is put on the border."""
        share = (self._scaled(value) - self.least) / ((self.greatest - self.least) or 1)
        return min(1.0, max(0.0, share))


class Chart:
    """Series over one pair of axes."""

    def __init__(self, title, x, y):
        self.title, self.x, self.y = title, x, y
        self.parts, self.names = [], []

    def _across(self, x):
        return LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)

    def _up(self, y):
        return HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM)

    def _place(self, x, y):
        return self._across(x), self._up(y)

    def _named(self, name):
        self.names.append(name)
        return COLOURS[(len(self.names) - 1) % len(COLOURS)]

    def line(self, name, points):
        """A line with a dot at each of the points."""
        colour = self._named(name)
        places = [self._place(*point) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if len(places) <= 60:
            self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]

    def dot(self, name, point):
        """One point that matters."""
        colour = self._named(name)
        x, y = self._place(*point)
        self.parts.append(f'<path d="M{x - 6:.1f} {y:.1f}H{x + 6:.1f}M{x:.1f} {y - 6:.1f}V{y + 6:.1f}" '
                          f'stroke="{colour}" stroke-width="3"/>')

    def spans(self, name, points, beside=0):
        """Dots with the range they lie in: (x, least, middle, greatest); BESIDE moves them, in pixels."""
        colour = self._named(name)
        for x, least, middle, greatest in points:
            place = self._across(x) + beside
            self.parts.append(
                f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{self._up(least):.1f}" y2="{self._up(greatest):.1f}" '
                f'stroke="{colour}" stroke-width="1.5"/>'
                f'<circle cx="{place:.1f}" cy="{self._up(middle):.1f}" r="4" fill="{colour}"/>')

    def note(self, point, text):
        """Small text beside a point."""
        x, y = self._place(*point)
        near_the_end = x > WIDTH - RIGHT - 7 * len(text)
        self.parts.append(f'<text x="{x + (-6 if near_the_end else 6):.1f}" y="{y - 6:.1f}" class="s" '
                          f'text-anchor="{"end" if near_the_end else "start"}">{escape(text)}</text>')

    def rule(self, x, text):
        """A vertical line with a text."""
        place = self._across(x)
        self.parts.append(f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="g"/>'
                          f'<text x="{place + 4:.1f}" y="{TOP + 12}" class="s">{escape(text)}</text>')

    def _axes(self):
        for value, text in self.x.marks:
            x = self._across(value)
            yield (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}" class="a"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{escape(text)}</text>')
        for value, text in self.y.marks:
            y = self._up(value)
            yield (f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="g"/>'
                   f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>')
        yield (f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 22}" text-anchor="middle">'
               f'{escape(self.x.title)}</text>')
        middle = (TOP + HEIGHT - BOTTOM) / 2
        yield (f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
               f'{escape(self.y.title)}</text>')

    def _legend(self):
        x = LEFT
        for i, name in enumerate(self.names):
            yield (f'<rect x="{x}" y="{HEIGHT - 14}" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>'
                   f'<text x="{x + 14}" y="{HEIGHT - 5}" class="s">{escape(name)}</text>')
            x += 24 + 6.5 * len(name)

    def svg(self):
        """The whole picture."""
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12">', "<!-- SPDX-License-Identifier: MIT -->",
            "<style>.g{stroke:#ddd}.a{stroke:#333}.s{font-size:11px}</style>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="24" font-size="15">{escape(self.title)}</text>',
            *self._axes(),
            f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" class="a"/>',
            *self.parts, *self._legend(), "</svg>", ""])
