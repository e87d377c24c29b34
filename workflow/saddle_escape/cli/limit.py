"""``limit``: when the networks of ``flow`` escape, from their initial weights alone."""

from . import networks
from .arguments import add_number, require

SUMMARY = "escape times predicted by the limit flow of the initial weights, nothing trained"
UNFINISHED = "no blow-up within"  # how the status of a run begins that its limit ended
KINKED_STEPS = 400  # whoever blows up takes some 200; the others slide along kinks to the end


def add_arguments(parser):
    """The network, its data and its start; without scales epsilon only T* is computed."""
    networks.add_arguments(parser, epsilons=None)
    add_number(parser, "max-steps", default=KINKED_STEPS, note=", where sigma has a kink at 0")


def run(args):
    """Rows (dicts with "seed" and the keys of limit_flow.PREDICTION), seed by seed.

    None where a number does not exist; the status says why.
    """
    if args.plot and not args.epsilon:
        raise ValueError("--plot: times are drawn against --epsilon; give at least one")
    return predicted(args, args.epsilon, args.max_steps)


def predicted(args, epsilons, max_steps=KINKED_STEPS):
    """The rows of ``run`` at any scales epsilon; args are those of :mod:`networks`."""
    setup = networks.setup(args)

    from ..training import bottleneck, limit_flow

    require("max-steps", max_steps, high=limit_flow.MAX_STEPS)
    rows = []
    for seed in bottleneck.progress(range(args.seeds), "run"):
        raw, x, _ = bottleneck.draw(setup, seed)
        problem = setup.problem(x)
        if _slides(problem, raw, args.bottleneck, max_steps):
            predicted = _unfinished(args.bottleneck, epsilons, max_steps)
        else:
            predicted = limit_flow.predictions(
                problem, raw, args.bottleneck, epsilons, args.weight_decay, args.decay
            )
        rows += [{"seed": seed, **row} for row in predicted]
    return rows


def _slides(problem, weights, r, max_steps):
    """Whether a kinked activation's flow, with the data in it, does not blow up within its steps.

    A kink that draws the flow in holds it: neurons stay at 0 on some inputs, and every further step
    is a small one across it. One that does blow up does so early, and is then followed once more.
    """
    from ..status import OK
    from ..training import limit_flow

    if r < 3 or limit_flow.is_multilinear(problem.act) or limit_flow.law_status(problem, r) != OK:
        return False
    flow = limit_flow.limit_flow(problem, weights, r)
    return limit_flow.blow_up_time(flow, weights[:r], max_steps=max_steps).status != [OK]


def _unfinished(r, epsilons, max_steps):
    """The rows of a network whose limit flow its limit of steps ended."""
    from ..training.limit_flow import PREDICTION

    why = "as where a flow slides along kinks; --max-steps allows more"
    words = f"{UNFINISHED} {max_steps} steps, {why}"
    row = dict.fromkeys(PREDICTION) | {"r": r, "status": words}
    return [{**row, "epsilon": epsilon} for epsilon in epsilons or [None]]


def failed(answer):
    """Whether a limit of steps came before the blow-up of any network."""
    return any(row["status"].startswith(UNFINISHED) for row in answer)


def sentence(answer):
    """How many escapes are predicted, and when."""
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
