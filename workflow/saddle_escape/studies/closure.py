"""Does any finite set of row moments close? Certificates that none does (Proposition 26)."""

from dataclasses import dataclass

import pandas as pd
import sympy as sp

from ..theory import activations, closure


@dataclass(frozen=True)
class Closure:
    """closure_orders, hierarchy_orders: the highest moment order of each table."""

    activation: str
    amplitudes: tuple[float, ...]
    closure_orders: int
    hierarchy_orders: int


def certificates(settings: Closure) -> pd.DataFrame:
    """Certificates of orders 1, 2, .., one row each (see :mod:`theory.closure`)."""
    act, amplitudes = activations.get(settings.activation), settings.amplitudes[:2]
    rows = []
    for order in range(1, settings.closure_orders + 1):
        c = closure.certificate(act, amplitudes, order)
        rows.append({**vars(c), "gap": c.gap, "gap_over_round_off": c.gap / c.round_off})
    return pd.DataFrame(rows)


def hierarchy(settings: Closure) -> pd.DataFrame:
    """The moment hierarchy of the polynomial activation z - z^3/3, beside the linear one.

    Columns activation, moment, order, highest_order (of a moment in its speed), next_order_term.
    """
    z = sp.Symbol("z")
    amplitudes = sp.symbols("s_1 s_2", positive=True)
    rows = []
    for sigma in (z, z - z**3 / 3):
        for order in range(1, settings.hierarchy_orders + 1):
            exponents = (order, 0, 0)
            term = closure.next_order_term(sigma, z, amplitudes, exponents, max(order, 2))
            highest = closure.highest_order(sigma, z, amplitudes, exponents)
            rows.append((str(sigma), f"E[w_1^{order}]", order, highest, str(term)))
    columns = ["activation", "moment", "order", "highest_order", "next_order_term"]
    return pd.DataFrame(rows, columns=columns)
