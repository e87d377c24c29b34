"""``limit``: when the networks of ``flow`` escape, from their initial weights alone."""

from ..status import ABOVE_PLATEAU, NO_PLATEAU, SLIDES
from . import networks
from .arguments import LIMIT_STEPS, add_number

SUMMARY = "escape times predicted by the limit flow of the initial weights, nothing trained"
UNFINISHED = "no blow-up within"  # how the status of a run begins that its limit ended
KINKED_STEPS = 400  # whoever blows up takes some 200; the others slide along kinks to the end


def add_arguments(parser):
    """The network, its data and its start; without scales epsilon only T* is computed."""
    networks.add_arguments(parser, epsilons=None)
    add_number(
        parser, "max-steps", ", where sigma has a kink at 0", {"high": LIMIT_STEPS},
        default=KINKED_STEPS,
    )  # fmt: skip


def run(args):
    """Rows (dicts with "seed" and the keys of limit_flow.PREDICTION), seed by seed.

    None where a number does not exist; the status says why.
    """
    if args.plot and not args.epsilon:
        raise ValueError("--plot: times are drawn against --epsilon; give at least one")
    if args.weight_decay and not args.epsilon:
        raise ValueError("--weight-decay: it acts on a start of some scale; give --epsilon")
    return predicted(args, args.epsilon, args.max_steps)


def predicted(args, epsilons, max_steps=KINKED_STEPS):
    """The rows of ``run`` at any scales epsilon; args are those of :mod:`networks`."""
    setup = networks.setup(args)

    from ..training import bottleneck, limit_flow

    decay = args.weight_decay, args.decay
    rows = []
    for seed in bottleneck.progress(range(args.seeds), "run"):
        raw, x, _ = bottleneck.draw(setup, seed)
        problem = setup.problem(x)
        steps = limit_flow.MAX_STEPS if limit_flow.is_multilinear(problem.act) else max_steps
        told = limit_flow.predictions(problem, raw, args.bottleneck, epsilons, *decay, steps)
        if epsilons:
            start = bottleneck.start(setup, raw, args.bottleneck, epsilons)
            above = (problem.mean_loss(start) > ABOVE_PLATEAU * problem.plateau).tolist()
            told = [_off_plateau(row) if off else row for row, off in zip(told, above, strict=True)]
        rows += [{"seed": seed, **row, "status": _advised(row["status"], steps)} for row in told]
    return rows


def _off_plateau(row):
    """A row whose start lies above its plateau, as ``flow`` would say: it has none to escape."""
    return row | {"t_predicted": None, "status": NO_PLATEAU}


def _advised(status, steps):
    """A status, with what helps where it is the limit of steps that ended the flow."""
    more = status == SLIDES and steps < LIMIT_STEPS
    return f"{status}; --max-steps allows more" if more else status


def failed(answer):
    """Whether a limit of steps came before the blow-up of any network."""
    return networks.any_begins(answer, UNFINISHED)


def sentence(answer):
    """How many escapes are predicted, and when; without scales epsilon, the blow-up times."""
    if answer[0]["epsilon"] is None:
        return networks.times_in_words("limit flows blow up", answer, "t_star", "T*")
    return networks.times_in_words("escape times predicted", answer, "t_predicted")


def picture(args, answer):
    """The predicted times: a line for each seed, circles where they were asked for."""
    import pandas as pd

    from ..figures.answers import draw_times

    rows = [*curve(args, args.max_steps), *networks.points("asked", answer, "t_predicted")]
    return draw_times(pd.DataFrame(rows))


def curve(args, max_steps=KINKED_STEPS):
    """Rows of a picture with route "prediction", at scales around those of the arguments."""
    rows = predicted(args, networks.around(args.epsilon), max_steps)
    return networks.points("prediction", rows, "t_predicted")
