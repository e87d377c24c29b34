"""The limit flow against other routes to its blow-up time, closed forms and full networks."""

import inspect
import math
import pkgutil
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from saddle_escape import status
from saddle_escape.theory import activations, classes, escape, exponents
from saddle_escape.theory import limit_flow as theory
from saddle_escape.training import bottleneck, integrate, limit_flow, losses, network
from saddle_escape.training.optimizers import Adam, GradientDescent, HeavyBall, updating
from saddle_escape.training.problem import Problem, single_mode

torch.set_num_threads(1)


def setting(name="tanh", depth=5, width=12, input_dim=6, samples=64):
    return bottleneck.Setup(name, depth, width, input_dim, samples)


def drawn(setup, seed=0, **changes):
    """(problem, raw weights) of one seed."""
    raw, x, _ = bottleneck.draw(setup, seed)
    return replace(setup.problem(x), **changes), raw


def blow_up(problem, raw, r, **options):
    return limit_flow.blow_up_time(limit_flow.limit_flow(problem, raw, r), raw[:r], **options)


def t_star(problem, raw, r, **options):
    return blow_up(problem, raw, r, **options).t_star.item()


# --- the flow itself ------------------------------------------------------------------------------


def signal(problem, weights):
    """E[<f, rho>] of the network."""
    f = network.forward(weights, problem.x, problem.act, problem.c)
    return (f * limit_flow.residual(problem)).sum(-1).mean()


CASES = [
    pytest.param("tanh", "standard", losses.Squared(), 1, 3, 2, id="tanh"),
    pytest.param("gelu", "ntk", losses.Squared(), 1, 4, 1, id="gelu"),
    pytest.param("tanh", "ntk", losses.Logistic(), 2, 4, 2, id="two outputs, logistic, r = L"),
    pytest.param("arctan", "standard", losses.Huber(0.3), 3, 2, 2, id="three outputs, Huber"),
]


@pytest.mark.parametrize(("name", "parameterization", "loss", "outputs", "r", "order"), CASES)
def test_signal_and_gradient_are_the_networks_at_leading_order(
    name, parameterization, loss, outputs, r, order
):
    generator = torch.Generator().manual_seed(3)
    shapes = network.layer_shapes(4, 8, 5, outputs)
    raw = network.he_normal(generator, shapes)
    x = torch.randn(40, 5, generator=generator, dtype=torch.float64)
    y = torch.randn(40, outputs, generator=generator, dtype=torch.float64).sign()
    c = network.prefactor(parameterization, 8)
    problem = Problem(activations.get(name), shapes, c, x, y, loss=loss)
    gamma, gradient = limit_flow.limit_flow(problem, raw, r).signal_and_gradient(raw[:r])
    errors = []
    for epsilon in (1e-2, 1e-3):
        weights = network.scale_layers(raw, r, epsilon)
        errors.append([signal(problem, weights) / (epsilon**r * gamma) - 1])
        flat = network.flatten(weights)
        slopes = problem.unflatten(-problem.loss_and_gradient(flat)[-1])
        for slope, limit in zip(slopes[:r], gradient, strict=True):
            errors[-1].append((slope / epsilon ** (r - 1) - limit).norm() / limit.norm())
    far, near = torch.tensor(errors, dtype=torch.float64).abs()
    # the network's own output, of order epsilon^r, is left out of rho: the loss is not linear
    expected = min(order, r)
    assert near.max() < 10 * 1e-3**expected
    assert (far / near).log10().min() > expected - 0.1


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs(z)"])
def test_kinked_flow_is_the_networks_exactly(name):
    problem, raw = drawn(setting(name, depth=4))
    gamma, gradient = limit_flow.limit_flow(problem, raw, 3).signal_and_gradient(raw[:3])
    epsilon = 1e-5
    weights = network.scale_layers(raw, 3, epsilon)
    assert signal(problem, weights) / epsilon**3 == pytest.approx(gamma.item(), rel=1e-12)
    slopes = problem.unflatten(-problem.loss_and_gradient(network.flatten(weights))[-1])
    for slope, limit in zip(slopes[:3], gradient, strict=True):
        torch.testing.assert_close(slope / epsilon**2, limit, rtol=1e-9, atol=1e-12)


def test_one_formula_serves_numpy_and_torch():
    problem, raw = drawn(setting())
    flow = limit_flow.limit_flow(problem, raw, 3)
    gamma, gradient = flow.signal_and_gradient(raw[:3])
    arrays = [w.numpy() for w in raw[:3]]
    again = theory.signal_and_gradient(arrays, flow.outer.numpy(), flow.correlation.numpy())
    assert again[0] == pytest.approx(gamma.item(), rel=1e-14)
    for a, b in zip(again[1], gradient, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-12, atol=1e-13)


def test_sample_weights_make_the_correlation_a_weighted_mean():
    problem, _ = drawn(setting())
    n = len(problem.x)
    weighted = replace(problem, sample_weights=torch.full((n,), 1 / n, dtype=torch.float64))
    torch.testing.assert_close(limit_flow.correlation(weighted), limit_flow.correlation(problem))


# --- blow-up times --------------------------------------------------------------------------------


def scipy_blow_up(problem, raw, r, stretch=30.0):
    """T* in the plain clock, on the whole matrices, by DOP853; error stretch^-(r+2)."""
    flow = limit_flow.limit_flow(problem, raw, r)
    outer, correlation = flow.outer.numpy(), flow.correlation.numpy()
    small = [w.numpy() for w in raw[:r]]
    cuts = np.cumsum([w.size for w in small])[:-1]

    def gradient(flat):
        parts = np.split(flat, cuts)
        weights = [p.reshape(w.shape) for p, w in zip(parts, small, strict=True)]
        gamma, gradients = theory.signal_and_gradient(weights, outer, correlation)
        return gamma, np.concatenate([g.ravel() for g in gradients])

    def grown(_, flat):
        return stretch * np.linalg.norm(start) - np.linalg.norm(flat)

    grown.terminal = True
    start = np.concatenate([w.ravel() for w in small])
    run = solve_ivp(
        lambda _, flat: gradient(flat)[1], (0, np.inf), start, "DOP853",
        events=grown, rtol=1e-11, atol=1e-11,
    )  # fmt: skip
    gamma, velocity = gradient(run.y_events[0][0])
    return run.t_events[0][0] + theory.time_left(gamma, velocity @ velocity, r)


@pytest.mark.parametrize(("name", "r"), [("tanh", 3), ("gelu", 4), ("sin", 5)])
def test_two_routes_to_the_blow_up_time(name, r):
    problem, raw = drawn(setting(name))
    assert t_star(problem, raw, r) == pytest.approx(scipy_blow_up(problem, raw, r), rel=1e-8)


def test_the_homogeneous_flow_of_a_linear_network_is_the_multilinear_one():
    problem, raw = drawn(setting("linear"))
    kinked = replace(problem, y=limit_flow.residual(problem), loss=limit_flow.Correlation())
    flow = limit_flow.HomogeneousFlow(kinked, raw[3:], rtol=1e-9)
    with_data = limit_flow.blow_up_time(flow, raw[:3])
    assert with_data.t_star.item() == pytest.approx(t_star(problem, raw, 3), rel=1e-8)


@pytest.mark.parametrize("r", [3, 4, 6])
def test_the_tail_converges_at_its_order(r):
    """s alone converges as G^-(r-2) in the growth G of the weights, with the tail as G^-(r+2)."""
    problem, generator = chain(r, 1.0), torch.Generator().manual_seed(0)
    scales = 1 + torch.rand(r, 1, 1, generator=generator, dtype=torch.float64)
    exact = t_star(problem, scales, r, rtol=1e-10, growth=1e4)
    growths = [4.0, 6.0, 9.0]

    def error(growth, tail):
        return abs(t_star(problem, scales, r, growth=growth, tail=tail, rtol=1e-10) / exact - 1)

    for tail, order in ((False, r - 2), (True, r + 2)):
        errors = np.array([error(growth, tail) for growth in growths])
        slopes = np.diff(np.log(errors)) / np.diff(np.log(growths))
        assert slopes[-1] == pytest.approx(-order, abs=0.1)
        assert abs(slopes[-1] + order) < abs(slopes[0] + order)


def manifold_problem(name, depth, width=6, input_dim=3):
    """The symmetric manifold's network on data whose correlation is beta_1 e_1 exactly."""
    act = activations.get(name)
    problem = single_mode(act, depth, width, torch.eye(input_dim, dtype=torch.float64))
    y = torch.zeros(input_dim, 1, dtype=torch.float64)
    y[0] = input_dim * classes.classify(act).beta1
    return replace(problem, y=y)


@pytest.mark.parametrize(("name", "depth"), [("tanh", 3), ("gelu", 4), ("erf", 6)])
def test_balanced_start_on_the_manifold_has_theorem_5s_time(name, depth):
    problem = manifold_problem(name, depth)
    direction = torch.eye(3, dtype=torch.float64)[0]
    scales = torch.ones(depth, dtype=torch.float64)
    weights = network.manifold_weights(scales, 6, direction)
    rate = classes.rate_constant(problem.act, depth, 6)
    expected = theory.balanced_blow_up_time(rate, depth)
    assert t_star(problem, weights, depth) == pytest.approx(expected, rel=1e-8)
    late = escape.closed_form(rate, 1e-4, depth) * 1e-4 ** (depth - 2)
    assert expected == pytest.approx(late, rel=1e-3)


def test_any_start_on_the_manifold_has_the_quadrature_of_theorem_6():
    problem = manifold_problem("tanh", 4)
    scales = torch.tensor([0.4, 1.5, 0.7, 1.0], dtype=torch.float64)
    weights = network.manifold_weights(scales, 6, torch.eye(3, dtype=torch.float64)[0])
    rate, high = classes.rate_constant(problem.act, 4, 6), 1e4
    t = escape.quadrature_time(rate, scales.numpy(), high) + high**-2 / (2 * rate)
    assert t_star(problem, weights, 4) == pytest.approx(t, rel=1e-8)


# --- scalar chains: closed forms ------------------------------------------------------------------


def chain(depth, target):
    """The scalar linear network f = w_L ... w_1 x on the one datum x = 1, y = target."""
    one = torch.ones(1, 1, dtype=torch.float64)
    return Problem(activations.get("linear"), [(1, 1)] * depth, 1.0, one, target * one)


def chain_flow(problem, scales, fraction, decay=0.0, **options):
    plateau = problem.plateau[None]
    return integrate.integrate(
        problem.field(weight_decay=[decay] * len(problem.shapes)),
        torch.tensor([scales], dtype=torch.float64),
        integrate.loss_event(plateau, fraction),
        plateau=plateau, clock="relative_rate", **options,
    )  # fmt: skip


def saxe_time(epsilon, target, product):
    """Saxe et al. (1312.6120), depth 4, balanced: the time at which w_4 w_3 w_2 w_1 = product."""

    def primitive(u):
        return (-(u**-0.5) + math.atanh(math.sqrt(u / target)) / math.sqrt(target)) / (2 * target)

    return primitive(product) - primitive(epsilon**4)


def test_saxes_closed_form():
    s, epsilon, product = 1.3, 0.1, 0.6
    exact = saxe_time(epsilon, s, product)
    assert exact == pytest.approx(38.241331162267, rel=1e-12)
    run = chain_flow(chain(4, s), [epsilon] * 4, ((s - product) / s) ** 2, rtol=1e-11)
    assert run.t_escape.item() == pytest.approx(exact, rel=1e-9)
    ones = [torch.ones(1, 1, dtype=torch.float64)] * 4
    star = t_star(chain(4, s), ones, 4)
    assert star == pytest.approx(1 / (2 * s), rel=1e-8)
    epsilons = np.array([1e-1, 1e-2, 1e-3])
    errors = [abs(saxe_time(e, s, product) / theory.escape_time(star, 4, e) - 1) for e in epsilons]
    slopes = np.diff(np.log10(errors)) / np.diff(np.log10(epsilons))
    np.testing.assert_allclose(slopes, exponents.correction_order(4, None), atol=0.01)


@pytest.mark.parametrize("depth", [3, 5])
def test_the_scalar_chains_basin_under_weight_decay(depth):
    """Balanced, the boundary is lambda_c = epsilon^(L-2) (s - epsilon^L) exactly."""
    s, epsilon = 1.3, 0.1
    boundary = epsilon ** (depth - 2) * (s - epsilon**depth)
    for factor, outcome in ((0.999, "escaped"), (1.001, "not_escaped")):
        decay = factor * boundary
        run = chain_flow(chain(depth, s), [epsilon] * depth, 0.3, decay, t_max=30 / decay)
        assert run.status == [outcome]
    star = theory.balanced_blow_up_time(s, depth)
    critical = theory.critical_decay(star, depth, epsilon)
    assert boundary / critical == pytest.approx(1 - epsilon**depth / s, rel=1e-12)
    assert critical == theory.critical_decay(star, depth, epsilon, "all", depth)


def test_a_negative_start_passes_through_zero_unless_two_layers_tie():
    """d|w|^2 of every layer is the same, so the smallest decides which layer changes sign."""
    problem, s = chain(3, 1.0), torch.tensor
    for scales, outcome in (
        ((-0.5, 1.0, 1.2), status.OK),
        ((-0.5, 0.5, 1.2), status.STABLE_SET),
        ((-1.0, 1.0, 1.0), status.STABLE_SET),
    ):
        small = [s([[x]], dtype=torch.float64) for x in scales]
        run = blow_up(problem, small, 3, max_steps=300)
        assert run.status == [outcome] and run.t_star.isfinite().tolist() == [outcome == status.OK]
    # dX_1/ds = X_2 X_3, a_k^2 = X_k^2 - X_1^2: both sides of the zero, in u = X_1
    exact = solve_ivp(
        lambda x, _: [1 / math.sqrt((x * x + 0.75) * (x * x + 1.19))],
        (-0.5, 1e4), [0.0], "DOP853", rtol=1e-12, atol=1e-14,
    ).y[0, -1]  # fmt: skip
    small = [s([[x]], dtype=torch.float64) for x in (-0.5, 1.0, 1.2)]
    assert t_star(problem, small, 3) == pytest.approx(exact + 1e-4, rel=1e-7)


# --- full networks --------------------------------------------------------------------------------


def ratios(setup, seed, r, epsilons, rtol=1e-8, fraction=0.1, **options):
    """Escape time of the full network over the limit flow's, for every epsilon."""
    problem, raw = drawn(setup, seed)
    star = t_star(problem, raw, r, rtol=rtol)
    run = bottleneck.escape(setup, seed, r, epsilons, fraction, rtol=rtol, **options)
    predicted = [theory.escape_time(star, r, e) for e in epsilons]
    return run.t_escape.numpy() / predicted


PUBLISHED = bottleneck.Setup("tanh", 8, 48, 12, 256)


@pytest.mark.parametrize(
    ("setup", "seed", "r", "expected"),
    [
        (PUBLISHED, 0, 3, [0.96145, 0.995885]),
        (PUBLISHED, 1, 5, [0.999117, 0.9999903]),
        (bottleneck.Setup("gelu", 6, 48, 12, 256), 0, 4, [1.003701, 1.0005454]),
    ],
)
def test_full_networks_escape_at_the_predicted_time(setup, seed, r, expected):
    """The ratios are those of an independent prototype; nothing here is fitted."""
    found = ratios(setup, seed, r, [1e-2, 1e-3])
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "r", "smallest", "order"),
    [
        ("tanh", 3, 1e-3, 1),
        ("swish", 4, 1e-3, 1),
        ("tanh", 5, 1e-3, 2),
        ("erf", 6, 1e-3, 2),
        ("linear", 5, 1e-3, 2),  # the layer at order one grows by X^2
        ("linear", 6, 1e-2, 4),  # there is none
        ("tanh(z)+tanh(z)**3/3", 5, 1e-3, 2),  # q = 5
    ],
)
def test_the_error_has_the_stated_order(name, r, smallest, order):
    setup, epsilons = setting(name, depth=6, samples=32), [2 * smallest, smallest]
    far, near = np.abs(ratios(setup, 0, r, epsilons, rtol=1e-10) - 1)
    assert math.log2(far / near) == pytest.approx(order, abs=0.06)
    q = classes.classify(setup.act).q
    assert exponents.correction_order(r, q, outer_layers=r < 6) == order


def test_seeds_whose_signal_starts_negative_escape_on_time_too():
    setup = setting(width=16)
    seeds = [
        seed
        for seed in range(12)
        if limit_flow.limit_flow(*drawn(setup, seed), 4).signal_and_gradient(
            drawn(setup, seed)[1][:4]
        )[0]
        < 0
    ]
    assert len(seeds) >= 3
    for seed in seeds[:3]:
        assert ratios(setup, seed, 4, [1e-3]) == pytest.approx(1, abs=1e-4)


def test_kinked_networks_escape_at_the_predicted_time():
    """Order r - 2 = 1, down to what the kinks leave of the tolerance."""
    far, near = np.abs(ratios(setting("relu", samples=256), 0, 3, [1e-1, 1e-2], rtol=1e-5) - 1)
    assert near < 0.02
    assert far / near == pytest.approx(10, rel=0.3)


@pytest.mark.parametrize("loss", [losses.Logistic(), losses.Huber(0.5)], ids=["logistic", "huber"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_any_loss_and_any_number_of_outputs(loss, outputs):
    generator, epsilons = torch.Generator().manual_seed(1), [1e-2, 1e-3]
    shapes = network.layer_shapes(5, 12, 6, outputs)
    raw = network.he_normal(generator, shapes)
    x = torch.randn(64, 6, generator=generator, dtype=torch.float64)
    problem = Problem(activations.get("tanh"), shapes, 1.0, x, x[:, :outputs].sign(), loss=loss)
    star, plateau = t_star(problem, raw, 5), problem.plateau.expand(2)
    run = integrate.integrate(
        problem.field(),
        bottleneck.start(None, raw, 5, epsilons),
        integrate.loss_event(plateau, 0.9),
        sizes=problem.sizes, plateau=plateau, clock="relative_rate", rtol=1e-9,
    )  # fmt: skip
    far, near = (abs(t * e**3 / star - 1) for t, e in zip(run.t_escape, epsilons, strict=True))
    assert near < 1e-5 and far / near == pytest.approx(100, rel=0.2)


@pytest.mark.parametrize(("decayed", "r"), [("small", 4), ("all", 4)])
def test_weight_decay_on_both_sides_of_its_critical_value(decayed, r):
    setup, epsilon = setting(width=16), 1e-3
    problem, raw = drawn(setup)
    star, depth = t_star(problem, raw, r), setup.depth
    critical = theory.critical_decay(star, r, epsilon, decayed, depth)
    without = theory.escape_time(star, r, epsilon)
    for share in (0.5, 0.9, 1.1):
        decay = share * critical
        layers = [decay if l < r or decayed == "all" else 0.0 for l in range(depth)]
        run = bottleneck.escape(
            setup, 0, r, [epsilon], 0.1, weight_decay=layers, t_max=30 * without, max_steps=2000
        )
        predicted = theory.escape_time(star, r, epsilon, decay, decayed, depth)
        if share < 1:
            assert run.t_escape.item() == pytest.approx(predicted, rel=3e-4)
            assert predicted > 1.3 * without
        else:
            assert run.status == ["not_escaped"] and predicted == math.inf


def steps_to_escape(problem, start, optimizer):
    plateau, weights = problem.plateau[None], network.flatten(start)[None]
    run = integrate.descend(
        updating(problem, optimizer),
        lambda: problem.x,
        weights,
        rate=optimizer.rate,
        max_steps=20_000,
        evaluate=lambda flat, index: {"loss": problem.mean_loss(flat)},
        event=integrate.loss_event(plateau, 0.5),
        next_look=integrate.geometric_schedule(0.005),
        memory=optimizer.memory(weights),
        plateau=plateau,
    )
    assert run.status == ["escaped"]
    return run.t_escape.item() / optimizer.rate


def test_steps_of_descent_with_momentum_and_with_adam():
    """One T* for three optimizers: 0.02 of it a step, so that the rate's own error is small."""
    problem, raw = drawn(setting("linear", depth=4, width=8, samples=32), 1)
    star, epsilon = t_star(problem, raw, 4), 0.1
    t, rate = theory.escape_time(star, 4, epsilon), 0.02 * star
    weights = network.scale_layers(raw, 4, epsilon)
    large = 1e3  # above every gradient
    for optimizer, options in (
        (GradientDescent(rate), {}),
        (HeavyBall(0.1 * rate, 0.9), {"momentum": 0.9}),
        (Adam(large * rate, epsilon=large), {"adam_epsilon": large}),
    ):
        predicted = theory.descent_steps(t, optimizer.rate, **options)
        assert predicted == pytest.approx(50 / epsilon**2)
        assert steps_to_escape(problem, weights, optimizer) == pytest.approx(predicted, rel=0.05)


# --- what has no time -----------------------------------------------------------------------------


def row(name="tanh", r=3, epsilons=(0.01,), depth=4, **changes):
    decay = {key: changes.pop(key) for key in ("decay", "decayed") if key in changes}
    problem, raw = drawn(setting(name, depth, samples=128), **changes)
    (prediction,) = limit_flow.predictions(problem, raw, r, epsilons, **decay)
    assert tuple(prediction) == limit_flow.PREDICTION
    return prediction


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("softplus", status.CONSTANT_PATH),
        ("cubic", status.NO_LINEAR_PATH),
        ("relu2", status.NOT_ANALYTIC),
        ("z/(1+abs(z))", status.NOT_ANALYTIC),
    ],
)
def test_activations_without_the_law_have_a_sentence(name, sentence):
    prediction = row(name)
    assert prediction["status"] == sentence
    assert prediction["t_star"] is None and prediction["t_predicted"] is None
    with pytest.raises(ValueError, match="limit flow"):
        limit_flow.limit_flow(*drawn(setting(name)), 3)


def test_targets_without_correlation_have_a_sentence():
    y = torch.zeros(128, 1, dtype=torch.float64)
    assert row(y=y)["status"] == status.NO_CORRELATION
    assert row("relu", y=y)["status"] == status.NO_CORRELATION
    x = torch.randn(64, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    even = {"x": torch.cat([x, -x]), "y": torch.cat([x, x])[:, :1].square()}
    assert row(**even)["status"] == status.NO_CORRELATION
    assert row("relu", **even)["status"] == status.OK  # its kink sees even targets


def test_one_and_two_small_layers():
    assert row(r=1)["status"] == status.NO_SADDLE and row(r=1)["t_predicted"] is None
    two = row(r=2)
    assert two["status"] == status.LOGARITHMIC and two["t_star"] is None
    problem, raw = drawn(setting(depth=4, samples=128))
    flow = limit_flow.limit_flow(problem, raw, 2)
    rate = torch.linalg.matrix_norm(flow.outer.mT @ flow.correlation, 2).item()
    assert two["critical_decay"] == pytest.approx(rate, rel=1e-7)
    assert two["t_predicted"] == pytest.approx(math.log(100) / rate, rel=1e-7)
    decaying = row(r=2, decay=rate / 2)
    assert decaying["t_predicted"] == pytest.approx(2 * two["t_predicted"], rel=1e-7)
    assert row(r=2, decay=1.01 * rate)["status"] == status.DECAYS
    assert row(r=2, decay=rate, decayed="all")["status"] == status.NO_DECAY_LAW
    assert row("relu", r=2)["t_predicted"] > 0


def test_two_small_layers_escape_after_a_logarithm():
    setup = setting(width=16)
    problem, raw = drawn(setup)
    rate = limit_flow.growth_rate(limit_flow.limit_flow(problem, raw, 2), raw[:2]).item()
    epsilons = [1e-4, 1e-8]
    t = bottleneck.escape(setup, 0, 2, epsilons, 0.1).t_escape
    between = [theory.logarithmic_escape_time(rate, e) for e in epsilons]
    assert t[1] - t[0] == pytest.approx(between[1] - between[0], rel=1e-3)


def test_predictions_with_decay_and_without_epsilon():
    plain = row()
    assert plain["status"] == status.OK
    assert plain["t_predicted"] == pytest.approx(plain["t_star"] / 0.01)
    assert row(decay=0.5 * plain["critical_decay"])["t_predicted"] > plain["t_predicted"]
    lost = row(decay=1.0001 * plain["critical_decay"])
    assert lost["t_predicted"] is None and lost["status"] == status.DECAYS
    assert lost["critical_decay"] == plain["critical_decay"]
    assert row(decayed="all")["critical_decay"] == pytest.approx(plain["critical_decay"] / 2)
    alone = row(epsilons=())
    assert alone["t_star"] == plain["t_star"] and alone["epsilon"] is None
    assert alone["t_predicted"] is alone["critical_decay"] is None
    tiny = row(r=4, epsilons=(1e-200,))
    assert tiny["t_predicted"] is None and tiny["status"] == status.BEYOND_FLOATS


def test_bad_input_is_refused_in_one_line():
    problem, raw = drawn(setting())
    with pytest.raises(ValueError, match="r: 6 is out of range, give 1 to 5"):
        limit_flow.limit_flow(problem, raw, 6)
    with pytest.raises(ValueError, match="r: 2 is too small"):
        blow_up(problem, raw, 2)
    with pytest.raises(ValueError, match="r: 2 is too small"):
        theory.escape_time(1.0, 2, 0.1)
    with pytest.raises(ValueError, match="decayed: unknown 'both'"):
        theory.critical_decay(1.0, 3, 0.1, "both")


# --- the written derivation -----------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "limit_flow.md"
FUNCTIONS = re.findall(r"`((?:theory|training|status)\.[\w.]+)`", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS)))
def test_every_function_that_the_page_names_exists(name):
    assert pkgutil.resolve_name(f"saddle_escape.{name}") is not None


def test_the_page_names_every_function_of_the_law():
    public = [f for f in dir(theory) if inspect.isfunction(getattr(theory, f)) and f[0] != "_"]
    own = [f for f in public if getattr(theory, f).__module__ == theory.__name__]
    assert {f"theory.limit_flow.{f}" for f in own} <= set(FUNCTIONS)
