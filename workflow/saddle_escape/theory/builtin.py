"""The built-in activations: one line each, and one line adds another.

{name: (expression in z as :func:`~saddle_escape.theory.activations.parse` reads it, label)}. The
configuration accepts these names; everything else follows from the expressions.
"""

BUILTIN = {
    "linear": ("z", r"$z$"),
    "relu": ("relu(z)", r"ReLU"),
    "leaky_relu": ("relu(z) - 0.01*relu(-z)", r"leaky ReLU"),  # torch's default slope
    "tanh": ("tanh(z)", r"$\tanh$"),
    "erf": ("erf(z)", r"$\mathrm{erf}$"),
    "sin": ("sin(z)", r"$\sin$"),
    "arctan": ("atan(z)", r"$\arctan$"),
    "gelu": ("z*ndtr(z)", r"GELU"),
    "swish": ("z*sigmoid(z)", r"Swish"),
    "mish": ("z*tanh(softplus(z))", r"Mish"),
    "softplus": ("softplus(z)", r"softplus"),
    "sigmoid": ("sigmoid(z)", r"sigmoid"),
    "cos": ("cos(z)", r"$\cos$"),
    "cubic": ("z**3", r"$z^3$"),
    "relu2": ("relu(z)**2", r"ReLU$^2$"),
}
