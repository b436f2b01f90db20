# SPDX-License-Identifier: MIT
"""Figures as people read them."""

NOTHING = "-"


def three_digits(value):
    """About three digits, without an exponent."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def of_bytes(value):
    """Bytes in the unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024 or unit == "GiB":
            return f"{three_digits(value)} {unit}"
        value /= 1024
    return None


def of_kib(value):
    """KiB in the unit that fits."""
    return of_bytes(value * 1024)


def of_seconds(value):
    """Seconds."""
    return f"{three_digits(value)} s"


def of_count(value):
    """How many."""
    return f"{value:,.0f}"


def of_percent(value):
    """A share."""
    return f"{value:.1f} %" if abs(value) >= 0.095 or value == 0 else f"{value:.3f} %"


def of_byte_seconds(value):
    """Memory times time."""
    return f"{of_bytes(value)}·s"


def signed_percent(value, digits=2):
    """An overhead."""
    text = f"{value:+.{digits}f}"
    return f"{0:.{digits}f} %" if float(text) == 0 else f"{text} %"


def span(form, low, high):
    """'1.2 to 3.4 MiB': the unit once where it is the same."""
    first, last = form(low), form(high)
    number, _, unit = first.partition(" ")
    return f"{number if unit and last.endswith(' ' + unit) else first} to {last}"


def age(seconds):
    """How long memory was idle."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:g} s" if seconds == int(seconds) else f"{seconds:.1f} s"


def or_nothing(form, value):
    """FORM of a value, or a dash where there is none."""
    return NOTHING if value is None else form(value)


def names(words):
    """'a, b and c'."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
