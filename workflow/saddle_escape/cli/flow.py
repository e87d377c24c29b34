"""``flow``: train full networks with a bottleneck and see when they escape."""

from ..status import null_if_nan
from .arguments import CLOCKS, add_activation, add_number, add_numbers, require

SUMMARY = "escape of full networks under adaptive gradient flow (Theorem 11)"
MAX_NUMBERS = 2**28  # of all weights, and of one epsilon's activations: 2 GB each


def add_arguments(parser):
    """The network, its data, its start and the integrator."""
    add_activation(parser, default="tanh")
    add_number(parser, "depth", default=8)
    add_number(parser, "width", default=64)
    add_number(parser, "input-dim", default=16)
    add_number(parser, "samples", default=512)
    add_number(parser, "bottleneck", default=5)
    add_numbers(parser, "epsilon", default=[0.1, 0.01])
    add_number(parser, "seeds", default=4)
    add_number(parser, "loss-fraction", default=0.1)
    add_number(parser, "rtol", default=1e-6)
    add_number(parser, "max-steps", default=10_000)
    parser.add_argument(
        "--clock", default="relative_rate", choices=CLOCKS, help="default relative_rate"
    )
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda"), help="default auto"
    )


def run(args):
    """Rows (dicts with the keys of bottleneck.ROW; t_escape None unless escaped), seed by seed."""
    require("bottleneck", args.bottleneck, high=args.depth)
    _require_memory(args)

    from ..theory import activations

    activations.get(args.activation)  # refused before torch is imported

    from ..training import bottleneck, network

    setup = bottleneck.Setup(args.activation, args.depth, args.width, args.input_dim, args.samples)
    device = network.resolve_device(args.device)
    jobs = [
        (seed, epsilons)
        for seed in range(args.seeds)
        for epsilons in bottleneck.groups(args.epsilon, device)
    ]
    rows = []
    for seed, epsilons in bottleneck.progress(jobs, "run"):
        runs = bottleneck.escape(
            setup, seed, args.bottleneck, epsilons, args.loss_fraction,
            device=device, clock=args.clock, rtol=args.rtol, max_steps=args.max_steps,
        )  # fmt: skip
        rows += bottleneck.rows(runs, seed, args.bottleneck, epsilons)
    return [{key: null_if_nan(row[key]) for key in bottleneck.ROW} for row in rows]


def _require_memory(args):
    """Raise ValueError for a network or a data set that no machine would hold."""
    weights = args.depth * args.width * max(args.width, args.input_dim)
    values = args.samples * (args.depth * args.width + args.input_dim)
    for name, numbers in (("width", weights), ("samples", values)):
        if numbers > MAX_NUMBERS:
            raise ValueError(
                f"--{name}: {getattr(args, name)} makes arrays of {numbers:.1e} numbers with these "
                f"--depth, --width and --input-dim; at most {MAX_NUMBERS:.1e} are allowed"
            )
