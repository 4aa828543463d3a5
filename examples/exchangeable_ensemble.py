"""Tune an ensemble of three interchangeable neural networks on scikit-learn's digits: does their symmetry help?
=============================================================================================================

Each member has its own learning rate, weight decay and augmentation: how far the training images are turned and
shifted. The ensemble predicts the mean of its members' probabilities, so that their order does not matter: 6 images.
The script minimises the log loss on validation images with Sobol points, with Ax alone, and with Ax and the symmetry,
for several splits of the data. All three searches of a repeat start from the same Sobol points; a paired comparison
over the repeats says whether the symmetry helped, and images that no search has seen have the last word. The
searches are in `comparison.py`: what all studies share. ::

    python exchangeable_ensemble.py                          # progress, tables, and exchangeable_ensemble.html
    python exchangeable_ensemble.py --repeats 20 --trials 60 # more repeats, a longer search

All members of a repeat have the same seed (first weights, batches, random turns and shifts). It does not depend on the
slot, else swapping two members would make another ensemble: they differ by their hyperparameters alone.

What came out (defaults: seeds 0 to 11; Ax 1.3.1, botorch 0.18.1, torch 2.13.0, scikit-learn 1.9.1; three minutes):
after 30 trials the symmetry made no difference that twelve repeats could show. Its gain over Ax alone in log loss was
-0.05 on average (95 % interval -0.18 to 0.08), and it was ahead in 5 of 12. After 18 trials both medians were 0.45. The
best ensemble of all had three members alike. Such an ensemble is its own image in any order: it has no copies elsewhere
in the space that Ax alone would have to learn again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from ax.service.utils.instantiation import InstantiationBase
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from comparison import METHODS, draw_best, new_parser, optimise, print_table, rows_of_budgets, run_all, verdict
from comparison import write_figure

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
    experiment = InstantiationBase.make_experiment(
        name="ensemble", parameters=PARAMETERS, objectives={METRIC: "minimize"}
    )
    return optimise(method, seed, n_initial, n_trials, experiment=experiment, metric=METRIC,
                    points=sobol_points(n_trials, seed), evaluate=lambda point: evaluate(point, seed),
                    symmetry=SYMMETRY)


def draw(best: dict[str, np.ndarray], n_initial: int) -> go.Figure:
    """Draw the lowest log loss so far (repeats x trials) against the number of trials: median and range."""
    fig = go.Figure()
    draw_best(fig, best, n_initial, digits=4)
    fig.update_layout(title=f"An ensemble of three networks: median and range of {len(best['plain'])} repeats",
                      xaxis_title="trials", yaxis_type="log",
                      yaxis_title="lowest validation log loss so far", yaxis_tickvals=[0.1, 0.2, 0.3, 0.5, 1.0, 2.0],
                      template="plotly_white", legend={"x": 0.98, "y": 0.95, "xanchor": "right", "yanchor": "top"})
    return fig


def main() -> None:
    parser = new_parser(__doc__, {"--trials": 30, "--initial": 12, "--repeats": 12},
                        "repeats, each with its own seed and split of the data")
    args = parser.parse_args()

    runs = run_all(search, METHODS, args, (args.initial, args.trials), steps=args.trials)
    losses = {method: np.array([[o[METRIC] for o in outcomes] for outcomes in runs[method]]) for method in METHODS}
    best = {method: np.minimum.accumulate(losses[method], axis=1) for method in METHODS}
    chosen = {method: [outcomes[int(np.argmin(row))] for outcomes, row in zip(runs[method], losses[method])]
              for method in METHODS}

    def tested(name: str) -> dict[str, np.ndarray]:
        return {method: np.array([outcome[name] for outcome in chosen[method]]) for method in METHODS}

    print_table("Lowest log loss on the validation images after so many trials", "trials",
                rows_of_budgets(best, args.initial, step=6, digits=4))
    print(f"\nThe first {args.initial} trials are the same for all.")
    print(verdict(best["plain"][:, -1] - best["symmetric"][:, -1], 4))
    print_table("The ensemble with the lowest validation loss, on test images that no search has seen", "",
                [("log loss", 4, tested("test_log_loss")), ("accuracy", 3, tested("test_accuracy"))])
    test = tested("test_log_loss")
    print(f"\nOn the test images: {verdict(test['plain'] - test['symmetric'], 4)}")

    top = min((outcome for method in METHODS for outcome in chosen[method]), key=lambda outcome: outcome[METRIC])
    print("\nThe members of the best ensemble of all\n\n" + "".join(f"{slot:>14}" for slot in SLOTS))
    for k in MEMBERS:
        print("".join(f"{top[f'{slot}_{k}']:>14.3g}" for slot in SLOTS))

    print()
    write_figure(draw(best, args.initial), args.out / "exchangeable_ensemble.html")


if __name__ == "__main__":
    main()
