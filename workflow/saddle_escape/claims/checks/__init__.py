"""What is measured for each claim of ``paper_check/claims.yaml``: one module per group of claims.

Every function takes a :class:`~saddle_escape.claims.measure.Case` and returns (quantities, points):
a list of :func:`quantity`, and rows (series, x, y, look) of the report's picture or None. With
``case.control`` it applies the control of that name to its input or its physics and measures the
same again. Numbers and named facts only: the words are in claims.yaml.
"""


def quantity(name, value, interval=None, **facts):
    """One measured number.

    interval: (low, high) of its uncertainty, in the same unit. facts: what the claim's note may
    show, numbers, texts, or lists and dicts of these.
    """
    return {"name": name, "value": float(value), "interval": interval, "facts": facts}


def points(series, x, y, look="marker"):
    """The points of one series, as rows; look: line, marker, joined or published."""
    return [(series, float(a), float(b), look) for a, b in zip(x, y, strict=True)]
