"""Start from a CSV of 200 mixtures
================================

Each mixture has three components, each with a size, a spread and a fraction. Which five mixtures should be measured
next, and what is the best one then? `mixtures.py` writes the CSV, and stands in for the experiment. ::

    python mixture_from_csv.py    # two minutes; writes mixture_from_csv.html
"""

from __future__ import annotations

import logging
import tempfile

import pandas as pd
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from mixtures import SEM, measure, write_csv

from ax_symmetry import Symmetry, choose_generation_strategy
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
        rows = pd.read_csv(write_csv(folder)).astype(float)
    for row in rows.to_dict("records"):
        trial = client.attach_trial({name: row[name] for name in NAMES})
        client.complete_trial(trial, raw_data={"packing": (row["packing"], row["sem"])})
    print(f"{len(rows)} rows: packing {rows.packing.median():.3f} in the median, {rows.packing.max():.3f} at most")

    client.set_generation_strategy(choose_generation_strategy(client, SYMMETRY, num_initialization_trials=0))
    for trial, mixture in client.get_next_trials(max_trials=5).items():
        client.complete_trial(trial, raw_data={"packing": (measure(mixture), SEM)})
        print(f"trial {trial}: packing {measure(mixture):.3f}")

    best = Symmetry(SYMMETRY).canonical(client.get_best_parameterization()[0])  # mu_1 <= mu_2 <= mu_3
    mean, sem = client.predict([best])[0]["packing"]
    print("best:", ", ".join(f"{name} {value:.3g}" for name, value in best.items()))
    print(f"predicted packing: {mean:.3f}, standard error {sem:.3f}")
    plot_domain(client, SYMMETRY, "mu_1", "mu_2").write_html("mixture_from_csv.html")


if __name__ == "__main__":
    main()
