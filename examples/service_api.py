"""Place three access points, four trials at a time: AxClient
==========================================================

Each access point has a position in a corridor and a power, and the three are of the same make: swapping whole access
points changes nothing. `choose_generation_strategy` tells Ax so, and Ax then never asks for the same layout twice. ::

    python service_api.py                          # progress, and a table of the best layouts
    python service_api.py --trials 40 --seed 1

It runs on Ax 0.4.3 and later; from 1.3 on Ax calls `AxClient` deprecated: see client_api.py for what takes its place.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ax.service.ax_client import AxClient, ObjectiveProperties
from ax.service.utils.instantiation import InstantiationBase
from tqdm import tqdm

from ax_symmetry import choose_generation_strategy

POINTS = (1, 2, 3)
PARALLEL = 4  # trials that run at the same time
SYMMETRY = {"blocks": [[f"position_{k}", f"power_{k}"] for k in POINTS]}
PARAMETERS = [
    {"name": name, "type": "range", "value_type": "float", "bounds": bounds}
    for k in POINTS
    for name, bounds in ((f"position_{k}", [0.0, 100.0]), (f"power_{k}", [0.1, 1.0]))
]
CORRIDOR = np.linspace(0.0, 100.0, 201)  # metres


def coverage(layout: dict[str, float]) -> float:
    """Return the share of the corridor that is covered, less the cost of the power."""
    signal = sum(
        3.0 * layout[f"power_{k}"] * np.exp(-(((CORRIDOR - layout[f"position_{k}"]) / 15.0) ** 2)) for k in POINTS
    )
    return float(np.mean(1.0 - np.exp(-signal)) - 0.1 * sum(layout[f"power_{k}"] for k in POINTS))


def make_client(n_initial: int, seed: int) -> AxClient:
    """Make a client that knows the symmetry."""
    strategy = choose_generation_strategy(
        InstantiationBase.make_search_space(PARAMETERS, []),
        SYMMETRY,
        num_initialization_trials=n_initial,
        max_parallelism=PARALLEL,
        random_seed=seed,
    )
    client = AxClient(generation_strategy=strategy, random_seed=seed, verbose_logging=False)
    client.create_experiment(
        name="access_points",
        parameters=PARAMETERS,
        objectives={"coverage": ObjectiveProperties(minimize=False)},
    )
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24, help="trials, the initial ones included")
    parser.add_argument("--initial", type=int, default=12, help="quasi-random trials before the model takes over")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    client = make_client(args.initial, args.seed)
    results = []
    with ThreadPoolExecutor(PARALLEL) as pool, tqdm(total=args.trials, unit="trial") as bar:
        while len(results) < args.trials:
            # Ask for all trials of a round before any of them is measured: Ax knows which are still running.
            layouts, trials = zip(*(client.get_next_trial() for _ in range(min(PARALLEL, args.trials - bar.n))))
            for layout, trial, covered in zip(layouts, trials, pool.map(coverage, layouts)):
                client.complete_trial(trial, raw_data={"coverage": (covered, 0.0)})
                results.append((covered, trial, layout))
                bar.update()
            bar.set_postfix(best=f"{max(results)[0]:.3f}")

    print(f"\nThe best of {len(results)} layouts: position in metres @ power\n")
    print(f"{'trial':>6}{'coverage':>10}" + "".join(f"{f'access point {k}':>18}" for k in POINTS))
    for covered, trial, layout in sorted(results, key=lambda result: -result[0])[:5]:
        cells = (f"{layout[f'position_{k}']:.1f} @ {layout[f'power_{k}']:.2f}" for k in POINTS)
        print(f"{trial:>6}{covered:>10.3f}" + "".join(f"{cell:>18}" for cell in cells))
    print("\nEvery layout lists its access points in one order, from the start of the corridor to its end.")


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # Ax tells of every step, and of the seed
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")
    main()
