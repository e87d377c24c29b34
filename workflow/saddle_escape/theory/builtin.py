"""The built-in activations: one line each, and one line adds another.

{name: (expression in z as :func:`~saddle_escape.theory.activations.parse` reads it, label)}. The
configuration accepts these names; everything else follows from the expressions. All of torch's
pointwise activations are here by torch's names and at its defaults, but for those of NOT_BUILT_IN.
"""

BUILTIN = {
    "linear": ("z", r"$z$"),
    "relu": ("relu(z)", r"ReLU"),
    "leaky_relu": ("relu(z) - 0.01*relu(-z)", r"leaky ReLU"),
    "tanh": ("tanh(z)", r"$\tanh$"),
    "erf": ("erf(z)", r"$\mathrm{erf}$"),
    "sin": ("sin(z)", r"$\sin$"),
    "arctan": ("atan(z)", r"$\arctan$"),
    "gelu": ("z*ndtr(z)", r"GELU"),
    "gelu_tanh": ("z*sigmoid(sqrt(8/pi)*(z + 0.044715*z**3))", r"GELU by $\tanh$"),
    "swish": ("z*sigmoid(z)", r"Swish"),
    "silu": ("z*sigmoid(z)", r"SiLU"),  # torch's name of Swish
    "mish": ("z*tanh(softplus(z))", r"Mish"),
    "softplus": ("softplus(z)", r"softplus"),
    "sigmoid": ("sigmoid(z)", r"sigmoid"),
    "logsigmoid": ("-softplus(-z)", r"log-sigmoid"),
    "cos": ("cos(z)", r"$\cos$"),
    "cubic": ("z**3", r"$z^3$"),
    "relu2": ("relu(z)**2", r"ReLU$^2$"),
    "relu6": ("min(relu(z), 6)", r"ReLU6"),
    "elu": ("z + relu(-z) + expm1(-relu(-z))", r"ELU"),
    "celu": ("z + relu(-z) + expm1(-relu(-z))", r"CELU"),  # ELU, where its parameter is 1
    "selu": (
        "1.0507009873554805*(relu(z) + 1.6732632423543773*expm1(-relu(-z)))",
        r"SELU",
    ),
    "softsign": ("z/(1 + abs(z))", r"softsign"),
    "tanhshrink": ("z - tanh(z)", r"$z - \tanh$"),
    "softshrink": ("relu(z - 0.5) - relu(-z - 0.5)", r"softshrink"),
    "hardshrink": ("z*(step(z - 0.5) + step(-z - 0.5))", r"hardshrink"),
    "hardtanh": ("clip(z, -1, 1)", r"hard $\tanh$"),
    "hardsigmoid": ("clip(z + 3, 0, 6)/6", r"hard sigmoid"),
    "hardswish": ("z*clip(z + 3, 0, 6)/6", r"hard Swish"),
}

# Activations of torch that are not one fixed function of z, and what to use instead.
NOT_BUILT_IN = {
    "prelu": "its slope is learned; at torch's first slope it is relu(z) - 0.25*relu(-z)",
    "rrelu": "its slope is drawn at random in training; on average it is relu(z) - 11/48*relu(-z)",
    "threshold": "it has no defaults; z where z > t, else v, is v + (z - v)*step(z - t)",
    **dict.fromkeys(
        ("glu", "softmax", "softmin", "log_softmax"),
        "it mixes neurons, and is no function of one z",
    ),
}
