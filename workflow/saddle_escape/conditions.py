"""What the configuration's schema cannot say: conditions between keys, and which activation serves.

A condition is (path, whether it holds, problem with its remedy).
"""

import itertools

from .strict_yaml import shortened

# Facts of theory.classes, which the Snakefile does not import: tests hold them against it.
OFFSET = ("softplus", "sigmoid", "cos")  # sigma(0) is not 0: the start is no saddle
NO_PATH = ("cos", "cubic", "relu2")  # no linear signal path: K is 0 or undefined
KINKED = ("relu", "leaky_relu", "relu2")
SMOOTH_RULES = ("trapezoid", "gauss_hermite")


def broken(config):
    """(path, problem) of the first condition that fails; (None, None) if all hold."""
    conditions = [
        *_depths(config),
        *_ranges(config),
        *_off_manifold(config["offmanifold"]),
        *_amplitudes(config),
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
        (
            "points",
            any(point["flow"] or point["sgd"] for point in points),
            "flow and sgd are 0 at every point; give one of them seeds",
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


def _activations(config):
    """Each activation is one that its study can use, and is classified."""
    used = [(("critical_depth", "activation"), config["critical_depth"]["activation"])]
    used += [
        (("universality", "epsilon", name), name) for name in config["universality"]["epsilon"]
    ]
    for path, name in used:
        problem = f"'{name}' is not in classes.activations; add it there"
        yield path, name in config["classes"]["activations"], problem
    for path, name in used + list(_of_the_power_law(config)):
        yield path, name not in OFFSET, f"'{name}' is not 0 at 0, nothing escapes; give another"
        problem = f"'{name}' has no linear signal path, its rate K is undefined; give another"
        yield path, name not in NO_PATH, problem
    for path, name, quadrature in _integrated(config):
        smooth_rule = quadrature["rule"] in SMOOTH_RULES
        problem = f"'{name}' has a kink; give quadrature rule half_line, or a smooth activation"
        yield path, not (name in KINKED and smooth_rule), problem
    for path, name in _expanded(config):
        problem = f"'{name}' is not smooth and nonlinear at 0, as the expansion needs; give another"
        yield path, name not in (*KINKED, "linear"), problem


def _of_the_power_law(config):
    """(path, activation) of the studies whose law needs a saddle and a linear signal path."""
    for section in ("offmanifold", "weight_decay", "prefactor"):
        yield (section, "activation"), config[section]["activation"]
    for section in ("one_law", "error_law", "drift"):
        for name, case in config.get(section, {}).get("cases", {}).items():
            yield (section, "cases", name, "activation"), case["activation"]
    for name in ("adam", "large_starts"):
        if case := config["breakdown"]["cases"].get(name):
            yield (
                ("breakdown", "cases", name, "network", "activation"),
                case["network"]["activation"],
            )


def _integrated(config):
    """(path, activation, quadrature) of the studies that integrate over Gaussian inputs."""
    for section in ("reduction", "critical_depth"):
        part = config[section]
        yield (section, "activation"), part["activation"], part["quadrature"]
    for name in config["universality"]["epsilon"]:
        yield ("universality", "epsilon", name), name, config["universality"]["quadrature"]
    part = config["offmanifold"]
    yield ("offmanifold", "activation"), part["activation"], part["attraction"]["quadrature"]


def _expanded(config):
    """(path, activation) of the studies that expand the activation at 0, up to a nonlinear term."""
    for section in ("error_law", "drift"):
        for name, case in config.get(section, {}).get("cases", {}).items():
            yield (section, "cases", name, "activation"), shortened(case["activation"])
