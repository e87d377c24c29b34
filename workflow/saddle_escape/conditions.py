"""What the configuration's schema cannot say: conditions between keys, and which activation serves.

A condition is (path, whether it holds, problem with its remedy).
"""

import ast
import itertools
import re

from . import built_in
from .messages import nearest, shortened
from .theory.builtin import BUILTIN


def _such(holds):
    """Names of the built-in activations whose row in the table of classes is such."""
    return tuple(row["activation"] for row in built_in.rows() if holds(row))


OFFSET = _such(lambda row: row["q"] == 0)  # sigma(0) is not 0
NO_RATE = _such(lambda row: not row["alpha"] and row["class"] != "A")  # no linear signal path
NO_SLOPE = _such(lambda row: row["alpha"] is None)  # two one-sided derivatives at 0
NO_ORDER = _such(lambda row: row["q"] is None)  # of sigma' z - sigma at 0
FUNCTIONS = (  # that theory.activations reads in an expression
    *("abs", "clip", "max", "min", "relu", "sign", "step", "sigmoid", "softplus", "ndtr", "erf"),
    "sinc",
    *("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sinh", "cosh", "sin", "cos"),
    *("asin", "acos", "atan", "asinh", "acosh", "atanh"),
    *("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"),
)
KINK = re.compile(r"\b(abs|clip|max|min|relu|sign|step)\b")  # as theory.activations has them
SMOOTH_RULES = ("trapezoid", "gauss_hermite")


def broken(config):
    """(path, problem) of the first condition that fails; (None, None) if all hold."""
    conditions = [
        *_depths(config),
        *_ranges(config),
        *_off_manifold(config["offmanifold"]),
        *_amplitudes(config),
        *_looks(config),
        *_activations(config),
    ]
    return next(((path, problem) for path, holds, problem in conditions if not holds), (None, None))


def _depths(config):
    reduction, critical = config["reduction"], config["critical_depth"]
    depth, scales = reduction["depth"], len(reduction["init"])
    problem = f"{scales} scales for depth {depth}; give one per layer"
    yield ("reduction", "init"), scales == depth, problem
    for part in ("bottleneck", "wide"):
        deepest, most = max(critical[part]["r"]), critical["bottleneck"]["depth"]
        problem = f"r = {deepest} exceeds depth {most}; give a smaller r"
        yield ("critical_depth", part, "r"), deepest <= most, problem
    for name, case in config["prefactor"]["cases"].items():
        problem = f"r = {case['r']} exceeds prefactor.depth {config['prefactor']['depth']}"
        path = ("prefactor", "cases", name, "r")
        yield path, case["r"] <= config["prefactor"]["depth"], f"{problem}; give a smaller r"
    yield from _bottlenecks(config)


def _bottlenecks(tree, path=()):
    """Every network with r small layers has so many."""
    for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(child, dict | list):
            yield from _bottlenecks(child, (*path, key))
    if isinstance(tree, dict) and "depth" in tree and isinstance(tree.get("r"), int):
        problem = f"r = {tree['r']} exceeds depth {tree['depth']}; give a smaller r"
        yield (*path, "r"), tree["r"] <= tree["depth"], problem


def _ranges(tree, path=()):
    """Every {min, max, count} below a node rises."""
    if not isinstance(tree, dict):
        return
    if {"min", "max", "count"} <= tree.keys():
        problem = f"min {tree['min']} must be below max {tree['max']}"
        yield path, tree["min"] < tree["max"], problem
    for key, child in tree.items():
        yield from _ranges(child, (*path, key))


def _off_manifold(section):
    depth, fit, points = section["depth"], section["asymptotics"], section["points"]
    named = [(point["r"], point["epsilon"]) for point in points]
    twice = next((place for place in named if named.count(place) > 1), (None, None))
    deepest = max(r for r, _ in named)
    r, depths = section["depth_independence"]["r"], section["depth_independence"]["depths"]
    conditions = [
        ("points", deepest <= depth, f"r = {deepest} exceeds depth {depth}; give a smaller r"),
        (
            "points",
            twice[0] is None,
            f"(r, epsilon) = ({twice[0]}, {twice[1]}) is given twice; keep one",
        ),
        *(
            (
                "points",
                any(point[route] for point in points),
                f"{route} is 0 at every point; give it seeds at one of them",
            )
            for route in ("flow", "sgd")
        ),
        (
            "threshold",
            section["threshold"] in section["thresholds"],
            f"{section['threshold']:g} is not among thresholds; add it there",
        ),
        (
            "asymptotics.r",
            max(fit["r"]) <= depth,
            f"r = {max(fit['r'])} exceeds depth {depth}; give a smaller r",
        ),
        (
            "depth_independence.depths",
            min(depths) >= r,
            f"depth {min(depths)} is less than r = {r}; give a greater depth",
        ),
        (
            "asymptotics.fit_points",
            fit["fit_points"] <= fit["epsilon"]["count"],
            f"{fit['fit_points']} points of a fit exceed epsilon.count {fit['epsilon']['count']}",
        ),
    ]
    for key, holds, problem in conditions:
        yield ("offmanifold", *key.split(".")), holds, problem


def _amplitudes(config):
    for section in ("cascade", "companion"):
        values = config[section]["amplitudes"]
        falling = all(a > b for a, b in itertools.pairwise(values))
        yield (section, "amplitudes"), falling, f"{values} must fall, each below the one before it"


def _looks(config):
    """What is looked at while a network trains is there."""
    descent, cascade = config["reduction"]["minibatch"], config["cascade"]["training"]
    for path, looks, steps in (
        (("reduction", "minibatch", "snapshots"), descent["snapshots"], descent["steps"]),
        (("cascade", "training", "looks"), cascade["looks"], cascade["steps"]),
    ):
        yield path, looks <= steps, f"{looks} of them exceed steps {steps}; give fewer"
    for name, case in config["weight_decay"]["cases"].items():
        lacking = set(case["followed"]) - set(config["weight_decay"]["decay_ratio"])
        problem = f"{sorted(lacking)[:3]} is not in weight_decay.decay_ratio; add it there"
        yield ("weight_decay", "cases", name, "followed"), not lacking, problem


def _activations(config):
    """Each activation is one that its study can use, and is classified."""
    used = [(("critical_depth", "activation"), config["critical_depth"]["activation"])]
    used += [
        (("universality", "epsilon", name), name) for name in config["universality"]["epsilon"]
    ]
    for path, name in _expressions(config):
        problem = unreadable(name)
        yield path, problem is None, f"'{shortened(name)}' {problem}"
    for path, name in [*used, *_of_the_power_law(config)]:
        problem = f"'{shortened(name)}' is not 0 at 0, nothing escapes; give another activation"
        yield path, name not in OFFSET, problem
        problem = f"'{shortened(name)}' has no linear signal path, its rate K is undefined"
        yield path, name not in NO_RATE, f"{problem}; give another activation"
    for path, name in _expanded(config):
        problem = f"'{shortened(name)}' has no nonlinear Taylor term at 0; give another activation"
        yield path, name not in NO_ORDER, problem
    for path, name, rule in _integrated(config):
        problem = f"'{shortened(name)}' has a kink; give quadrature rule half_line, or another"
        yield path, not (kinked(name) and rule in SMOOTH_RULES), f"{problem} activation"
    name = config["prefactor"]["activation"]
    problem = f"'{name}' has no derivative at 0; give another activation"
    yield ("prefactor", "activation"), name not in NO_SLOPE, problem
    for path, name in used:
        problem = f"'{name}' is not in classes.activations; add it there"
        yield path, name in config["classes"]["activations"], problem
    for path, name, outer in _limit_flows(config):
        problem = f"{outer} layers at order one of '{name}', which has a kink at 0"
        remedy = "give r at least depth - 1, or another activation"
        yield path, outer < 2 or name not in NO_SLOPE, f"{problem}; {remedy}"
    yield from _beyond_the_law(config["breakdown"]["cases"])


def unreadable(name):
    """What is wrong with the words of an expression, None if each is known; or of a name."""
    if name in BUILTIN:
        return None
    try:
        tree = ast.parse(name, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return "is no expression in z; close every bracket and write * between factors"
    if isinstance(tree, ast.Name) and tree.id != "z":
        return f"is not known; {nearest(name, BUILTIN)}"
    words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if unknown := sorted(words - {"z", "pi", *FUNCTIONS}):
        return f"has the unknown '{shortened(unknown[0])}'; {nearest(unknown[0], FUNCTIONS)}"
    return None if "z" in words else "does not depend on z"


def kinked(name):
    """Whether an activation, a built-in name or an expression, has a kink anywhere."""
    expression, _ = BUILTIN.get(name, (name, None))
    return bool(KINK.search(expression))


def _expressions(config):
    """(path, expression) wherever one may stand in place of a built-in name."""
    for section in ("error_law", "drift"):
        for name, case in config[section]["cases"].items():
            yield (section, "cases", name, "activation"), case["activation"]
    path, cases = ("breakdown", "cases"), config["breakdown"]["cases"]
    if case := cases.get("remedies"):
        yield (*path, "remedies", "without_constant"), case["without_constant"]
    for name in cases.get("flat_origin", {"epsilon": ()})["epsilon"]:
        yield (*path, "flat_origin", "epsilon", name), name


def _of_the_power_law(config):
    """(path, activation) of the studies whose law needs a saddle and a linear signal path."""
    for section in ("offmanifold", "weight_decay", "prefactor"):
        yield (section, "activation"), config[section]["activation"]
    for section in ("one_law", "error_law", "drift"):
        for name, case in config[section]["cases"].items():
            yield (section, "cases", name, "activation"), case["activation"]
    for path, network in _small_networks(config):
        yield (*path, "activation"), network["activation"]


def _integrated(config):
    """(path, activation, rule) of the studies that integrate over Gaussian inputs."""
    for section in ("reduction", "critical_depth"):
        part = config[section]
        yield (section, "activation"), part["activation"], part["quadrature"]["rule"]
    part = config["universality"]
    for name in part["epsilon"]:
        yield ("universality", "epsilon", name), name, part["quadrature"]["rule"]
    part = config["offmanifold"]
    rule = part["attraction"]["quadrature"]["rule"]
    yield ("offmanifold", "activation"), part["activation"], rule
    for section in ("error_law", "drift"):
        for name, case in config[section]["cases"].items():
            rule = config[section]["quadrature"]["rule"]
            yield (section, "cases", name, "activation"), case["activation"], rule


def _expanded(config):
    """(path, activation) of the studies that expand the activation at 0, up to a nonlinear term."""
    for section in ("error_law", "drift"):
        for name, case in config[section]["cases"].items():
            yield (section, "cases", name, "activation"), case["activation"]


def _limit_flows(config):
    """(path, activation, layers at order one) of the networks whose limit flow is followed.

    At a kink the flow's steps crawl if there are two such layers or more.
    """
    for name, case in config["one_law"]["cases"].items():
        for k, network in enumerate(case["networks"]):
            outer = network["depth"] - network["r"]
            yield ("one_law", "cases", name, "networks", k), case["activation"], outer
    part = config["weight_decay"]
    for name, case in part["cases"].items():
        outer = case["depth"] - case["r"]
        yield ("weight_decay", "cases", name), part["activation"], outer
    for path, network in _small_networks(config):
        yield path, network["activation"], network["depth"] - network["r"]


def _small_networks(config):
    """(path, network) of figure S5's He-normal networks."""
    for name, case in config["breakdown"]["cases"].items():
        if "network" in case:
            yield ("breakdown", "cases", name, "network"), case["network"]


def _beyond_the_law(cases):
    """Figure S5's panels of class D, and that of activations without a linear term, have such."""
    for name in ("staircase", "kicks", "remedies"):
        if case := cases.get(name):
            given = case["activation"]
            holds = given in OFFSET and given not in NO_RATE
            problem = f"'{given}' is not of class D; give softplus, sigmoid or logsigmoid"
            yield ("breakdown", "cases", name, "activation"), holds, problem
    for name in cases.get("flat_origin", {"epsilon": ()})["epsilon"]:
        problem = f"'{name}' has a linear term at 0; give one without, such as tanh(z)**2"
        path = ("breakdown", "cases", "flat_origin", "epsilon", name)
        yield path, name not in BUILTIN or name in NO_RATE, problem
