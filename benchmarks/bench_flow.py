"""Cost of figure 4's two routes, and what the relative-rate clock saves: one thread, one seed.

Run with one BLAS thread: OMP_NUM_THREADS=1 python benchmarks/bench_flow.py
"""

import torch
from timing import median_ms

from saddle_escape.training import bottleneck
from saddle_escape.training.optimizers import GradientDescent, updating

FIGURE = bottleneck.Setup("tanh", 8, 128, 19, 1024)
SMALL = bottleneck.Setup("tanh", 8, 32, 16, 256)
CASES = ((5, 1e-1), (5, 1e-2), (8, 1e-1), (8, 1e-2), (8, 1e-3))
RTOL, REFERENCE = 1e-5, 1e-9


def run(r, epsilon, clock, rtol):
    """(escape time, accepted steps, gradient evaluations) of one seed on the small network."""
    run = bottleneck.escape(SMALL, 0, r, [epsilon], 0.1, clock=clock, rtol=rtol)
    return float(run.t_escape), int(run.accepted_steps), int(run.gradient_evaluations)


def main():
    torch.set_num_threads(1)
    raw, x, _ = bottleneck.draw(FIGURE, 0)
    weights = bottleneck.start(FIGURE, raw, 8, [0.3])
    field = FIGURE.problem(x).field()
    step = updating(FIGURE.problem, GradientDescent(0.01))
    single, batch = weights.float(), x[:256].float()
    print(f"flow gradient, 1024 inputs, float64  {median_ms(lambda: field(weights, None)):8.2f} ms")
    print(f"SGD step, batch 256, float32         {median_ms(lambda: step(single, batch)):8.2f} ms")
    print("\n r  epsilon      t_escape  clock           steps  gradients  relative error")
    for r, epsilon in CASES:
        exact, *_ = run(r, epsilon, "relative_rate", REFERENCE)
        for clock in ("plain", "relative_rate"):
            t, steps, gradients = run(r, epsilon, clock, RTOL)
            error = abs(t / exact - 1)
            print(
                f"{r:2} {epsilon:8g} {t:13.6g}  {clock:13} {steps:7} {gradients:10} {error:15.1e}"
            )


if __name__ == "__main__":
    main()
