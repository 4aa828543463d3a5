"""Pack three particle components, without and with their symmetry
===============================================================

A component is a powder with a mean size, a spread (standard deviation / mean) and a mass fraction. Three components
pack the same in whatever order they are written down, and only the ratios of their sizes matter: twice as large, they
pack the same. The script maximises the packing fraction with Ax three times from the same starting points: with Ax's
own Gaussian process, with the order of the components declared, and with the common factor declared, too. ::

    python particle_packing.py                          # progress, a table, and particle_packing.html
    python particle_packing.py --repeats 8 --trials 40  # more repeats, a longer search
    python particle_packing.py --data rows.csv          # measured rows: how well do both models predict others?

The packing is the compressible packing model over log-normal size distributions of one material (mass fractions are
then volume fractions): F. de Larrard, Concrete Mixture Proportioning: A Scientific Approach, E & FN Spon, London, 1999.

`--data` reads the columns `Mean_Particle_Size_#k`, `SD_of_Particle_#k` and `Particle_#k_Mass_Fraction`, k = 1, 2, 3,
and `Packing_Fraction`, and prints the error on held-out rows as given, with their components permuted, and with all
sizes times a factor as well.

`get_botorch(..., symmetry=symmetry)` here and in `comparison.py`, which holds what all studies share, is short for ::

    config = {**symmetry, "method": "kernel"}
    get_botorch(..., transforms=[Canonicalize, SymmetrizeObservations] + Cont_X_trans + Y_trans,
                transform_configs={"SymmetrizeObservations": config, "Canonicalize": config})
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path
from typing import Any, Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from ax.core.arm import Arm
from ax.core.experiment import Experiment
from ax.core.observation import ObservationFeatures
from ax.service.utils.instantiation import InstantiationBase
from scipy.optimize import brentq, differential_evolution
from scipy.special import ndtr

from comparison import draw_best, new_parser, optimise, print_table, report, rows_of_budgets, run_all, seed_all, tick
from comparison import write_figure
from ax_symmetry import get_botorch

METHODS = ("plain", "symmetric", "ratios")
COMPONENTS = (1, 2, 3)
METRIC = "packing"
WIDTHS = (10, 26)  # of the tables' columns: labels, methods

# The physical model
VIRTUAL_PACKING = 0.64 * 10 / 9  # of one size class (beta): spheres of one size then pack to 0.64, as random ones do
COMPACTION_INDEX = 9.0  # K: vibrated and compacted; a poured packing has 4.1
EDGES = np.geomspace(0.1, 500.0, 241)  # of the size classes
SIZES = np.sqrt(EDGES[1:] * EDGES[:-1])

# The search
SLOTS = {"mean": (1.0, 100.0), "spread": (0.05, 0.60), "frac": (0.0, 1.0)}
SYMMETRY = {
    "blocks": [[f"{slot}_{k}" for slot in SLOTS] for k in COMPONENTS],
    "simplex": {"parameters": [f"frac_{k}" for k in COMPONENTS], "total": 1.0},
}
RATIOS = {**SYMMETRY, "scale": [f"mean_{k}" for k in COMPONENTS]}
BOUNDS = {f"{slot}_{k}": bounds for k in COMPONENTS for slot, bounds in SLOTS.items()}
del BOUNDS["frac_3"]  # no parameter, but implied by the other two
SEM = 0.002  # of one simulated measurement
# A lighter search for candidates than Ax's own, the same for both: fewer starts, and a shorter random walk to draw them
# by (which linear constraints ask for, and which would take most of the time).
SEARCH = {"optimizer_kwargs": {"num_restarts": 5, "options": {"n_burnin": 1000, "n_thinning": 4}}}

# Measured rows: all nine numbers are parameters
DATA_SLOTS = ("mean", "sd", "frac")
N_HELD_OUT = 2000  # rows at most


def interactions(sizes: np.ndarray, beta: float = VIRTUAL_PACKING) -> np.ndarray:
    """Return A with 1 / gamma_i = (1 - sum_j A_ij y_j) / beta: how class j helps to fill space where class i dominates.

    These are de Larrard's gamma_i for classes of one beta. A finer class fills the voids of class i as far as it does
    not loosen its grains (a); a coarser one replaces grains and voids as far as its walls open no new voids (b).
    """
    ratio = sizes[None, :] / sizes[:, None]
    a = np.sqrt(1.0 - (1.0 - np.minimum(ratio, 1.0)) ** 1.02)
    b = 1.0 - (1.0 - np.minimum(1.0 / ratio, 1.0)) ** 1.50
    return np.where(ratio < 1.0, 1.0 - a, (1.0 - beta) * (1.0 - b))


def packing_of_classes(shares: np.ndarray, interaction: np.ndarray, k: float = COMPACTION_INDEX,
                       beta: float = VIRTUAL_PACKING) -> float:
    """Return the packing fraction phi with the compaction index k = sum_i (y_i / beta) / (1 / phi - 1 / gamma_i)."""
    shares = shares / shares.sum()
    present = shares > 0
    weights = shares[present] / beta
    inverse_gamma = ((1.0 - interaction @ shares) / beta)[present]

    def excess(inverse_phi: float) -> float:  # rises steadily, from -1 / k where the first class is jammed
        with np.errstate(divide="ignore"):
            return 1.0 / np.sum(weights / (inverse_phi - inverse_gamma)) - 1.0 / k

    low = inverse_gamma.max()
    return 1.0 / brentq(excess, low, low + 1.001 / (beta * k), xtol=1e-13)


INTERACTION = interactions(SIZES)


def class_shares(means: np.ndarray, spreads: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return the share of each size class in a mixture of log-normal components."""
    sigma = np.sqrt(np.log1p(np.square(spreads)))
    mu = np.log(means) - sigma**2 / 2.0
    return np.diff(ndtr((np.log(EDGES)[:, None] - mu) / sigma), axis=0) @ fractions


def true_packing(point: dict[str, Any]) -> float:
    """Return the packing fraction at a point of the search space."""
    whole = {**point, "frac_3": max(0.0, 1.0 - point["frac_1"] - point["frac_2"])}
    shares = class_shares(*(np.array([whole[f"{slot}_{k}"] for k in COMPONENTS]) for slot in SLOTS))
    return packing_of_classes(shares, INTERACTION)


def is_log_scale(name: str) -> bool:
    return name.startswith(("mean", "sd"))


def point_in_bounds(unit: Iterable[float]) -> dict[str, float]:
    """Map a point of the unit cube to parameters."""
    return {name: low * (high / low) ** u if is_log_scale(name) else low + (high - low) * u
            for u, (name, (low, high)) in zip(unit, BOUNDS.items())}


def initial_points(n: int, seed: int) -> list[dict[str, float]]:
    """Return the first n points of a scrambled Sobol sequence whose fractions are possible."""
    engine = torch.quasirandom.SobolEngine(len(BOUNDS), scramble=True, seed=seed)
    points = (point_in_bounds(engine.draw(1, dtype=torch.double)[0].tolist()) for _ in itertools.count())
    return list(itertools.islice((point for point in points if point["frac_1"] + point["frac_2"] <= 1.0), n))


def best_possible() -> float:
    """Return the highest packing fraction in the search space, from thousands of evaluations of the physical model."""
    def voids(unit: np.ndarray) -> float:
        point = point_in_bounds(unit)
        return 1.0 - true_packing(point) if point["frac_1"] + point["frac_2"] <= 1.0 else 1.0
    return 1.0 - differential_evolution(voids, [(0.0, 1.0)] * len(BOUNDS), seed=0, maxiter=60, popsize=10).fun


def new_experiment(bounds: dict[str, tuple[float, float]], constraints: list[str]) -> Experiment:
    return InstantiationBase.make_experiment(
        name="particle_packing",
        parameters=[{"name": name, "type": "range", "value_type": "float", "bounds": [low, high],
                     "log_scale": is_log_scale(name)} for name, (low, high) in bounds.items()],
        parameter_constraints=constraints,
        objectives={METRIC: "maximize"},
    )


def search(method: str, seed: int, n_initial: int, n_trials: int) -> tuple[list[float], float]:
    """Run one search; return the noise-free packing of its trials in turn, and the seconds taken."""
    start = time.perf_counter()
    noise = iter(np.random.default_rng(seed).normal(scale=SEM, size=n_trials))

    def measure(point: dict[str, Any]) -> dict[str, float]:
        truth = true_packing(point)
        return {METRIC: truth + next(noise), "truth": truth}

    experiment = new_experiment(BOUNDS, constraints=["frac_1 + frac_2 <= 1"])
    outcomes = optimise(method, seed, n_initial, n_trials, experiment=experiment, metric=METRIC,
                        points=initial_points(min(n_initial, n_trials), seed), evaluate=measure,
                        symmetry=RATIOS if method == "ratios" else SYMMETRY, sem=SEM, options=SEARCH)
    return [outcome["truth"] for outcome in outcomes], time.perf_counter() - start


def read_rows(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the settings (rows x components x slots) and packings of a file, one row per setting."""
    columns = [c.format(k) for k in COMPONENTS for c in
               ("Mean_Particle_Size_#{}", "SD_of_Particle_#{}", "Particle_#{}_Mass_Fraction")]
    table = pd.read_csv(path).drop_duplicates(subset=columns)  # else repeats of a training row could be held out
    settings = table[columns].to_numpy(dtype=float).reshape(-1, len(COMPONENTS), len(DATA_SLOTS))
    whole = np.abs(settings[:, :, 2].sum(axis=1) - 1.0) <= 0.002
    return settings[whole], table["Packing_Fraction"].to_numpy(dtype=float)[whole]


def predict_held_out(method: str, seed: int, path: Path, n_train: int) -> tuple[float, ...]:
    """Fit one model to random rows; return its RMSE on held-out rows, and the seconds taken.

    These are as given, permuted, and permuted with all sizes times a factor that keeps them in range.
    """
    start = time.perf_counter()
    seed_all(seed)
    rng = np.random.default_rng(seed)
    settings, packings = read_rows(path)
    order = rng.permutation(len(settings))
    train, held_out = order[:n_train], order[n_train:n_train + N_HELD_OUT]

    blocks = [[f"{slot}_{k}" for slot in DATA_SLOTS] for k in COMPONENTS]
    low, high = settings.min(axis=(0, 1)).tolist(), settings.max(axis=(0, 1)).tolist()  # of each slot
    bounds = {name: (low[j], high[j]) for block in blocks for j, name in enumerate(block)}

    def parameters(setting: np.ndarray) -> dict[str, Any]:
        return dict(zip(bounds, setting.ravel().tolist()))

    experiment = new_experiment(bounds, constraints=[])
    for setting, packing in zip(settings[train], packings[train].tolist()):
        report(experiment.new_trial().add_arm(Arm(parameters=parameters(setting))), METRIC, packing, sem=None)
    symmetry = {"blocks": blocks}
    if method == "ratios":
        symmetry["scale"] = [name for name in bounds if is_log_scale(name)]
    model = get_botorch(experiment=experiment, data=experiment.lookup_data(),
                        symmetry=None if method == "plain" else symmetry)

    given = settings[held_out]
    orders = rng.permuted(np.tile(np.arange(len(COMPONENTS)), (len(given), 1)), axis=1)
    errors, permuted = [], np.take_along_axis(given, orders[:, :, None], axis=1)
    least, most = (np.asarray(ends[:2]) for ends in (low, high))  # of sizes and spreads
    smallest, largest = (least / permuted[:, :, :2]).max(axis=(1, 2)), (most / permuted[:, :, :2]).min(axis=(1, 2))
    factors = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    other_sizes = permuted * np.stack([factors, factors, np.ones(len(given))], axis=1)[:, None]
    other_sizes[:, :, :2] = np.clip(other_sizes[:, :, :2], least, most)
    for rows in (given, permuted, other_sizes):
        predicted = np.array(model.predict([ObservationFeatures(parameters(row)) for row in rows])[0][METRIC])
        errors.append(float(np.sqrt(np.mean((predicted - packings[held_out]) ** 2))))
        tick()
    return *errors, time.perf_counter() - start


def draw(best: dict[str, np.ndarray], n_initial: int, optimum: float) -> go.Figure:
    """Draw the best packing so far against the number of trials: median and range of the repeats."""
    fig = go.Figure()
    draw_best(fig, best, n_initial, digits=4)
    fig.add_hline(y=optimum, line_dash="dot", annotation_text=f"the physical model's optimum, {optimum:.4f}")
    fig.update_layout(title=f"Packing of three particle components: median and range of {len(best['plain'])} repeats",
                      xaxis_title="trials", yaxis_title="best packing fraction so far (noise-free)",
                      template="plotly_white", legend={"x": 0.98, "y": 0.05, "xanchor": "right", "yanchor": "bottom"})
    return fig


def compare_searches(args: argparse.Namespace) -> None:
    """Optimise the simulated packing with all methods; print the table, write the figure."""
    runs = run_all(search, METHODS, args, (args.initial, args.trials), steps=args.trials, unit="step")
    best = {method: np.array([np.maximum.accumulate(truth) for truth, _ in runs[method]]) for method in METHODS}
    seconds = {method: np.array([seconds for _, seconds in runs[method]]) for method in METHODS}
    optimum = best_possible()
    print_table("Best packing fraction after so many trials", "trials",
                [*rows_of_budgets(best, args.initial, step=5, digits=4), ("seconds", 1, seconds)], WIDTHS)
    print(f"\nThe first {args.initial} trials are the same for all. The physical model's optimum is {optimum:.4f}.")
    write_figure(draw(best, args.initial, optimum), args.out / "particle_packing.html")


def compare_predictions(args: argparse.Namespace) -> None:
    """Predict measured rows with all models; print the table."""
    runs = run_all(predict_held_out, METHODS, args, (args.data, args.train), steps=3, unit="step")
    table = {method: np.array(runs[method]) for method in METHODS}
    print_table(f"RMSE of the packing fraction on held-out rows, learnt from {args.train} rows", "rows", [
        (label, digits, {method: table[method][:, column] for method in METHODS})
        for column, (label, digits) in enumerate([("as given", 4), ("permuted", 4), ("times t", 4), ("seconds", 1)])],
        WIDTHS)
    gain = 1 - table["symmetric"][:, 1] / table["plain"][:, 1]
    print("\nOn permuted rows the error with the symmetry is "
          f"{np.median(gain):.0%} lower ({gain.min():.0%} to {gain.max():.0%}).")


def main() -> None:
    parser = new_parser(__doc__, {"--trials": 25, "--initial": 10, "--repeats": None},
                        "repeats, each with its own seed (default: 3, with --data 5)")
    parser.add_argument("--data", type=Path, help="CSV file of measured rows: compare predictions, not searches")
    parser.add_argument("--train", type=int, default=100, help="rows of --data to learn from")
    args = parser.parse_args()
    args.repeats = args.repeats or (5 if args.data else 3)
    compare_predictions(args) if args.data else compare_searches(args)


if __name__ == "__main__":
    main()
