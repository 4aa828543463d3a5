"""Start Ray Tune from a CSV of 200 mixtures
=========================================

The problem of `mixture_from_csv.py`: its rows are attached, then Ray measures five mixtures at the same
time. It needs `pip install .[ray]` in a clone of the repository. ::

    python mixture_ray.py    # two minutes; writes mixture_ray.html
"""

from __future__ import annotations

import logging
import os
import secrets
import tempfile

import pandas as pd
import ray.tune
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from mixtures import SEM, measure, write_csv

from ax_symmetry import Symmetry
from ax_symmetry.integrations.ray import SymmetricSearch
from ax_symmetry.plotting import plot_domain

BOUNDS = {"mu": (1.0, 100.0), "std": (0.1, 20.0), "frac": (0.0, 1.0)}
BLOCKS = [[f"{slot}_{k}" for slot in BOUNDS] for k in (1, 2, 3)]
SYMMETRY = {"blocks": BLOCKS, "simplex": {"parameters": ["frac_1", "frac_2", "frac_3"], "total": 1.0}}
NAMES = [name for block in BLOCKS for name in block if name != "frac_3"]  # it is implied by the other two


def main() -> None:
    logging.disable(logging.INFO)  # Ax tells of every trial
    client = Client(random_seed=0)
    client.configure_experiment([
        RangeParameterConfig(name=name, parameter_type="float", bounds=BOUNDS[name[:-2]],
                             scaling="linear" if name.startswith("frac") else "log") for name in NAMES
    ], parameter_constraints=["frac_1 + frac_2 <= 1"])
    client.configure_optimization(objective="packing")
    with tempfile.TemporaryDirectory() as folder:
        for row in pd.read_csv(write_csv(folder)).astype(float).to_dict("records"):
            trial = client.attach_trial({name: row[name] for name in NAMES})
            client.complete_trial(trial, raw_data={"packing": (row["packing"], row["sem"])})
        os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_TOKEN": secrets.token_hex(), **os.environ})
        ray.init("local", num_cpus=5, include_dashboard=False, _node_ip_address="127.0.0.1")
        search = SymmetricSearch(client, SYMMETRY, sem="sem", num_initialization_trials=0, max_parallelism=5)
        ray.tune.Tuner(lambda mixture: {"packing": measure(mixture), "sem": SEM},
                       tune_config=ray.tune.TuneConfig(search_alg=search, num_samples=5),
                       run_config=ray.tune.RunConfig(storage_path=folder, verbose=0)).fit()
    ray.shutdown()
    best = Symmetry(SYMMETRY).canonical(client.get_best_parameterization()[0])  # of the rows and of Ray's trials
    print("best:", ", ".join(f"{name} {value:.3g}" for name, value in best.items()))
    print("its predicted packing, and the standard error: {:.3f}, {:.3f}".format(*client.predict([best])[0]["packing"]))
    plot_domain(client, SYMMETRY, "mu_1", "mu_2").write_html("mixture_ray.html")


if __name__ == "__main__":
    main()
