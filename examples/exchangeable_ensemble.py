"""Tune an ensemble of three interchangeable neural networks on scikit-learn's digits: does their symmetry help?

Each member has its own learning rate, weight decay and augmentation: how far the training images are turned and
shifted. The ensemble predicts the mean of its members' probabilities, so that their order does not matter: 6 images.
The script minimises the log loss on validation images with Sobol points, with Ax alone, and with Ax and the symmetry,
for several splits of the data. All three searches of a repeat start from the same Sobol points; a paired comparison
over the repeats says whether the symmetry helped, and images that no search has seen have the last word.

    python exchangeable_ensemble.py                          # progress, tables, and exchangeable_ensemble.html
    python exchangeable_ensemble.py --repeats 12 --trials 60 # more repeats, a longer search

All members of a repeat have the same seed (first weights, batches, random turns and shifts). It does not depend on the
slot, else swapping two members would make another ensemble: they differ by their hyperparameters alone.

What came out (defaults: seeds 0 to 4; Ax 1.3.1, botorch 0.18.1, torch 2.13.0, scikit-learn 1.9.1; 3 minutes of CPU time
for two processes): after 30 trials the symmetry made no difference that five repeats could show. Its gain over Ax alone
in log loss was -0.023 on average (95 % interval -0.113 to 0.067), and it was ahead in 3 of 5. The best ensemble of all
had three members alike to two digits. Such an ensemble is its own image in any order: it has no copies elsewhere in the
space that Ax alone would have to learn again.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import queue
import random
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from ax.core.arm import Arm
from ax.service.utils.instantiation import InstantiationBase
from scipy.ndimage import map_coordinates
from scipy.stats import t as student_t
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from tqdm import tqdm

from ax_symmetry import get_botorch

METHODS = {"sobol": "Sobol points", "plain": "Ax alone", "symmetric": "with the symmetry"}
COLORS = {"sobol": "150,150,150", "plain": "76,86,106", "symmetric": "209,73,91"}
METRIC = "log_loss"

MEMBERS = (1, 2, 3)
SLOTS = {"rate": (1e-4, 1e-1), "decay": (1e-5, 1e1), "jitter": (0.0, 1.0)}  # the first two on a log scale
SYMMETRY = {"blocks": [[f"{slot}_{k}" for slot in SLOTS] for k in MEMBERS]}
PARAMETERS: list[dict[str, Any]] = [
    {"name": f"{slot}_{k}", "type": "range", "value_type": "float", "bounds": list(SLOTS[slot]),
     "log_scale": slot != "jitter"}
    for k in MEMBERS for slot in SLOTS
]
N_TRAIN, N_VALIDATION = 200, 500  # images; the other 1,097 are for the test
COPIES, BATCH, HIDDEN = 20, 40, 32  # of every training image, each turned and shifted otherwise; images; units
TURN, SHIFT = 30.0, 2.0  # standard deviations at jitter 1: degrees, pixels


@lru_cache(maxsize=1)
def split(seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return images (n x 8 x 8, in [0, 1]) and digits of the training, validation and test part of a repeat."""
    digits = load_digits()
    images, labels = digits.images / 16.0, digits.target
    options = {"random_state": seed, "stratify": labels}
    train, rest = train_test_split(np.arange(len(labels)), train_size=N_TRAIN, **options)
    validation, test = train_test_split(rest, train_size=N_VALIDATION, random_state=seed, stratify=labels[rest])
    return tuple((images[part], labels[part]) for part in (train, validation, test))


def jittered(images: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Turn every image (n x 8 x 8) about its middle and shift it, at random."""
    n, size, _ = images.shape
    angle = np.deg2rad(TURN) * jitter * rng.standard_normal((n, 1, 1))
    shift = SHIFT * jitter * rng.standard_normal((2, n, 1, 1))
    middle = (size - 1) / 2.0
    row, column = np.mgrid[:size, :size][:, None] - middle
    source = [
        np.broadcast_to(np.arange(n)[:, None, None], images.shape),
        middle + np.cos(angle) * row - np.sin(angle) * column + shift[0],
        middle + np.sin(angle) * row + np.cos(angle) * column + shift[1],
    ]
    return map_coordinates(images, source, order=1)


def member_probabilities(rate: float, decay: float, jitter: float, seed: int) -> list[np.ndarray]:
    """Train one member; return its probabilities (n x 10) for the validation and the test images."""
    (images, labels), *others = split(seed)
    rng = np.random.default_rng(seed)
    network = MLPClassifier(HIDDEN, learning_rate_init=rate, alpha=decay, batch_size=BATCH, random_state=seed)
    copies = jittered(np.tile(images, (COPIES, 1, 1)), jitter, rng)
    network.partial_fit(copies.reshape(len(copies), -1), np.tile(labels, COPIES), classes=range(10))  # sees each once
    return [network.predict_proba(part.reshape(len(part), -1)) for part, _ in others]


def evaluate(point: dict[str, float], seed: int) -> dict[str, float]:
    """Return the ensemble's log loss on the validation images, and its log loss and accuracy on the test images."""
    members = [member_probabilities(*(point[f"{slot}_{k}"] for slot in SLOTS), seed) for k in MEMBERS]
    # Sorted before they are added: not even the last bit depends on the order of the members.
    validation, test = (np.sort(np.stack(part), axis=0).mean(axis=0) for part in zip(*members))
    _, (_, seen), (_, unseen) = split(seed)
    return {
        METRIC: float(log_loss(seen, validation, labels=range(10))),
        "test_log_loss": float(log_loss(unseen, test, labels=range(10))),
        "test_accuracy": float(accuracy_score(unseen, test.argmax(axis=1))),
    }


def sobol_points(n: int, seed: int) -> list[dict[str, float]]:
    """Return the first n points of a scrambled Sobol sequence in the search space."""
    units = torch.quasirandom.SobolEngine(len(PARAMETERS), scramble=True, seed=seed).draw(n, dtype=torch.double)
    points = []
    for unit in units.tolist():
        bounds = [parameter["bounds"] for parameter in PARAMETERS]
        points.append({
            parameter["name"]: low * (high / low) ** u if parameter["log_scale"] else low + (high - low) * u
            for u, parameter, (low, high) in zip(unit, PARAMETERS, bounds)
        })
    return points


def search(method: str, seed: int, n_initial: int, n_trials: int) -> list[dict[str, float]]:
    """Run one search; return the parameters and the outcomes of its trials in turn."""
    for generator in (random.seed, np.random.seed, torch.manual_seed):  # Ax up to 1.0 uses all three
        generator(seed)
    points = sobol_points(n_trials, seed)
    experiment = InstantiationBase.make_experiment(
        name="ensemble", parameters=PARAMETERS, objectives={METRIC: "minimize"}
    )
    outcomes = []
    for i in range(n_trials):
        if i < n_initial or method == "sobol":
            trial = experiment.new_trial().add_arm(Arm(parameters=points[i]))
        else:
            symmetry = SYMMETRY if method == "symmetric" else None
            model = get_botorch(experiment=experiment, data=experiment.lookup_data(), symmetry=symmetry)
            trial = experiment.new_trial(generator_run=model.gen(n=1))
        point = trial.arm.parameters
        outcomes.append({**point, **evaluate(point, seed)})
        trial.mark_running(no_runner_required=True)
        trial.update_trial_data(raw_data={METRIC: (outcomes[i][METRIC], 0.0)})
        trial.mark_completed()
        ticks.put(1)
    return outcomes


def start_worker(shared_ticks: Any) -> None:
    global ticks  # one item per finished trial, for the progress bar
    ticks = shared_ticks
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")


def run_all(args: argparse.Namespace) -> dict[str, list[list[dict[str, float]]]]:
    """Run every method and repeat in two processes, with a progress bar."""
    context = multiprocessing.get_context("spawn")
    shared_ticks = context.Queue()
    with ProcessPoolExecutor(2, context, start_worker, (shared_ticks,)) as pool:
        futures: dict[str, list[Any]] = {method: [] for method in METHODS}
        for seed in range(args.seed, args.seed + args.repeats):
            for method in METHODS:
                futures[method].append(pool.submit(search, method, seed, args.initial, args.trials))
        waiting = [future for of_method in futures.values() for future in of_method]
        with tqdm(total=args.trials * len(waiting), unit="trial") as bar:
            while bar.n < bar.total and not any(future.done() and future.exception() for future in waiting):
                try:
                    bar.update(shared_ticks.get(timeout=1.0))
                except queue.Empty:
                    pass
        return {method: [future.result() for future in of_method] for method, of_method in futures.items()}


def verdict(gains: np.ndarray, digits: int) -> str:
    """Say whether the symmetry helped, from its gain over Ax alone in each repeat: a paired t-test at 5 %."""
    if len(gains) < 2:
        return f"The symmetry's gain is {gains[0]:+.{digits}f} in the only repeat, which says nothing about others."
    half = student_t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    low, high = gains.mean() - half, gains.mean() + half
    word = "helped" if low > 0 else "hurt" if high < 0 else "made no difference that these repeats could show"
    return (f"The symmetry {word}: its gain over Ax alone is {gains.mean():+.{digits}f} on average\n(95 % interval "
            f"{low:+.{digits}f} to {high:+.{digits}f}); it is ahead in {(gains > 0).sum()} of {len(gains)} repeats.")


def print_table(title: str, corner: str, rows: list[tuple[str, int, list[np.ndarray]]]) -> None:
    """Print one line per row (label, digits, the repeats' values for each method): median (lowest - highest)."""
    print(f"\n{title}: median (lowest - highest) of the repeats\n")
    print(f"{corner:>14}" + "".join(f"{label:>26}" for label in METHODS.values()))
    for label, digits, values in rows:
        cells = (f"{np.median(v):.{digits}f} ({np.min(v):.{digits}f} - {np.max(v):.{digits}f})" for v in values)
        print(f"{label:>14}" + "".join(f"{cell:>26}" for cell in cells))


def draw(best: dict[str, np.ndarray], n_initial: int) -> go.Figure:
    """Draw the lowest log loss so far (repeats x trials) against the number of trials: median and range."""
    fig = go.Figure()
    for method, label in METHODS.items():
        n = np.arange(1, best[method].shape[1] + 1)
        low, middle, high = best[method].min(axis=0), np.median(best[method], axis=0), best[method].max(axis=0)
        fig.add_scatter(x=np.r_[n, n[::-1]], y=np.r_[high, low[::-1]], fill="toself", mode="none", hoverinfo="skip",
                        fillcolor=f"rgba({COLORS[method]},0.15)", legendgroup=method, showlegend=False)
        fig.add_scatter(x=n, y=middle, mode="lines+markers", line_color=f"rgb({COLORS[method]})", name=label,
                        legendgroup=method, customdata=np.c_[low, high],
                        hovertemplate="%{x} trials: %{y:.4f} (%{customdata[0]:.4f} - %{customdata[1]:.4f})")
    fig.add_vrect(x0=1, x1=n_initial, fillcolor="grey", opacity=0.08, line_width=0,
                  annotation_text="the same initial trials", annotation_position="bottom left")
    fig.update_layout(title=f"An ensemble of three networks: median and range of {len(best['plain'])} repeats",
                      xaxis_title="trials", yaxis_type="log",
                      yaxis_title="lowest validation log loss so far", yaxis_tickvals=[0.1, 0.2, 0.3, 0.5, 1.0, 2.0],
                      template="plotly_white", legend={"x": 0.98, "y": 0.95, "xanchor": "right", "yanchor": "top"})
    return fig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30, help="trials of a search, the initial ones included")
    parser.add_argument("--initial", type=int, default=12, help="Sobol points before the model takes over")
    parser.add_argument("--repeats", type=int, default=5, help="repeats, each with its own seed and split of the data")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first repeat")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the figure")
    args = parser.parse_args()

    runs = run_all(args)
    losses = {method: np.array([[o[METRIC] for o in outcomes] for outcomes in runs[method]]) for method in METHODS}
    best = {method: np.minimum.accumulate(losses[method], axis=1) for method in METHODS}
    chosen = {method: [outcomes[int(np.argmin(row))] for outcomes, row in zip(runs[method], losses[method])]
              for method in METHODS}

    def tested(name: str) -> list[np.ndarray]:
        return [np.array([outcome[name] for outcome in chosen[method]]) for method in METHODS]

    budgets = sorted({*range(args.initial, args.trials, 6), args.trials})
    print_table("Lowest log loss on the validation images after so many trials", "trials",
                [(str(n), 4, [best[method][:, n - 1] for method in METHODS]) for n in budgets])
    print(f"\nThe first {args.initial} trials are the same for all.")
    print(verdict(best["plain"][:, -1] - best["symmetric"][:, -1], 4))
    print_table("The ensemble with the lowest validation loss, on test images that no search has seen", "",
                [("log loss", 4, tested("test_log_loss")), ("accuracy", 3, tested("test_accuracy"))])
    _, plain, symmetric = tested("test_log_loss")
    print(f"\nOn the test images: {verdict(plain - symmetric, 4)}")

    top = min((outcome for method in METHODS for outcome in chosen[method]), key=lambda outcome: outcome[METRIC])
    print("\nThe members of the best ensemble of all\n\n" + "".join(f"{slot:>14}" for slot in SLOTS))
    for k in MEMBERS:
        print("".join(f"{top[f'{slot}_{k}']:>14.3g}" for slot in SLOTS))

    fig, file = draw(best, args.initial), args.out / "exchangeable_ensemble.html"
    args.out.mkdir(parents=True, exist_ok=True)
    fig.write_html(file)
    print(f"\nFigure: {file}")
    if importlib.util.find_spec("kaleido"):
        try:
            fig.write_image(file.with_suffix(".png"), width=900, height=550, scale=2)
        except RuntimeError as error:  # kaleido found no browser
            print(f"No PNG: {error}")


if __name__ == "__main__":
    main()
