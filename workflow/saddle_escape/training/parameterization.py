"""The paper's network has no prefactors, ours has c before W_2..W_L: one flow, two variables.

V_1 = W_1, V_l = c W_l gives the same function. Since dLoss/dV_l = (dLoss/dW_l) / c, descent on V
with the rates (eta, c^2 eta, .., c^2 eta) takes the same steps as descent on W with eta. For c =
1/sqrt(N) these are eta and eta/N, the rates of the paper's figure 1; with one rate for all layers
the two flows differ (:func:`saddle_escape.theory.manifold.metric`).
"""


def absorb_prefactor(weights, c):
    """V_1 = W_1, V_l = c W_l for l > 1: the network without prefactors, a list of tensors."""
    return [weights[0], *(c * w for w in weights[1:])]


def layer_rates(depth, c):
    """Learning rates of V_1..V_L in units of W's one rate, (L,) as a list: 1, c^2, .., c^2."""
    return [1.0] + [c * c] * (depth - 1)
