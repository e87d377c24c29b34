"""Settings: built from a section of the configuration, or refused in one line."""

from dataclasses import dataclass

import numpy as np
import pytest

from saddle_escape.settings import LogSpaced, Quadrature, load, pick, seed_block


@dataclass(frozen=True)
class Inner:
    rates: tuple[float, ...]
    rule: Quadrature


@dataclass(frozen=True)
class Outer:
    name: str
    depth: int
    scales: dict[str, tuple[float, ...]]
    inner: Inner


RULE = {"rule": "trapezoid", "step": 1, "half_width": 6.0, "nodes": 14}
VALID = {
    "name": "tanh",
    "depth": 4,
    "scales": {"tanh": [0.1, 1]},
    "inner": {"rates": [4, 8], "rule": RULE},
}


def test_nested_settings_are_built_with_their_types():
    settings = load(Outer, VALID)
    assert settings.inner.rule == Quadrature("trapezoid", 1.0, 6.0, 14)
    assert settings.inner.rates == (4.0, 8.0) and settings.scales == {"tanh": (0.1, 1.0)}
    assert isinstance(settings.inner.rates[0], float)
    with pytest.raises(AttributeError):
        settings.depth = 5


def changed(path, value):
    """VALID with one value changed, or without the key if the value is None."""
    nested = [dict(VALID)]
    for part in path[:-1]:
        nested[-1][part] = dict(nested[-1][part])
        nested.append(nested[-1][part])
    nested[-1][path[-1]] = value
    if value is None:
        del nested[-1][path[-1]]
    return nested[0]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("depth",), None, "depth: missing"),
        (("inner", "rule", "step"), None, "inner.rule.step: missing"),
        (("inner", "rat"), 1, "inner.rat: unknown; there are rates, rule"),
        (("inner",), 3, "inner: 3 given, a mapping of rates, rule is needed"),
        (("depth",), 4.5, "depth: 4.5 given, it must be of type int"),
        (("depth",), True, "depth: True given, it must be of type int"),
        (("inner", "rates"), [1.0, "2"], r"inner.rates\[1\]: '2' given, it must be of type float"),
        (("scales", "tanh"), 0.1, "scales.tanh: 0.1 given, it must be of type tuple"),
    ],
)
def test_what_does_not_fit_is_one_line_with_the_dotted_key(path, value, message):
    with pytest.raises(ValueError, match=rf"^{message}") as error:
        load(Outer, changed(path, value))
    assert "\n" not in str(error.value)


def test_picking_leaves_out_what_is_not_a_field():
    more = VALID | {"seed": 0, "inner": VALID["inner"] | {"t_max": 1.0}}
    assert pick(Outer, more) == load(Outer, VALID)
    with pytest.raises(ValueError, match=r"^inner\.rates: missing"):
        pick(Outer, changed(("inner", "rates"), None))


def test_log_spaced_scales_have_both_ends():
    spaced = LogSpaced(1e-3, 1e-1, 3)
    np.testing.assert_allclose(spaced.points(), [1e-3, 1e-2, 1e-1], rtol=1e-15)
    assert len(spaced.points(7)) == 7 and spaced.points(7)[-1] == 1e-1


def test_refining_a_rule_halves_its_step_or_doubles_its_nodes():
    assert Quadrature("trapezoid", 0.5, 6.0, 14).refined() == Quadrature("trapezoid", 0.25, 6.0, 14)
    hermite = Quadrature("gauss_hermite", 0.5, 6.0, 14).refined()
    assert hermite == Quadrature("gauss_hermite", 0.5, 6.0, 28)


def test_blocks_share_out_all_seeds():
    blocks = [seed_block(block, 8, 19) for block in range(3)]
    assert [seed for block in blocks for seed in block] == list(range(19))
    assert len(seed_block(3, 8, 19)) == 0
