"""How many steps a search over choices needs on Ax up to 1.0, where they are numbers that are rounded afterwards.

    python benchmarks/steps.py [--seeds N]    # with Ax 1.0.0 or older; 15 minutes

For each limit of L-BFGS' steps: how far the candidate's log expected improvement, after rounding, lies above that of
the search without a limit (2,000), on the same model and from the same starts, and the CPU time beside its.
"""

from __future__ import annotations

import argparse
import random
import time

import numpy as np
import torch
from experiments import quiet
from formulations import MATERIALS, WORTH, experiment_of
from tqdm import tqdm

from ax_symmetry import get_botorch

LIMITS = (15, 30, 60, 120, 240, 2000)
CASES = ((6, 40), (4, 40), (3, 20), (2, 12))  # slots, observations


def search(slots: int, n: int, seed: int) -> list[tuple[float, float]]:
    """Return the log expected improvement and the seconds of each limit."""
    points, values, rng = [], [], random.Random(seed)
    for _ in range(n):
        mixture = [(rng.choice(MATERIALS), rng.random()) for _ in range(slots)]
        numbered = enumerate(mixture)
        points.append({f"{key}_{k}": v for k, slot in numbered for key, v in zip(("material", "amount"), slot)})
        values.append(sum(WORTH[m] * x * (1 - x) for m, x in mixture))
    experiment = experiment_of(points, values)
    blocks = [[f"material_{k}", f"amount_{k}"] for k in range(slots)]
    adapter = get_botorch(experiment, experiment.lookup_data(), symmetry={"blocks": blocks})
    found = []
    for limit in LIMITS:
        torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)
        start = time.process_time()
        run = adapter.gen(1, model_gen_options={"optimizer_kwargs": {"options": {"maxiter": limit}}})
        improvement = np.ravel(run.gen_metadata["expected_acquisition_value"])[0]
        found.append((float(improvement), time.process_time() - start))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    quiet()
    cases = tqdm([(*case, seed) for case in CASES for seed in range(args.seeds)], unit="search", disable=None)
    values, seconds = np.moveaxis(np.array([search(*case) for case in cases]), 2, 0)
    print(f"{'slots, n':>10}{'steps':>8}{'log EI above the unlimited':>40}{'better':>8}{'worse':>7}{'CPU time':>26}")
    for k, (slots, n) in enumerate(CASES):
        mine = slice(k * args.seeds, (k + 1) * args.seeds)
        for j, limit in enumerate(LIMITS):
            above = values[mine, j] - values[mine, -1]
            ratio = seconds[mine, j] / seconds[mine, -1]
            spread = f"{np.median(above):.4f} ({above.min():.4f} - {above.max():.4f})"
            cost = f"{np.median(ratio):.2f} ({ratio.min():.2f} - {ratio.max():.2f})"
            counts = f"{(above > 0.01).sum():>8}{(above < -0.01).sum():>7}"
            print(f"{f'{slots}, {n}':>10}{limit:>8}{spread:>40}{counts}{cost:>26}")


if __name__ == "__main__":
    main()
