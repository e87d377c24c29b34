"""Saddle escape in deep nonlinear networks: the library behind the workflow.

Modules in the order of the paper: ``activations`` and ``classes`` (the four universality classes),
``network`` (the full model), ``identity`` (Theorem 1), ``quadrature`` and ``manifold`` (Theorem 4,
Proposition 13), ``escape`` (Theorems 5 and 6), ``integrate`` (adaptive gradient flow, Theorem 11),
``blocks``, ``homotopy`` and ``stability`` (figure 5, Proposition 25), ``studies`` (what each figure
computes), ``figures`` (how it is drawn).
"""

__version__ = "0.1.0"
