"""Modewise escape in the reduced model: eqs. 52 and 53, and E.6's other route to them."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from saddle_escape.claims.checks.modes import exact_time
from saddle_escape.theory import activations, escape, modewise

TANH = activations.get("tanh")


@pytest.mark.parametrize("theta", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("depth", range(2, 9))
def test_profile_is_its_integral(depth, theta):
    def integrand(s):
        return (1 + s * s) ** (-(depth - 1) / 2)

    integral = quad(integrand, 0, theta, epsabs=0, epsrel=1e-12)[0]
    assert modewise.profile(depth, theta) == pytest.approx(integral, rel=1e-11)


def test_profile_of_four_layers():
    assert modewise.profile(4, 2.0) == pytest.approx(2 / math.sqrt(5), rel=1e-14)


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 6])
def test_forced_profile_is_the_same_at_three_layers_alone(depth):
    """Eq. 65's 1 + u^(L-1) is (1 + u^2)^((L-1)/2) at L = 3."""
    ratio = modewise.forced_profile(depth, 2.0) / modewise.profile(depth, 2.0)
    assert (abs(ratio - 1) < 1e-12) == (depth == 3)
    if depth != 3:
        assert abs(ratio - 1) > 0.1


def test_chain_moment():
    assert modewise.chain_moment(TANH, 4, 0.0) == 1.0
    rho = 0.05  # one slope at h = rho g, the next at O(rho^2)
    expected = 1 - rho**2 * (1 + rho**2)
    assert modewise.chain_moment(TANH, 4, rho) == pytest.approx(expected, abs=3 * rho**4)


@pytest.mark.parametrize("depth", [4, 5])
def test_exact_flow_tends_to_the_modewise_time(depth):
    errors = [
        exact_time(TANH, depth, 64, rho, 3.0) / modewise.escape_time(TANH, 1.0, depth, 64, rho, 3.0)
        - 1
        for rho in (0.04, 0.01)
    ]
    assert abs(errors[1]) < 1e-4
    assert abs(errors[1]) < abs(errors[0]) / 6


def test_modewise_time_is_theorem_5_s_quadrature():
    """With T_L at its limit 1: the same leading-order flow, from X_1 = 0 with the rest at rho."""
    rho, theta = 1e-3, 2.0
    rate = 1.0 * TANH_BETA / math.sqrt(64)
    t = escape.quadrature_time(rate, [0.0, rho, rho, rho], theta * rho)
    assert modewise.escape_time(TANH, 1.0, 4, 64, rho, theta) == pytest.approx(t, rel=1e-5)


TANH_BETA = 0.6057055096
ORDERED = [(1.0, 0.05), (0.3, 0.05), (0.08, 0.05), (0.3, 0.12), (1.0, 0.02)]


@pytest.mark.parametrize("theta", [0.5, 3.0])
def test_modes_escape_in_the_order_of_their_growth(theta):
    times = [modewise.escape_time(TANH, s, 4, 20, rho, theta) for s, rho in ORDERED]
    growths = [modewise.growth(TANH, s, 4, 20, rho) for s, rho in ORDERED]
    assert list(np.argsort(times)) == list(np.argsort(growths)[::-1])
    assert np.argmin(times) == 3  # s = .3 before s = 1: its layers are larger
