# SPDX-License-Identifier: MIT
"""Panels of a picture: SVG by hand, whose colours follow light and dark.

A panel is narrow enough for a telephone; a page flows as many beside each other as fit, and a file has them in a sheet.
"""

import math
from dataclasses import dataclass
from html import escape

WIDTH = 360
MARGIN = 8
COLUMNS = 2
LEGEND_LINE = 20

# Published and later versions of a scheme share a colour; the later one is dashed or striped.
COLOURS = {
    "orig": ("#6e7781", "#9aa4ae"),
    "rec": ("#8250df", "#b391f5"),
    "prec": ("#bf3989", "#f08bc4"),
    "thp": ("#bc4c00", "#f0883e"),
    "ethp": ("#9a7b00", "#e3c341"),
    "prcl": ("#cf222e", "#ff7b72"),
    "reclaim": ("#0969da", "#58a6ff"),
    "efficient-thp": ("#1a7f37", "#3fb950"),
    "other": ("#57606a", "#c9d1d9"),
}
LATER = {"ethp-v24": "ethp", "prcl-v24": "prcl"}


def _variables(place):
    return "".join(f"--c-{name}:{pair[place]};" for name, pair in COLOURS.items())


LIGHT = f"{_variables(0)}--p-ink:#1f2328;--p-soft:#59636e;--p-grid:#d8dee4;--p-paper:#fff;--p-mark:#1f2328"
DARK = f"{_variables(1)}--p-ink:#e6edf3;--p-soft:#9aa4ae;--p-grid:#30363d;--p-paper:#0d1117;--p-mark:#e6edf3"
STYLE = (f":root{{{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}@media print{{:root{{{LIGHT}}}}}"
         ".pl text{font-family:system-ui,-apple-system,'DejaVu Sans',sans-serif;font-size:11px;fill:var(--p-ink)}"
         ".pl .h{font-size:13px;font-weight:600}.pl .s{fill:var(--p-soft)}.pl .e{text-anchor:end}"
         ".pl .m{text-anchor:middle}.pl .g{stroke:var(--p-grid);fill:none}.pl .z{stroke:var(--p-soft);fill:none}"
         ".pl .w{stroke:var(--p-ink);stroke-width:1.3;fill:none}.pl .d{fill:var(--p-paper);stroke:var(--p-mark);"
         "stroke-width:1.5}.pl .l{fill:none;stroke-width:1.8;stroke-linejoin:round}.pl .later{fill-opacity:.45}"
         ".pl .area{fill:var(--p-soft);fill-opacity:.22;stroke:none}.pl .paper{fill:var(--p-paper)}")


def colour(configuration):
    """The CSS colour of a configuration."""
    name = LATER.get(configuration, configuration)
    return f"var(--c-{name if name in COLOURS else 'other'})"


def step(span, most=4):
    """A round distance between marks so that there are at most MOST of them, and one at least."""
    if span <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * each for each in (1, 2, 5, 10) if span / (power * each) <= most)


def marks(low, high, most=4):
    """Round numbers from LOW to HIGH."""
    distance = step(high - low, most)
    first = math.ceil(low / distance - 1e-9)
    return [number * distance for number in range(first, math.floor(high / distance + 1e-9) + 1)]


@dataclass(frozen=True)
class Entry:
    """A line of a legend. KIND: bar, line, dashed, area, diamond."""

    text: str
    configuration: str = "other"
    kind: str = "bar"

    def shape(self, x=0, y=0):
        paint = colour(self.configuration)
        later = " later" if self.configuration in LATER else ""
        match self.kind:
            case "line" | "dashed":
                dash = ' stroke-dasharray="3 3"' if self.kind == "dashed" else \
                    ' stroke-dasharray="8 3"' if later else ""
                return f'<path class="l" d="M{x} {y + 5}h22" stroke="{paint}"{dash}/>'
            case "area":
                return f'<rect class="area" x="{x}" y="{y}" width="22" height="10"/>'
            case "diamond":
                return f'<path class="d" d="M{x + 6} {y + 5}l5 -5l5 5l-5 5z"/>'
        return f'<rect class="bar{later}" x="{x}" y="{y}" width="22" height="10" fill="{paint}" stroke="{paint}"/>'

    def swatch(self):
        """As a picture of its own, for a page."""
        return f'<svg class="pl" viewBox="0 0 22 10" aria-hidden="true">{self.shape()}</svg>'


@dataclass(frozen=True)
class Panel:
    """A picture without its place."""

    title: str
    height: float
    body: str

    def svg(self, x=None, y=None):
        place = "" if x is None else f' x="{x}" y="{y}" width="{WIDTH}" height="{self.height:.0f}"'
        return (f'<svg class="pl" viewBox="0 0 {WIDTH} {self.height:.0f}"{place} role="img" '
                f'aria-label="{escape(self.title)}"><text class="h" x="{MARGIN}" y="16">{escape(self.title)}</text>'
                f"{self.body}</svg>")


def sheet(panels, legend=()):
    """All panels in one file."""
    width = COLUMNS * WIDTH + (COLUMNS - 1) * 16 + 2 * MARGIN
    parts, x, y = [], MARGIN, MARGIN
    for entry in legend:
        length = 34 + 6.6 * len(entry.text)
        if x > MARGIN and x + length > width - MARGIN:
            x, y = MARGIN, y + LEGEND_LINE
        parts.append(f'{entry.shape(x, y + 2)}<text x="{x + 28}" y="{y + 11}">{escape(entry.text)}</text>')
        x += length
    y += LEGEND_LINE + 4 if legend else 0
    for begin in range(0, len(panels), COLUMNS):
        row = panels[begin:begin + COLUMNS]
        parts += [panel.svg(MARGIN + i * (WIDTH + 16), y) for i, panel in enumerate(row)]
        y += max(panel.height for panel in row) + 12
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="pl" viewBox="0 0 {width} {y:.0f}" width="{width}" '
            f'height="{y:.0f}">\n<!-- SPDX-License-Identifier: MIT -->\n<style>{STYLE}</style>\n'
            f'<rect class="paper" width="100%" height="100%"/>\n' + "\n".join(parts) + "\n</svg>\n")


@dataclass(frozen=True)
class Bar:
    """One configuration's figure with its interval, and what was published for it."""

    configuration: str
    value: float
    low: float | None = None
    high: float | None = None
    published: float | None = None
    text: str = ""


def span_of(bars, least=1.0):
    """From where to where an axis must reach for all of them; zero is in it.

    What was published may widen it to the double, and no further: what lies beyond is put on the border.
    """
    values = [0.0] + [each for bar in bars for each in (bar.value, bar.low, bar.high) if each is not None]
    low, high = min(values), max(values)
    published = [bar.published for bar in bars if bar.published is not None]
    wide = max(high - low, least) / 2
    low = max(low - wide, min([low, *published]))
    high = min(high + wide, max([high, *published]))
    if high - low < least:
        low, high = (low, low + least) if low >= 0 else (high - least, high)
    pad = (high - low) * 0.04
    return (low - pad if low < 0 else 0.0), (high + pad if high > 0 else 0.0)


def _published(x, y, value, span):
    """A diamond; an arrow to where it would be, if that is beyond the panel."""
    if span[0] <= value <= span[1]:
        return f'<path class="d" d="M{x - 5:.1f} {y}l5 -5l5 5l-5 5z"/>'
    toward = 7 if value > span[1] else -7
    return f'<path class="d" d="M{x - toward / 2:.1f} {y - 5}l{toward} 5l{-toward} 5z"/>'


def bars(title, each, span, form=lambda value: f"{value:g}"):
    """A bar a configuration, from zero; SPAN is shared by the panels that are compared."""
    left, right, top, row = 88, 64, 26, 19
    low, high = span
    bottom = top + row * len(each) + 4

    def across(value):
        value = min(high, max(low, value))
        return left + (value - low) / (high - low) * (WIDTH - left - right)

    parts = []
    for mark in marks(low, high):
        parts.append(f'<path class="g" d="M{across(mark):.1f} {top}V{bottom}"/>'
                     f'<text class="s m" x="{across(mark):.1f}" y="{bottom + 14}">{escape(form(mark))}</text>')
    for number, bar in enumerate(each):
        y, zero, end = top + number * row + 3, across(0), across(bar.value)
        middle = y + 6.5
        later = ' class="later"' if bar.configuration in LATER else ""
        tip = f"{bar.configuration}: {bar.text or form(bar.value)}"
        if bar.published is not None:
            tip += f"; published {form(bar.published)}"
        paint = colour(bar.configuration)
        parts.append(f'<g><title>{escape(tip)}</title><text class="e" x="{left - 6}" y="{middle + 4:.1f}">'
                     f'{escape(bar.configuration)}</text><rect{later} x="{min(zero, end):.1f}" y="{y}" '
                     f'width="{max(0.8, abs(end - zero)):.1f}" height="13" fill="{paint}" stroke="{paint}"/>')
        if bar.low is not None and bar.high > bar.low:
            a, b = across(bar.low), across(bar.high)
            parts.append(f'<path class="w" d="M{a:.1f} {middle - 4}v8M{a:.1f} {middle}H{b:.1f}'
                         f'M{b:.1f} {middle - 4}v8"/>')
        if bar.published is not None:
            parts.append(_published(across(bar.published), middle, bar.published, span))
        parts.append(f'<text class="e" x="{WIDTH - 4}" y="{middle + 4:.1f}">{escape(bar.text or form(bar.value))}'
                     "</text></g>")
    parts.append(f'<path class="z" d="M{across(0):.1f} {top}V{bottom}"/>')
    return Panel(title, bottom + 20, "".join(parts))


@dataclass(frozen=True)
class Line:
    """A course: (x, y) by x. KIND: line, dashed or area."""

    name: str
    configuration: str
    points: list
    kind: str = "line"


def thinned(points, most=300):
    """No more points than a line needs: the mean of each stretch."""
    if len(points) <= most:
        return points
    size = -(-len(points) // most)
    parts = [points[i:i + size] for i in range(0, len(points), size)]
    return [tuple(sum(each[axis] for each in part) / len(part) for axis in (0, 1)) for part in parts]


def lines(title, each, form, greatest=None, unit="s"):
    """Courses over time, from zero up to GREATEST, or as far as they reach."""
    left, right, top, bottom = 56, 8, 26, 176
    end = max((x for line in each for x, _ in line.points), default=1) or 1
    most = greatest or max((y for line in each for _, y in line.points), default=1) * 1.05 or 1

    def place(x, y):
        return (f"{left + x / end * (WIDTH - left - right):.1f} "
                f"{bottom - min(1, max(0, y / most)) * (bottom - top):.1f}")

    parts = []
    for mark in marks(0, most):
        at = place(0, mark).split()[1]
        parts.append(f'<path class="g" d="M{left} {at}H{WIDTH - right}"/>'
                     f'<text class="s e" x="{left - 5}" y="{float(at) + 4:.1f}">{escape(form(mark))}</text>')
    for mark in marks(0, end, 6):
        at = place(mark, 0).split()[0]
        anchor = " e" if float(at) > WIDTH - right - 12 else " m"
        parts.append(f'<text class="s{anchor}" x="{at}" y="{bottom + 15}">{mark:g} {unit}</text>')
    for line in each:
        if not line.points:
            continue
        points = thinned(line.points)
        path = "M" + "L".join(place(*point) for point in points)
        tip = f"<title>{escape(line.name)}</title>"
        if line.kind == "area":
            ground = f"L{place(points[-1][0], 0)}L{place(points[0][0], 0)}z"
            parts.append(f'<path class="area" d="{path}{ground}">{tip}</path>')
            continue
        dash = ' stroke-dasharray="3 3"' if line.kind == "dashed" else \
            ' stroke-dasharray="8 3"' if line.configuration in LATER else ""
        parts.append(f'<path class="l" d="{path}" stroke="{colour(line.configuration)}"{dash}>{tip}</path>')
    parts.append(f'<path class="z" d="M{left} {top}V{bottom}H{WIDTH - right}"/>')
    return Panel(title, bottom + 22, "".join(parts))
