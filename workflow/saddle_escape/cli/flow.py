"""``flow``: train full networks with a bottleneck and see when they escape."""

from ..status import NOT_ESCAPED, NOT_WITHIN, null_if_nan
from . import limit, networks
from .arguments import CLOCKS, add_number

SUMMARY = "escape of full networks under adaptive gradient flow (Theorem 11)"
DECAY_TIMES = 100  # after so many times 1 / lambda weights that shrink have gone for good


def add_arguments(parser):
    """The network, its data, its start and the integrator."""
    networks.add_arguments(parser, epsilons=[0.1, 0.01])
    add_number(parser, "loss-fraction", default=0.1)
    add_number(parser, "rtol", default=1e-6)
    add_number(parser, "max-steps", default=10_000)
    parser.add_argument(
        "--clock",
        default="arc_length",
        choices=CLOCKS,
        help="what the integrator steps in: flow time, relative growth, in which a plateau is "
        "short, or the same and later its length (default arc_length)",
    )
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda"),
        help="where to compute; auto takes a GPU if there is one (default auto)",
    )


def run(args):
    """Rows (dicts with the keys of bottleneck.ROW; t_escape None unless escaped), seed by seed."""
    setup = networks.setup(args)

    from ..training import bottleneck, network

    device = network.resolve_device(args.device)
    rows = []
    groups = bottleneck.groups(setup, args.epsilon, device)
    jobs = [(seed, epsilons) for seed in range(args.seeds) for epsilons in groups]
    for seed, epsilons in bottleneck.progress(jobs, "run"):
        runs = bottleneck.escape(
            setup, seed, args.bottleneck, epsilons, args.loss_fraction,
            device=device, clock=args.clock, rtol=args.rtol, max_steps=args.max_steps,
            **_decay(args),
        )  # fmt: skip
        at_limit = runs.accepted_steps + runs.rejected_steps >= args.max_steps
        told = bottleneck.rows(runs, seed, args.bottleneck, epsilons)
        rows += [_advised(*row, args) for row in zip(told, at_limit, strict=True)]
    return [{key: null_if_nan(row[key]) for key in bottleneck.ROW} for row in rows]


def _advised(row, at_limit, args):
    """A row, whose status is the limit of steps if that ended the run."""
    if row["status"] != NOT_ESCAPED or not at_limit:
        return row
    return row | {"status": f"{NOT_WITHIN} {args.max_steps} steps; --max-steps allows more"}


def failed(answer):
    """Whether a limit of steps came before the end of any run."""
    return networks.any_begins(answer, NOT_WITHIN)


def sentence(answer):
    """How many runs escaped, and when."""
    return networks.times_in_words("runs escaped", answer, "t_escape")


def picture(args, answer):
    """The computed times on the limit flow's prediction for the same networks, and their ratio."""
    import pandas as pd

    from ..figures.answers import draw_times

    rows = [*limit.curve(args), *networks.points("flow", answer, "t_escape")]
    return draw_times(pd.DataFrame(rows))


def _decay(args):
    """The options of weight decay, none without it."""
    if not args.weight_decay:
        return {}
    decaying = args.bottleneck if args.decay == "small" else args.depth
    layers = [args.weight_decay if l < decaying else 0.0 for l in range(args.depth)]
    return {"weight_decay": layers, "t_max": DECAY_TIMES / args.weight_decay}
