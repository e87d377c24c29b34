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
    if args.plot and not args.epsilon:
        raise ValueError("--plot: times are drawn against --epsilon; give at least one")
    return predicted(args, args.epsilon)


def predicted(args, epsilons):
    """The rows of ``run`` at any scales epsilon; args are those of :mod:`networks`."""
    setup = networks.setup(args)

    from ..training import bottleneck, limit_flow

    rows = []
    for seed in bottleneck.progress(range(args.seeds), "run"):
        raw, x, _ = bottleneck.draw(setup, seed)
        predicted = limit_flow.predictions(
            setup.problem(x), raw, args.bottleneck, epsilons, args.weight_decay, args.decay
        )
        rows += [{"seed": seed, **row} for row in predicted]
    return rows


def sentence(answer):
    """How many escapes are predicted, and when."""
    return networks.times_in_words("escape times predicted", answer, "t_predicted")


def picture(args, answer):
    """The predicted times: a line for each seed, circles where they were asked for."""
    import pandas as pd

    from ..figures.answers import draw_times

    rows = [*curve(args), *networks.points("asked", answer, "t_predicted")]
    return draw_times(pd.DataFrame(rows))


def curve(args):
    """Rows of a picture with route "prediction", at scales around those of the arguments."""
    return networks.points(
        "prediction", predicted(args, networks.around(args.epsilon)), "t_predicted"
    )
