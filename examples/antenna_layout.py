"""Lay out an antenna array, free to turn and to shift
====================================================

The elements of an antenna array stand on a square site. How much of the power that they send out together goes astray,
outside of the main beam, depends on the distances between them alone: the elements may trade places, and the whole
layout may be shifted and turned. The script minimises the stray power twice from the same starting points, without and
with these symmetries. ::

    python antenna_layout.py                           # progress, a table, and antenna_layout.html
    python antenna_layout.py --repeats 8 --trials 40   # more repeats, a longer search

The power pattern of isotropic elements in phase is `|sum_k exp(i u x_k)|^2 / m^2` for a direction u of the visible disc
`|u| <= 2 pi / wavelength` (Balanis, Antenna Theory, 4th edition, 2016, chapter 6). Its mean over a disc of radius K is
`sum_jk 2 J_1(K r_jk) / (K r_jk) / m^2`, with the distances r_jk: no grid of directions, so that the symmetry is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from ax.service.utils.instantiation import InstantiationBase
from plotly.subplots import make_subplots
from scipy.special import j1

from comparison import COLORS, LABELS, draw_best, new_parser, optimise, print_table, rows_of_budgets, run_all, verdict
from comparison import write_figure

METHODS = ("plain", "symmetric")
METRIC = "stray"
ELEMENTS = 5
SIDE = 3.0  # of the site, in wavelengths
VISIBLE, BEAM = 2 * np.pi, 2 * np.pi * 0.25  # radii of the visible disc and of the main beam, per wavelength
PAIRS = [[f"x_{k}", f"y_{k}"] for k in range(1, ELEMENTS + 1)]
SYMMETRY = {
    "blocks": PAIRS,
    "shift": [[x for x, _ in PAIRS], [y for _, y in PAIRS]],
    "rotate": {"pairs": PAIRS},
}


def mean_power(distances: np.ndarray, radius: float) -> float:
    """Return the mean of the power pattern over a disc of directions, given all m x m distances in wavelengths."""
    z = radius * distances
    return float(np.where(z > 0, 2 * j1(z) / np.where(z > 0, z, 1.0), 1.0).mean())


def stray_power(x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean power outside of the main beam, in decibels below its peak."""
    distances = np.hypot(x[:, None] - x, y[:, None] - y)
    visible, beam = (mean_power(distances, radius) * radius**2 for radius in (VISIBLE, BEAM))
    return float(10 * np.log10((visible - beam) / (VISIBLE**2 - BEAM**2)))


def evaluate(layout: dict[str, float]) -> dict[str, float]:
    x, y = (np.array([layout[pair[axis]] for pair in PAIRS]) for axis in (0, 1))
    return {METRIC: stray_power(x, y)}


def search(method: str, seed: int, n_initial: int, n_trials: int) -> list[dict[str, float]]:
    """Run one search; return the layouts and the stray power of its trials in turn."""
    names = [name for pair in PAIRS for name in pair]
    units = torch.quasirandom.SobolEngine(len(names), scramble=True, seed=seed).draw(n_initial, dtype=torch.double)
    parameters: list[dict[str, Any]] = [
        {"name": name, "type": "range", "value_type": "float", "bounds": [0.0, SIDE]} for name in names
    ]
    experiment = InstantiationBase.make_experiment(
        name="antenna_layout", parameters=parameters, objectives={METRIC: "minimize"}
    )
    return optimise(method, seed, n_initial, n_trials, experiment=experiment, metric=METRIC,
                    points=[dict(zip(names, row)) for row in (SIDE * units).tolist()], evaluate=evaluate,
                    symmetry=SYMMETRY)


def draw(best: dict[str, np.ndarray], layouts: dict[str, dict[str, float]], n_initial: int) -> go.Figure:
    """Draw the lowest stray power so far (repeats x trials), median and range, and below it the best layouts."""
    fig = make_subplots(2, 1, vertical_spacing=0.16, subplot_titles=("the searches", "their best layouts"))
    draw_best(fig, best, n_initial, digits=2, row=1, col=1)
    for method in METHODS:
        x, y = ([layouts[method][pair[axis]] for pair in PAIRS] for axis in (0, 1))
        fig.add_scatter(x=x, y=y, mode="markers", legendgroup=method, showlegend=False, row=2, col=1,
                        marker={"color": f"rgb({COLORS[method]})", "size": 14}, name=LABELS[method])
    fig.update_xaxes(title="trials", row=1, col=1)
    fig.update_yaxes(title="lowest stray power so far, dB", row=1, col=1)
    fig.update_xaxes(title="wavelengths", range=[-0.1, SIDE + 0.1], constrain="domain", row=2, col=1)
    fig.update_yaxes(title="wavelengths", range=[-0.1, SIDE + 0.1], scaleanchor="x2", row=2, col=1)
    title = f"{ELEMENTS} antennas, free to turn and to shift<br><sub>median and range of {len(best['plain'])} repeats"
    return fig.update_layout(title=f"{title}</sub>", template="plotly_white", height=900,
                             legend={"orientation": "h", "x": 0.0, "y": -0.08})


def main() -> None:
    parser = new_parser(__doc__, {"--trials": 30, "--initial": 12, "--repeats": 4},
                        "repeats, each with its own seed")
    args = parser.parse_args()
    runs = run_all(search, METHODS, args, (args.initial, args.trials), steps=args.trials)
    stray = {method: np.array([[layout[METRIC] for layout in layouts] for layouts in of_method])
             for method, of_method in runs.items()}
    best = {method: np.minimum.accumulate(stray[method], axis=1) for method in METHODS}
    print_table("Lowest stray power in dB after so many trials", "trials",
                rows_of_budgets(best, args.initial, step=6, digits=2))
    print(f"\nThe first {args.initial} trials are the same for both. Gains in dB; more is better.")
    print(verdict(best["plain"][:, -1] - best["symmetric"][:, -1], 2))
    layouts = {method: runs[method][row][column] for method in METHODS
               for row, column in [np.unravel_index(stray[method].argmin(), stray[method].shape)]}
    write_figure(draw(best, layouts, args.initial), args.out / "antenna_layout.html")


if __name__ == "__main__":
    main()
