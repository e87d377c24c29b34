"""Cost of the homotopy's pieces on figure 5's grid: medians over repeats, in milliseconds.

The adjoint A(nu) at one node, forward pass included, must take at most 4 times the forward solve.
Run with one BLAS thread: OMP_NUM_THREADS=1 python benchmarks/bench_cascade.py
"""

import sys

from timing import median_ms

from saddle_escape.theory import activations, blocks, homotopy

LIMIT = 4.0


def main():
    grid = blocks.make_grid(3, step=0.5, half_width=6.5)
    model = blocks.make_model(activations.get("tanh"), (1.0, 0.75, 0.5), 4, 32, grid)
    start = blocks.initial_state(3, 4, 0.1, 0.3, 0)
    cases = {
        "block gradient": lambda: blocks.gradient(model, start),
        "gradient + Hessian product": lambda: blocks.hessian_vector(model, start, start),
        "forward solve T(1/2)": lambda: homotopy.escape(model, start, 0.5, dense=False),
        "adjoint A(1/2), with its forward solve": lambda: homotopy.sensitivity(model, start, 0.5),
    }
    times = {name: median_ms(call) for name, call in cases.items()}
    for name, ms in times.items():
        print(f"{name:<40} {ms:10.2f} ms")
    *_, forward, adjoint = times.values()
    print(f"{'adjoint / forward (limit 4)':<40} {adjoint / forward:10.2f}")
    return int(adjoint > LIMIT * forward)


if __name__ == "__main__":
    sys.exit(main())
