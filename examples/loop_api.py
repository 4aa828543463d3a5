"""Tune three exponential smoothers: Ax's Loop API
===============================================

The ensemble predicts the next value of a series by the mean of its three members, which differ in nothing but their
rate: in whatever order the rates are written down, it is the same ensemble. `choose_generation_strategy` tells Ax
so. ::

    python loop_api.py                          # progress, and a table of the best ensembles
    python loop_api.py --trials 30 --seed 1

It runs on Ax 0.4.3 and later; from 1.3 on Ax calls `optimize` deprecated: see client_api.py for what takes its place.
"""

from __future__ import annotations

import argparse
import logging
import warnings

import numpy as np
from ax.service.managed_loop import optimize
from ax.service.utils.instantiation import InstantiationBase
from tqdm import tqdm

from ax_symmetry import choose_generation_strategy

RATES = ("rate_1", "rate_2", "rate_3")
SYMMETRY = {"blocks": [[rate] for rate in RATES]}
PARAMETERS = [
    {"name": rate, "type": "range", "value_type": "float", "bounds": [0.01, 1.0], "log_scale": True} for rate in RATES
]


def make_series(n: int = 400) -> np.ndarray:
    """Make a series that drifts slowly and swings fast, with noise."""
    rng = np.random.default_rng(0)
    drift = np.cumsum(rng.normal(scale=0.1, size=n))
    swing = np.zeros(n)
    for i in range(1, n):
        swing[i] = 0.6 * swing[i - 1] + rng.normal(scale=0.4)
    return drift + swing + rng.normal(scale=0.3, size=n)


SERIES = make_series()


def prediction_error(rates: dict[str, float]) -> float:
    """Return the root mean squared error of the ensemble's predictions, one step ahead."""
    levels = np.full(len(RATES), SERIES[0])
    rate = np.array([rates[name] for name in RATES])
    errors = []
    for value in SERIES[1:]:
        errors.append(value - levels.mean())
        levels += rate * (value - levels)
    return float(np.sqrt(np.mean(np.square(errors))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=18, help="trials, the initial ones included")
    parser.add_argument("--initial", type=int, default=8, help="quasi-random trials before the model takes over")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    strategy = choose_generation_strategy(
        InstantiationBase.make_search_space(PARAMETERS, []),
        SYMMETRY,
        num_initialization_trials=args.initial,
        random_seed=args.seed,
    )
    results = []
    with tqdm(total=args.trials, unit="trial") as bar:

        def evaluate(rates: dict[str, float]) -> dict[str, tuple[float, float]]:
            error = prediction_error(rates)
            results.append((error, [rates[name] for name in RATES]))
            bar.update()
            bar.set_postfix(best=f"{min(results)[0]:.4f}")
            return {"error": (error, 0.0)}

        optimize(
            parameters=PARAMETERS,
            evaluation_function=evaluate,
            experiment_name="ensemble",
            objective_name="error",
            minimize=True,
            total_trials=args.trials,
            random_seed=args.seed,
            generation_strategy=strategy,
        )
    if len(results) < args.trials:
        raise SystemExit(f"Ax stopped after {len(results)} trials; its log above says why.")

    print(f"\nThe best of {len(results)} ensembles: the rate of each member\n")
    print(f"{'trial':>6}{'error':>10}" + "".join(f"{name:>10}" for name in RATES))
    for trial, (error, rates) in sorted(enumerate(results), key=lambda pair: pair[1][0])[:5]:
        print(f"{trial:>6}{error:>10.4f}" + "".join(f"{rate:>10.3f}" for rate in rates))
    print("\nEvery ensemble lists its rates in one order, rising.")


if __name__ == "__main__":
    logging.disable(logging.INFO)  # Ax tells of every trial
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")
    main()
