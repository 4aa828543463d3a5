"""Mix three particle components: Ray Tune
=======================================

A component has a size, a spread and a mass fraction, and the components pack the same in whatever order they are
written down. So each result holds for all six orders. `evaluate` below knows nothing of that: it reports one value, and
`SymmetricSearch` tells Ax's model the rest. ::

    python ray_tune.py                                      # on this machine
    python ray_tune.py --trials 40 --parallel 4             # a longer search
    python ray_tune.py --address auto --storage s3://mine   # on a Ray cluster, from one of its nodes

Needs `pip install .[ray]` in a clone; the nodes of a cluster that only evaluate need no more than Ray.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import secrets
import tempfile
import warnings
from typing import Any

import ray
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from ray import tune

from ax_symmetry import Symmetry
from ax_symmetry.integrations.ray import SymmetricSearch

COMPONENTS = (1, 2, 3)
SLOTS = {"mu": (1.0, 100.0), "std": (0.05, 0.60), "frac": (0.0, 1.0)}  # size, spread / size, mass fraction
SYMMETRY = {
    "blocks": [[f"{slot}_{k}" for slot in SLOTS] for k in COMPONENTS],
    "simplex": {"parameters": [f"frac_{k}" for k in COMPONENTS], "total": 1.0},
}

INITIAL = 8  # quasi-random trials before the model takes over


def evaluate(config: dict[str, float]) -> dict[str, float]:
    """Pack one mixture: put your simulation or your experiment here.

    This stand-in knows the logarithms of the sizes only by their standard deviation, which should be 1.5, and by their
    skewness, which should be -0.5: much of the coarse component, and a little of the fine ones to fill its voids.
    """
    sizes = [math.log(config[f"mu_{k}"]) for k in COMPONENTS]
    spreads = [math.log1p(config[f"std_{k}"] ** 2) for k in COMPONENTS]  # variances of the logarithms
    fractions = [config["frac_1"], config["frac_2"], max(0.0, 1.0 - config["frac_1"] - config["frac_2"])]
    mean = sum(f * s for f, s in zip(fractions, sizes))
    sd = math.sqrt(sum(f * (v + (s - mean) ** 2) for f, s, v in zip(fractions, sizes, spreads)))
    skewness = sum(f * ((s - mean) ** 3 + 3 * (s - mean) * v) for f, s, v in zip(fractions, sizes, spreads)) / sd**3
    return {"packing": 0.60 + 0.24 * math.exp(-2 * (sd - 1.5) ** 2 - (skewness + 0.5) ** 2)}


def new_client(seed: int) -> Client:
    """Describe the experiment to Ax; the third fraction is what the other two leave."""
    client = Client(random_seed=seed)
    client.configure_experiment(
        parameters=[RangeParameterConfig(name=f"{slot}_{k}", parameter_type="float", bounds=bounds,
                                         scaling="log" if slot == "mu" else "linear")
                    for k in COMPONENTS for slot, bounds in SLOTS.items() if (slot, k) != ("frac", 3)],
        parameter_constraints=["frac_1 + frac_2 <= 1"],
    )
    client.configure_optimization(objective="packing")
    return client


class Progress(tune.Callback):
    """Print one line for each finished trial."""

    def __init__(self, total: int) -> None:
        self.total, self.values = total, [-math.inf]

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.values.append(trial.last_result["packing"])
        print(f"trial {len(self.values) - 1:3d} of {self.total}: packing {self.values[-1]:.4f}, "
              f"best so far {max(self.values):.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=14)
    parser.add_argument("--parallel", type=int, default=2, help="trials at the same time")
    parser.add_argument("--seed", type=int, default=0, help="seed of the search")
    parser.add_argument("--address", help="of a Ray cluster (default: Ray starts on this machine, and ends)")
    parser.add_argument("--storage", help="where Ray keeps its results; all nodes must reach it (default: throw away)")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")
    logging.disable(logging.INFO)  # Ax and Ray tell about every step
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

    if args.address:
        ray.init(address=args.address)
    else:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex())  # else Ray writes one into the home folder
        ray.init("local", num_cpus=args.parallel, include_dashboard=False, _node_ip_address="127.0.0.1")

    search = SymmetricSearch(new_client(args.seed), SYMMETRY, max_parallelism=args.parallel, random_seed=args.seed,
                             num_initialization_trials=INITIAL)
    with tempfile.TemporaryDirectory() as folder:
        results = tune.Tuner(
            evaluate,
            tune_config=tune.TuneConfig(metric="packing", mode="max", search_alg=search, num_samples=args.trials,
                                        reuse_actors=True),
            run_config=tune.RunConfig(storage_path=args.storage or folder, callbacks=[Progress(args.trials)],
                                      verbose=0),
        ).fit()
    best = results.get_best_result()
    ray.shutdown()

    print(f"\nbest packing {best.metrics['packing']:.4f} (0.84 is the highest possible) at")
    for name, value in best.config.items():
        print(f"  {name:7s} {value:.3f}")
    if args.trials > INITIAL:  # else there is no model yet
        images = Symmetry.from_config(SYMMETRY).orbit(best.config)
        predicted = [f"{outcome['packing'][0]:.4f}" for outcome in search.client.predict(images)]
        print(f"what the model predicts for its {len(images)} orders:", *predicted)


if __name__ == "__main__":
    main()
