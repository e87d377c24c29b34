"""The four classes: the paper's table, phi against mpmath, rate constants, limits of the law."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

from saddle_escape import built_in
from saddle_escape.artifact.built_in import derived
from saddle_escape.theory import activations, classes

SQRT_PI = math.sqrt(math.pi)
LEAK = 0.01
# name: (class, q, c_q, exact c_q, alpha, beta1 to six digits, homogeneity)
TABLE = {
    "linear": ("A", None, None, None, 1.0, 1.0, 1),
    "relu": ("A", None, None, None, None, 0.5, 1),
    "leaky_relu": ("A", None, None, None, None, (1 + LEAK) / 2, 1),
    "tanh": ("B", 3, -2 / 3, "-2/3", 1.0, 0.605706, None),
    "erf": ("B", 3, -4 / (3 * SQRT_PI), "-4/(3*sqrt(pi))", 2 / SQRT_PI, 0.651470, None),
    "sin": ("B", 3, -1 / 3, "-1/3", 1.0, 0.606531, None),
    "arctan": ("B", 3, -2 / 3, "-2/3", 1.0, 0.655680, None),
    "gelu": ("C", 2, 1 / math.sqrt(2 * math.pi), "1/sqrt(2*pi)", 0.5, 0.5, None),
    "swish": ("C", 2, 0.25, "1/4", 0.5, 0.5, None),
    "mish": ("C", 2, 8 / 25, "8/25", 0.6, 0.563748, None),
    "softplus": ("D", 0, -math.log(2), "-log(2)", 0.5, 0.5, None),
    "sigmoid": ("D", 0, -0.5, "-1/2", 0.25, 0.206621, None),
    "cos": ("D", 0, -1.0, "-1", 0.0, 0.0, None),
    "cubic": ("B", 3, 2.0, "2", 0.0, 3.0, 3),
    "relu2": (None, None, None, None, 0.0, math.sqrt(2 / math.pi), 2),
    "gelu_tanh": ("C", 2, 1 / math.sqrt(2 * math.pi), "1/sqrt(2*pi)", 0.5, 0.5, None),
    "silu": ("C", 2, 0.25, "1/4", 0.5, 0.5, None),
    "hardswish": ("C", 2, 1 / 6, "1/6", 0.5, 0.5, None),
    "logsigmoid": ("D", 0, math.log(2), "log(2)", 0.5, 0.5, None),
    "hardsigmoid": ("D", 0, -0.5, "-1/2", 1 / 6, math.erf(3 / math.sqrt(2)) / 6, None),
    "tanhshrink": ("B", 3, 2 / 3, "2/3", 0.0, 1 - 0.605706, None),
    "relu6": (None, None, None, None, None, 0.5, None),
    "elu": (None, None, None, None, 1.0, 0.761578, None),
    "celu": (None, None, None, None, 1.0, 0.761578, None),
    "selu": (None, None, None, None, None, 0.985231, None),
    "softsign": (None, None, None, None, 1.0, 0.412755, None),
    "softshrink": (None, None, None, None, 0.0, math.erfc(0.5 / math.sqrt(2)), None),
    "hardshrink": (None, None, None, None, 0.0, 0.969141, 1),
    "hardtanh": (None, None, None, None, 1.0, math.erf(1 / math.sqrt(2)), None),
}
ANALYTIC = [
    name
    for name, row in TABLE.items()
    if row[0] not in ("A", None) and activations.get(name).smooth
]
EXPRESSIONS = ["z*exp(-z**2)", "sin(3*z)*exp(-z**2/2)", "z/(1+z**2)", "erf(z)+z**5", "log(1+z**2)"]


def exact_phi(act, z):
    with mpmath.workdps(80):
        point = mpmath.mpf(float(z))
        return float(point * act.mp(point, 1) - act.mp(point))


@pytest.mark.parametrize("name", TABLE)
def test_table_of_classes(name):
    row = classes.classify(activations.get(name))
    cls, q, c_q, exact, alpha, beta1, degree = TABLE[name]
    assert (row.activation, row.cls, row.q, row.homogeneity) == (name, cls, q, degree)
    assert row.beta1 == pytest.approx(beta1, abs=6e-7)
    for value, reference in ((row.c_q, c_q), (row.alpha, alpha)):
        assert value == (reference if reference is None else pytest.approx(reference, rel=1e-14))
    if exact is None:
        assert row.c_q_exact is None
    else:
        assert sp.simplify(sp.sympify(row.c_q_exact) - sp.sympify(exact)) == 0


@pytest.mark.parametrize("name", TABLE)
def test_beta1_is_the_gaussian_integral(name):
    act = activations.get(name)
    with mpmath.workdps(30):
        exact = mpmath.quad(
            lambda z: act.mp(z) * z * mpmath.npdf(z), [-30, -6, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 30]
        )
    assert classes.classify(act).beta1 == pytest.approx(float(exact), rel=1e-13, abs=1e-15)


def test_statuses_say_where_the_law_does_not_apply():
    status = {name: classes.classify(activations.get(name)).status for name in TABLE}
    for name in ("cos", "cubic"):
        assert status[name] == "no linear signal path: the r-2 law does not apply"
    for name in ("softplus", "sigmoid"):
        assert "constant" in status[name] and "law" in status[name]
    for name in ("relu2", "relu6", "elu", "celu", "selu", "softsign"):
        assert "not analytic at 0" in status[name] and "not piecewise linear" in status[name]
    assert "no Taylor term" in status["hardtanh"] and "no class" in status["hardtanh"]
    for name in ("linear", "relu", "tanh", "gelu", "mish"):
        assert status[name] == "ok"


@pytest.mark.parametrize(
    "text", ["z/(1+abs(z))", "abs(z)*z", "max(z,0)+min(exp(z)-1,0)", "max(z,0)**3"]
)
def test_activations_with_a_bend_at_zero_have_no_class(text):
    row = classes.classify(activations.get(text))
    assert row.cls is None and row.q is None and row.c_q is None and row.c_q_exact is None
    assert "not analytic at 0" in row.status


@pytest.mark.parametrize(
    "text",
    ["hardshrink", "softshrink", "z*step(z - 1)", "z + step(z + 1) - 1", "sign(z)", "step(z)"],
)
def test_jumps_and_dead_zones_have_no_class(text):
    """phi of hardshrink is 0 off its jumps, yet it is not linear."""
    row = classes.classify(activations.get(text))
    assert row.cls is None and row.paper_cls is None and "no class" in row.status


@pytest.mark.parametrize(
    "text", ["2*z", "abs(z)", "max(z,0)-3*min(z,0)", "abs(abs(z)) + z", "relu(3*z)"]
)
def test_piecewise_linear_expressions_are_class_a(text):
    row = classes.classify(activations.get(text))
    assert (row.cls, row.status, row.homogeneity) == ("A", "ok", 1)


@pytest.mark.parametrize(
    ("text", "degree", "conserved"),
    [
        ("max(z,0)**3", 3, "|W_l|^2 - 3 |W_(l+1)|^2"),
        ("abs(z)*z", 2, "|W_l|^2 - 2 |W_(l+1)|^2"),
        ("relu2", 2, "|W_l|^2 - 2 |W_(l+1)|^2"),
        ("cubic", 3, "|W_l|^2 - 3 |W_(l+1)|^2"),
        ("leaky_relu", 1, "|W_l|^2 - |W_(l+1)|^2"),
        ("z/(1+abs(z))", None, None),
        ("relu(z-1)", None, None),
        ("z**3 + z", None, None),
        ("max(z,0) + min(z,0)**3", None, None),
    ],
)
def test_homogeneous_activations_have_a_conserved_combination(text, degree, conserved):
    row = classes.describe(text)
    assert (row["homogeneity"], row["conserved"]) == (degree, conserved)


def test_the_committed_table_of_built_ins_is_the_derived_one():
    for row, fresh in zip(built_in.rows(), derived(), strict=True):
        assert row == {
            key: pytest.approx(value, rel=1e-13, abs=1e-15) if isinstance(value, float) else value
            for key, value in fresh.items()
        }, "run `make docs`"


def test_a_row_of_the_committed_table_stands_for_its_expression_only(monkeypatch):
    assert built_in.row(" mish ")["class"] == "C"
    assert built_in.row("z*tanh(softplus(z))") is None and built_in.row("mihs") is None
    monkeypatch.setitem(activations.BUILTIN, "mish", ("tanh(z)", "mish"))
    assert built_in.row("mish") is None


def test_description_has_the_keys_of_the_command_line():
    row = classes.describe("gelu")
    assert {"activation", "class", "q", "c_q", "alpha", "beta1", "status", "c_q_exact"} <= set(row)
    assert (row["activation"], row["class"], row["q"]) == ("gelu", "C", 2)
    with pytest.raises(ValueError, match="gelu"):
        classes.describe("gellu")


@pytest.mark.parametrize(
    ("text", "q"), [("z + z**4", 4), ("z - z**5/7", 5), ("z + z**9", 9), ("z**2", 2)]
)
def test_order_is_that_of_the_first_nonlinear_term(text, q):
    row = classes.classify(activations.get(text))
    assert (row.q, row.cls) == (q, "C" if q % 2 == 0 else "B")


@pytest.mark.parametrize(
    ("text", "q", "cls", "paper"),
    [
        ("tanh", 3, "B", "B"),
        ("gelu", 2, "C", "C"),
        ("softplus", 0, "D", "D"),
        ("relu", None, "A", "A"),
        ("tanh(z) + z**4", 3, "B", None),
        ("z + z**4", 4, "C", None),
        ("z + z**3 + z**4", 3, "B", None),
        ("z - z**5/7", 5, "B", "B"),
        ("cos", 0, "D", None),
        ("cubic", 3, "B", None),
    ],
)
def test_the_paper_classes_are_narrower_than_leading_orders(text, q, cls, paper):
    """Proposition 2: B is odd, C is q = 2, and sigma'(0) != 0 throughout."""
    row = classes.classify(activations.get(text))
    assert (row.q, row.cls, row.paper_cls) == (q, cls, paper)
    assert classes.describe(text)["paper_class"] == paper


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus", "sin"])
def test_phi_and_class_ignore_a_linear_term(name):
    text = {"gelu": "z*(1+erf(z/sqrt(2)))/2", "softplus": "softplus(z)"}.get(name, f"{name}(z)")
    plain, tilted = (classes.classify(activations.get(t)) for t in (name, f"{text} + 3*z"))
    assert (plain.cls, plain.q) == (tilted.cls, tilted.q)
    assert tilted.c_q == pytest.approx(plain.c_q, rel=1e-13)
    assert tilted.alpha == pytest.approx(plain.alpha + 3, rel=1e-14)


@pytest.mark.parametrize("text", ["z*exp(z**2)", "z*exp(z**2/2)", "sinh(z**3)"])
def test_divergent_beta1_is_reported_not_truncated(text):
    with pytest.raises(ValueError, match="diverges"):
        classes.classify(activations.get(text))


def test_a_growing_activation_with_finite_beta1_is_classified():
    row = classes.classify(activations.get("z*exp(z**2/4)"))
    assert row.beta1 == pytest.approx(2**1.5, rel=1e-12), "E[z^2 exp(z^2/4)] = (1 - 1/2)^(-3/2)"


@pytest.mark.parametrize("name", [*ANALYTIC, *EXPRESSIONS])
def test_phi_against_high_precision(name):
    act = activations.get(name)
    magnitudes = np.concatenate([np.geomspace(1e-9, 0.99, 60), np.linspace(0.02, 0.999, 80)])
    for sign in (+1, -1):
        z = sign * magnitudes
        exact = np.array([exact_phi(act, v) for v in z])
        np.testing.assert_allclose(classes.phi(act, z), exact, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", [*ANALYTIC, *EXPRESSIONS])
def test_phi_beyond_one_against_high_precision(name):
    act = activations.get(name)
    z = np.concatenate(
        [np.linspace(1.0, 12.0, 67), [4.493409457909064], -np.linspace(1.0, 12.0, 67)]
    )
    exact = np.array([exact_phi(act, v) for v in z])
    scale = np.abs(z * act.prime(z)) + np.abs(act(z))
    assert np.all(np.abs(classes.phi(act, z) - exact) <= 1e-12 * scale)


@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu"])
def test_phi_of_class_a_is_exactly_zero(name):
    z = np.concatenate([np.linspace(-9, 9, 400), np.geomspace(1e-12, 1, 50)])
    assert np.all(np.abs(classes.phi(activations.get(name), z)) <= 1e-16 * np.abs(z))


@pytest.mark.parametrize("name", ANALYTIC)
def test_phi_near_zero_is_its_leading_term(name):
    act = activations.get(name)
    row = classes.classify(act)
    z = np.array([-1e-6, 1e-6])
    np.testing.assert_allclose(classes.phi(act, z), row.c_q * z**row.q, rtol=1e-5)


def test_phi_keeps_shape():
    z = np.linspace(-2, 2, 12).reshape(3, 1, 4)
    assert classes.phi(activations.get("tanh"), z).shape == z.shape
    assert classes.phi(activations.get("tanh"), 0.0) == 0.0


@pytest.mark.parametrize(
    ("name", "rate"),
    [("tanh", 0.07571), ("sin", 0.07582), ("erf", 0.11700), ("gelu", 0.00781), ("swish", 0.00781)],
)
def test_rate_constants_of_figure_3(name, rate):
    assert classes.rate_constant(activations.get(name), 4, 64) == pytest.approx(rate, abs=5.1e-6)


@pytest.mark.parametrize("depth", [2, 3, 6])
@pytest.mark.parametrize("name", ["tanh", "erf", "mish", "linear"])
def test_rate_constant_formula(name, depth):
    act = activations.get(name)
    row = classes.classify(act)
    expected = row.beta1 * row.alpha ** (depth - 1) / math.sqrt(96)
    assert classes.rate_constant(act, depth, 96) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("depth", [2, 4, 7])
@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", LEAK)])
def test_rate_constant_of_piecewise_linear_activations(name, slope, depth):
    rate = classes.rate_constant(activations.get(name), depth, 64)
    assert rate == pytest.approx((1 + slope**depth) / (2 * 8), rel=1e-13)


@pytest.mark.parametrize("name", ["cos", "cubic", "relu2"])
def test_no_linear_signal_path_has_no_rate_constant(name):
    assert classes.rate_constant(activations.get(name), 4, 64) is None
