"""Activations: numpy, torch, derivatives and series against mpmath; expressions are never run."""

import builtins
import time

import mpmath
import numpy as np
import pytest
import torch
from matplotlib.mathtext import MathTextParser

from saddle_escape import built_in
from saddle_escape.theory import activations, classes, quadrature
from saddle_escape.theory.tabulated import Tabulated

torch.set_num_threads(1)

NAMES = list(activations.BUILTIN)
NO_SERIES = ("relu", "leaky_relu", "relu2", "relu6", "elu", "celu", "selu", "softsign")
POINTS = np.array([-7.3, -3.1, -1.2, -0.31, -1e-3, -1e-9, 1e-12, 2e-4, 0.05, 0.7, 1.9, 4.4, 9.0])


def mp_softplus(z):
    return mpmath.log1p(mpmath.exp(z))


def mp_relu(z):
    return z if z > 0 else mpmath.mpf(0)


def mp_elu(z):
    return z if z > 0 else mpmath.expm1(z)


def mp_clip(z, low, high):
    return mpmath.mpf(low) if z < low else mpmath.mpf(high) if z > high else z


def mp_gelu_tanh(z):
    inside = mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3)
    return z * (1 + mpmath.tanh(inside)) / 2


# Written down independently of the library, from the activations' published definitions.
ORACLE = {
    "linear": lambda z: z,
    "relu": mp_relu,
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
    "sin": mpmath.sin,
    "arctan": mpmath.atan,
    "gelu": lambda z: z * mpmath.ncdf(z),
    "swish": lambda z: z / (1 + mpmath.exp(-z)),
    "mish": lambda z: z * mpmath.tanh(mp_softplus(z)),
    "softplus": mp_softplus,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "cos": mpmath.cos,
    "cubic": lambda z: z**3,
    "relu2": lambda z: mp_relu(z) ** 2,
    "gelu_tanh": mp_gelu_tanh,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "logsigmoid": lambda z: -mp_softplus(-z),
    "relu6": lambda z: mp_clip(z, 0, 6),
    "elu": mp_elu,
    "celu": mp_elu,
    "selu": lambda z: (
        mpmath.mpf("1.0507009873554805")
        * (z if z > 0 else mpmath.mpf("1.6732632423543773") * mpmath.expm1(z))
    ),
    "softsign": lambda z: z / (1 + abs(z)),
    "tanhshrink": lambda z: z - mpmath.tanh(z),
    "softshrink": lambda z: z - mp_clip(z, -0.5, 0.5),
    "hardshrink": lambda z: z if abs(z) > 0.5 else mpmath.mpf(0),
    "hardtanh": lambda z: mp_clip(z, -1, 1),
    "hardsigmoid": lambda z: mp_clip(z + 3, 0, 6) / 6,
    "hardswish": lambda z: z * mp_clip(z + 3, 0, 6) / 6,
}
FUNCTIONAL = torch.nn.functional
TORCH = {
    **{f: getattr(torch, f) for f in ("tanh", "erf", "sin", "arctan", "cos", "sigmoid")},
    **{f: getattr(FUNCTIONAL, f) for f in NAMES if hasattr(FUNCTIONAL, f) and f != "linear"},
    "gelu_tanh": lambda x: FUNCTIONAL.gelu(x, approximate="tanh"),
    "swish": FUNCTIONAL.silu,
}
# torch.nn's modules of activations that are one function of one number, by our names
MODULES = {
    "ReLU": "relu", "LeakyReLU": "leaky_relu", "ReLU6": "relu6", "ELU": "elu", "CELU": "celu",
    "SELU": "selu", "GELU": "gelu", "SiLU": "silu", "Mish": "mish", "Softplus": "softplus",
    "Sigmoid": "sigmoid", "LogSigmoid": "logsigmoid", "Tanh": "tanh", "Softsign": "softsign",
    "Tanhshrink": "tanhshrink", "Softshrink": "softshrink", "Hardshrink": "hardshrink",
    "Hardtanh": "hardtanh", "Hardsigmoid": "hardsigmoid", "Hardswish": "hardswish",
}  # fmt: skip
OTHER_MODULES = {  # torch.nn's others, by the names of what is not built in; None: no activations
    "PReLU": "prelu", "RReLU": "rrelu", "Threshold": "threshold", "GLU": "glu",
    "Softmax": "softmax", "Softmin": "softmin", "LogSoftmax": "log_softmax",
    "Softmax2d": "softmax", "MultiheadAttention": None,
}  # fmt: skip


def test_every_activation_of_torch_is_built_in_or_said_why_not():
    assert set(torch.nn.modules.activation.__all__) == set(MODULES) | set(OTHER_MODULES)
    for name in filter(None, OTHER_MODULES.values()):
        with pytest.raises(ValueError, match=f"activation: '{name}' is not built in: "):
            activations.get(name)


@pytest.mark.parametrize("module", MODULES)
def test_built_ins_are_torchs_modules_at_their_defaults(module):
    z = torch.linspace(-7, 7, 281, dtype=torch.float64)  # -3, -1, -1/2, 0, .., 6 among them
    ours = activations.get(MODULES[module]).torch(z)
    torch.testing.assert_close(ours, getattr(torch.nn, module)()(z), rtol=1e-14, atol=1e-14)


def test_what_to_use_instead_is_said_right():
    z = torch.linspace(-7, 7, 281)
    for text, module in (
        ("relu(z) - 0.25*relu(-z)", torch.nn.PReLU()),
        ("relu(z) - 11/48*relu(-z)", torch.nn.RReLU().eval()),
        ("2 + (z - 2)*step(z - 0.5)", torch.nn.Threshold(0.5, 2)),
    ):
        torch.testing.assert_close(activations.get(text).torch(z), module(z).detach())


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_derivatives_match_high_precision(name, order):
    act = activations.get(name)
    function = (act, act.prime, act.second)[order]
    with mpmath.workdps(60):
        exact = [float(mpmath.diff(ORACLE[name], mpmath.mpf(float(z)), order)) for z in POINTS]
    # derivatives are differences of terms of order one, so some of their accuracy is absolute
    np.testing.assert_allclose(
        function(POINTS), exact, rtol=2e-14, atol=[5e-16, 5e-16, 3e-15][order]
    )


@pytest.mark.parametrize("name", NAMES)
def test_numpy_functions_keep_shape_and_dtype(name):
    act = activations.get(name)
    for z in (np.linspace(-2, 2, 6).reshape(1, 2, 3), np.float64(0.3), np.zeros(0)):
        for function in (act, act.prime, act.second):
            assert function(z).shape == np.shape(z)
            assert function(z).dtype == np.float64


@pytest.mark.parametrize("name", NAMES)
def test_extreme_arguments_neither_warn_nor_give_nan(name):
    act = activations.get(name)
    z = np.array([-1e3, -40.0, 40.0, 1e3])
    with np.errstate(all="raise", under="ignore"):
        values, slopes = act(z), act.prime(z)
    with mpmath.workdps(60):
        exact = [float(ORACLE[name](mpmath.mpf(float(v)))) for v in z]
    np.testing.assert_allclose(values, exact, rtol=1e-13, atol=1e-300)
    assert np.all(np.isfinite(slopes))
    if name not in ("sin", "cos", "cubic", "relu2", "selu"):
        assert np.all(np.abs(slopes) <= 1.0 + 1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", NAMES)
def test_torch_agrees_with_torchs_own_functions_and_with_numpy(name, dtype):
    act = activations.get(name)
    x = torch.linspace(-6, 6, 241, dtype=dtype)
    tolerance = 4 * torch.finfo(dtype).eps
    value = act.torch(x)
    assert value.dtype == dtype and value.shape == x.shape
    bound = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(value, act(x.double().numpy()), **bound)
    if name in TORCH:
        bound["atol"] *= 6  # torch's GELU multiplies the rounding of 1 + erf by |x| <= 6
        torch.testing.assert_close(value, TORCH[name](x), **bound)


@pytest.mark.parametrize("name", NAMES)
def test_torch_derivative_is_autograds(name):
    act = activations.get(name)
    x = torch.linspace(-5.9, 5.9, 240, dtype=torch.float64, requires_grad=True)  # not at a kink
    symbolic = act.torch_prime(x.detach())
    (automatic,) = torch.autograd.grad(TORCH.get(name, act.torch)(x).sum(), x)
    assert symbolic.dtype == x.dtype and symbolic.shape == x.shape
    # torch's own slope of hardsigmoid is 1/6 to single precision
    bound = {"rtol": 1e-13, "atol": 1e-8 if name == "hardsigmoid" else 1e-14}
    torch.testing.assert_close(symbolic, automatic, **bound)
    np.testing.assert_allclose(symbolic, act.prime(x.detach().numpy()), rtol=1e-13, atol=1e-15)


def test_parity():
    parity = {name: activations.get(name).parity for name in NAMES}
    odd = (
        *("linear", "tanh", "erf", "sin", "arctan", "cubic"),
        *("softsign", "tanhshrink", "softshrink", "hardshrink", "hardtanh"),
    )
    assert parity == {n: "odd" if n in odd else "even" if n == "cos" else None for n in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_taylor_series(name):
    series = activations.get(name).taylor(12)
    if name in NO_SERIES:
        assert series is None
        return
    with mpmath.workdps(60):
        exact = [float(c) for c in mpmath.taylor(ORACLE[name], 0, 12)]
    assert series.shape == (13,)
    np.testing.assert_allclose(series, exact, rtol=1e-14, atol=1e-25)


def test_a_taylor_coefficient_that_cancels_among_thirds_is_zero():
    series = activations.get("tanh(z)+tanh(z)**3/3").taylor(5)  # one third is no float
    assert series[3] == 0 and series[5] == pytest.approx(-1 / 5, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_labels_can_be_drawn_without_latex(name):
    act = activations.get(name)
    box = MathTextParser("agg").parse(act.label)
    assert box.width > 0 and box.height > 0
    assert act.latex


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("z*exp(-z**2)", lambda z: z * np.exp(-(z**2))),
        ("  tanh( z ) ", np.tanh),
        ("0.1*z + sin(2*z)/pi", lambda z: 0.1 * z + np.sin(2 * z) / np.pi),
        ("-z + +3", lambda z: 3 - z),
        ("z/(1+abs(z))", lambda z: z / (1 + np.abs(z))),
        ("max(z, 0) + min(exp(z) - 1, 0)", lambda z: np.where(z > 0, z, np.expm1(z))),
        ("z*sigmoid(1.702*z)", lambda z: z / (1 + np.exp(-1.702 * z))),
        ("softplus(z) - log(2)", lambda z: np.logaddexp(0, z) - np.log(2)),
        ("sqrt(1 + z**2) - 1", lambda z: np.sqrt(1 + z**2) - 1),
        ("(1 + z**2)**-1", lambda z: 1 / (1 + z**2)),
        ("expm1(-z**2)", lambda z: np.expm1(-(z**2))),
        ("1e-3*z**3", lambda z: 1e-3 * z**3),
        ("asinh(z) + arcsinh(z)", lambda z: 2 * np.arcsinh(z)),
        ("acosh(2 + z**2)", lambda z: np.arccosh(2 + z**2)),
        (
            "atanh(z/9) + asin(z/9) - acos(z/9)",
            lambda z: np.arctanh(z / 9) + np.arcsin(z / 9) - np.arccos(z / 9),
        ),
        ("sinc(z) - sinc(2*z + 1)", lambda z: np.sinc(z) - np.sinc(2 * z + 1)),
        ("sign(z)*log1p(abs(z))", lambda z: np.sign(z) * np.log1p(np.abs(z))),
        ("clip(2*z, -1, z**2)", lambda z: np.minimum(np.maximum(2 * z, -1), z**2)),
        ("step(z) + step(-z)", lambda z: np.ones_like(z)),
    ],
)
def test_expressions_mean_what_they_say(text, function):
    act = activations.get(text)
    z = np.linspace(-3, 3, 50)
    np.testing.assert_allclose(act(z), function(z), rtol=1e-13, atol=1e-15)
    slope = (function(z + 1e-6) - function(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(act.prime(z), slope, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(act.torch(torch.tensor(z)), act(z), rtol=1e-13, atol=1e-15)


def test_sinc_is_numpys_and_torchs_and_smooth_at_0():
    """z sinc(z) = sin(pi z)/pi, whatever the order of the derivative; sinc(0) is 1."""
    sinc, product = activations.get("sinc(z)"), activations.get("z*sinc(z)")
    whole = activations.get("sin(pi*z)/pi")
    z = np.concatenate([POINTS, [0.0, -0.3, 1e-5]])
    tensor = torch.tensor(z)
    np.testing.assert_allclose(sinc(z), np.sinc(z), rtol=1e-13, atol=1e-16)
    torch.testing.assert_close(sinc.torch(tensor), torch.sinc(tensor), rtol=1e-13, atol=1e-16)
    torch.testing.assert_close(product.torch_prime(tensor), torch.cos(torch.pi * tensor))
    for order, tolerance in enumerate([1e-15, 1e-14, 1e-13, 1e-12]):
        np.testing.assert_allclose(
            product.jet(z, order)[-1], whole.jet(z, order)[-1], rtol=1e-12, atol=10 * tolerance
        )
    np.testing.assert_allclose(product.taylor(), whole.taylor(), rtol=1e-13, atol=1e-30)
    assert [str(sinc.taylor_exact(k)) for k in range(5)] == ["1", "0", "-pi**2/6", "0", "pi**4/120"]
    classes_of = [classes.describe(text)["class"] for text in ("sinc(z)", "z*sinc(z)", "sin(z)")]
    assert classes_of == ["D", "B", "B"]
    MathTextParser("path").parse(sinc.label)


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_read_from_the_committed_table_is_the_derived_one(name):
    act, row = activations.get(name), built_in.row(name)
    read = Tabulated(name, row["sigma"], row["slope"])
    assert read.smooth is act.smooth
    for z in (POINTS, np.linspace(-3, 3, 25).reshape(5, 5), 0.0):
        np.testing.assert_allclose(read(z), act(z), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(read.prime(z), act.prime(z), rtol=1e-13, atol=1e-15)
    for side in (-1, 1):
        assert quadrature.growth(read, side) == quadrature.growth(act, side)


def test_an_expression_equals_its_built_in():
    z = np.linspace(-5, 5, 101)
    for name, text in (
        ("swish", "z*sigmoid(z)"),
        ("gelu", "z*(1+erf(z/sqrt(2)))/2"),
        ("cubic", "z**3"),
    ):
        np.testing.assert_allclose(activations.get(text)(z), activations.get(name)(z), atol=1e-14)


MALICIOUS = [
    "__import__('os').system('x')",
    "__import__('os')",
    "().__class__.__bases__[0].__subclasses__()",
    "z.__class__",
    "z.subs",
    "exp.__globals__",
    "lambda z: z",
    "(lambda: z)()",
    "[z for z in (1, 2)]",
    "{z}",
    "z if z else 0",
    "(y := z)",
    "z[0]",
    "f'{z}'",
    "'z'",
    "b'z'",
    "z; z",
    "z\nz",
    "import os",
    "exec('1')",
    "eval('z')",
    "open('/etc/passwd')",
    "print(z)",
    "getattr(z, 'x')",
    "exp(z, evaluate=False)",
    "exp(*z)",
    "exp()",
    "exp(z, z)",
    "max(z)",
    "clip(z, 1)",
    "impulse(z)",
    "exp",
    "exp(exp)",
    "z < 1",
    "z and z",
    "not z",
    "~z",
    "z @ z",
    "z % 2",
    "z // 2",
    "z << 3",
    "1j*z",
    "True*z",
    "None",
    "...",
    "z**z",
    "z**0.5",
    "z**(1/3)",
    "(-1)**z",
    "9**9**9**9",
    "z*9**9**9",
    "z**9**9",
    "2**-10**9*z",
    "(10**6)**64*z",
    "((((z**64)**64)**64)**64)**64",
    "1e400*z",
    "10000000*z",
    "nan*z",
    "inf*z",
    "x + z",
    "tahn",
    "",
    "   ",
    "z +",
    "((z)",
    "\x00",
    "z\x00",
    "１*z",
    "é*z",
    "z" * 500,
    "(" * 150 + "z" + ")" * 150,
    "-" * 100_000 + "z",
    "sin(" * 60 + "z" + ")" * 60,
    "exp(" * 39 + "z" + ")" * 39,
    "z**2" + "**2" * 40,
    "abs(z-1)" + "+abs(z-2)" * 20,
]


def recording(function, text, ran):
    """`function`, but a call with `text` is noted: SymPy runs code of its own making, no more."""

    def wrapper(source, *args, **kwargs):
        ran.extend([source] * (source == text))
        return function(source, *args, **kwargs)

    return wrapper


@pytest.mark.parametrize("text", MALICIOUS, ids=range(len(MALICIOUS)))
def test_text_that_is_no_expression_gives_one_line_and_runs_nothing(text, monkeypatch):
    ran = []
    monkeypatch.setattr("os.system", ran.append)
    for name in ("eval", "exec"):
        monkeypatch.setattr(builtins, name, recording(getattr(builtins, name), text, ran))
    started = time.process_time()
    with pytest.raises(ValueError) as error:
        activations.get(text)
    elapsed = time.process_time() - started
    monkeypatch.undo()
    message = str(error.value)
    assert ran == []
    assert elapsed < 5.0
    assert message.isprintable() and message.startswith("activation") and len(message) < 500


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3", "does not depend on z"),
        ("z - z", "does not depend on z"),
        ("1/z", "not real and finite"),
        ("log(z)", "not real and finite"),
        ("sqrt(z)", "not real and finite"),
        ("exp(exp(z**2))", "not real and finite"),
        ("z/0", "finite"),
        ("gellu", "gelu"),
        ("swihs", "swish"),
        ("atanh(z)", "not real and finite"),
        ("acosh(z)", "not real and finite"),
    ],
)
def test_errors_say_what_is_wrong(text, reason):
    with pytest.raises(ValueError, match=reason):
        activations.get(text)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tanh_of_tensors_is_right_to_rounding_at_every_magnitude(dtype):
    """On a plateau pre-activations are tiny: an error relative to 1 would end it."""
    z = torch.logspace(-30, 1, 400, dtype=dtype)
    z = torch.cat([z, -z]).reshape(2, -1)[:, ::2]  # strided as well
    tanh = activations.get("tanh").torch(z)
    with mpmath.workdps(30):
        exact = [float(mpmath.tanh(mpmath.mpf(v))) for v in z.flatten().tolist()]
    exact = torch.tensor(exact, dtype=torch.float64).reshape(z.shape)
    error = (tanh.double() - exact).abs() / exact.abs()
    assert tanh.dtype == dtype and error.max() <= 2 * torch.finfo(dtype).eps


def test_tanh_of_tensors_keeps_a_point_and_has_a_derivative():
    z = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    tanh = activations.get("tanh").torch(z)
    (slope,) = torch.autograd.grad(tanh, z)
    assert tanh.shape == ()
    assert float(slope) == pytest.approx(1 - tanh.item() ** 2, rel=1e-14)
    assert activations.get("tanh").torch(z.detach()).shape == ()
