"""``limit``: when the networks of ``flow`` escape, from their initial weights alone."""

from . import networks

SUMMARY = "escape times predicted by the limit flow of the initial weights, nothing trained"


def add_arguments(parser):
    """The network, its data and its start; without scales epsilon only T* is computed."""
    networks.add_arguments(parser, epsilons=None)


def run(args):
    """Rows (dicts with "seed" and the keys of limit_flow.PREDICTION), seed by seed.

    None where a number does not exist; the status says why.
    """
    setup = networks.setup(args)

    from ..training import bottleneck, limit_flow

    rows = []
    for seed in bottleneck.progress(range(args.seeds), "run"):
        raw, x, _ = bottleneck.draw(setup, seed)
        predicted = limit_flow.predictions(
            setup.problem(x), raw, args.bottleneck, args.epsilon, args.weight_decay, args.decay
        )
        rows += [{"seed": seed, **row} for row in predicted]
    return rows
