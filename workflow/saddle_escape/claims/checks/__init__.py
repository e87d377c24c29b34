"""What is measured for each claim of ``paper_check/claims.yaml``: one module per group of claims.

Every function takes a :class:`saddle_escape.claims.Case` and returns (rows, points): rows
(quantity, measured, uncertainty, note), points (series, x, y, look) of the report's picture or
None. With ``case.control`` the same is measured on the control's perturbed input.
"""

NONE = "-"  # no uncertainty stated, nothing to note


def row(quantity, measured, uncertainty=NONE, note=NONE):
    """One measured quantity."""
    return quantity, float(measured), uncertainty, note


def points(series, x, y, look="marker"):
    """The points of one series, as rows."""
    return [(series, float(a), float(b), look) for a, b in zip(x, y, strict=True)]
