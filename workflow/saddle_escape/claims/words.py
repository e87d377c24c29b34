"""Numbers as text, and texts of claims.yaml and errata.yaml filled with measured numbers.

A template is text with names in braces, ``"{points} points, K = {K:.3g}"``. A number without a
format has four significant digits; a list shows its items, a dict its keys with their values, each
in the given format.

What is measured is shown as far as every machine measures it: a number below 1e-12 is the rounding
of numbers of order one, another on every processor, and of one below 1e-8 a digit is left.
"""

import string

ROUND_OFF, FAINT = 1e-12, 1e-8


def number(value):
    """Up to four significant digits."""
    return _short_exponent(f"{value:.4g}")


def result(value):
    """Four significant digits, trailing zeros kept; a whole number of four digits as it is."""
    if value == round(value) and abs(value) < 1e4:
        return f"{value:.0f}"
    if abs(value) < ROUND_OFF:
        return "round-off"
    return _short_exponent(f"{value:.1g}" if abs(value) < FAINT else f"{value:#.4g}")


def kept(value):
    """A measured value as a table of numbers has it: four digits, and none below round-off."""
    return 0.0 if abs(value) < ROUND_OFF else float(f"{value:.{1 if abs(value) < FAINT else 4}g}")


def _short_exponent(text):
    return text.replace("e-0", "e-").replace("e+0", "e+")


def fill(template, lookup):
    """The text with every ``{name}`` or ``{name:format}`` replaced by ``lookup(name)``, formatted.

    Names are looked up as they stand, dots included, and never evaluated. Raises LookupError as
    ``lookup`` does, and ValueError for a format that does not suit its value.
    """
    parts = []
    for text, name, spec, _ in string.Formatter().parse(template):
        parts.append(text)
        if name is not None:
            parts.append(show(lookup(name), spec))
    return "".join(parts)


def show(value, spec=""):
    """A fact as text in a format specification."""
    if value is None or value != value:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {show(item, spec)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(show(item, spec) for item in value)
    if isinstance(value, float) and 0 < abs(value) < ROUND_OFF:
        return "round-off"
    if isinstance(value, float) and not spec:
        return number(value)
    return format(value, spec) if isinstance(value, int | float) else str(value)


def cell(text):
    """Text as it may stand in Markdown, in a table or outside."""
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def table(head, rows):
    """A Markdown table; cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"
