"""Place six wind turbines in a square: does it help Ax to know that they are interchangeable?
===========================================================================================

The turbines are of the same make: a layout has 720 images, one for every order in which its turbines can be written
down. The script maximises the energy of the farm in a year with Sobol points, with Ax alone, and with Ax and the
symmetry. All three searches of a repeat start from the same Sobol points; a paired comparison over the repeats says
whether the symmetry helped. The package does not train on so many images, but fits the invariant kernel.
The searches are in `comparison.py`: what all studies share. ::

    python wind_farm.py                           # progress, a table, and wind_farm.html
    python wind_farm.py --turbines 8 --repeats 3  # 40,320 images

Wind and turbines are those of the IEA Wind Task 37 case study 1, without its constraints: N. Baker et al., Best
Practices for Wake Model and Optimization Algorithm Selection in Wind Farm Layout Optimization, AIAA SciTech 2019.

- The wake behind a turbine is Gaussian: M. Bastankhah, F. Porte-Agel, A new analytical model for wind-turbine wakes,
  Renewable Energy 70, 2014, as the case study simplifies it. The deficits of several wakes add as root of the sum of
  squares: I. Katic, J. Hojstrup, N. O. Jensen, A simple model for cluster efficiency, EWEC 1986.
- Turbines at least two diameters apart are the case study's constraint. Here a soft term takes its place: of two
  turbines closer than that, each loses energy in proportion, down to none where they coincide.

What came out (defaults: seeds 0 to 11; Ax 1.3.1, botorch 0.18.1, torch 2.13.0; three minutes): after 34 trials the
symmetry had helped. Its gain over Ax alone was 3.1 GWh a year on average (95 % interval 0.6 to 5.6), and it was ahead
in 10 of 12; it was where Ax alone came to in the end (medians of 155.2 and 155.4) after 6 trials of the model where Ax
alone took 18. Neither came close to the best layout known (158.3 of 167.3 with the symmetry): 18 trials of the model
are few for 12 parameters.
"""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import torch
from ax.service.utils.instantiation import InstantiationBase
from plotly.subplots import make_subplots
from scipy.optimize import differential_evolution

from ax_symmetry import Symmetry
from comparison import COLORS, LABELS, METHODS, draw_best, new_parser, optimise, print_table, rows_of_budgets, run_all
from comparison import verdict, write_figure

METRIC = "energy"

# The case study: metres, metres per second, megawatts; direction 0 is wind from the north, 90 from the east.
DIAMETER, THRUST, EXPANSION = 130.0, 8.0 / 9.0, 0.0324555
CUT_IN, RATED, RATED_POWER = 4.0, 9.8, 3.35
WIND = 9.8  # the same from everywhere
FREQUENCY = np.array([0.025, 0.024, 0.029, 0.036, 0.063, 0.065, 0.100, 0.122,
                      0.063, 0.038, 0.039, 0.083, 0.213, 0.046, 0.032, 0.022])
FROM = np.deg2rad(np.arange(16) * 22.5)
HOURS = 365 * 24
SIDE = 10 * DIAMETER  # of the site
SPACING = 2 * DIAMETER


def wake_deficit(downstream: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the share of the wind's speed that a turbine takes away at a place in metres from it; none upstream."""
    width = EXPANSION * np.maximum(downstream, 0.0) / DIAMETER + 1.0 / math.sqrt(8.0)  # in diameters
    deficit = 1.0 - np.sqrt(1.0 - THRUST / (8.0 * width**2))
    return np.where(downstream > 0.0, deficit * np.exp(-0.5 * (across / (width * DIAMETER)) ** 2), 0.0)


def power(speed: np.ndarray) -> np.ndarray:
    """Return the power of a turbine, in megawatts, at wind speeds below cut-out."""
    return RATED_POWER * np.clip((speed - CUT_IN) / (RATED - CUT_IN), 0.0, 1.0) ** 3


def turbine_energies(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what each turbine at (x, y) in metres gives in a year by direction: 16 x m, in GWh, by the wakes alone."""
    dx, dy = x[:, None] - x, y[:, None] - y  # from turbine j to turbine i
    sin, cos = np.sin(FROM)[:, None, None], np.cos(FROM)[:, None, None]
    downstream, across = -dx * sin - dy * cos, dx * cos - dy * sin
    deficit = np.sqrt(np.sum(wake_deficit(downstream, across) ** 2, axis=2))
    return HOURS / 1000.0 * FREQUENCY[:, None] * power(WIND * (1.0 - deficit))


def farm_energy(x: np.ndarray, y: np.ndarray) -> float:
    """Return the energy of a farm in a year, in GWh."""
    distance = np.hypot(x[:, None] - x, y[:, None] - y) + np.diag(np.full(len(x), np.inf))
    return float(turbine_energies(x, y).sum(axis=0) @ np.minimum(distance.min(axis=1) / SPACING, 1.0))


def blocks(m: int) -> list[list[str]]:
    """Return the names of m turbines' coordinates: these blocks may trade places."""
    return [[f"x_{k}", f"y_{k}"] for k in range(1, m + 1)]


def energy_of(point: dict[str, float]) -> float:
    """Return the energy of the layout at a point of the search space, in GWh."""
    return farm_energy(*np.array([[point[name] for name in block] for block in blocks(len(point) // 2)]).T)


def best_known(m: int) -> float:
    """Return the highest energy that thousands of evaluations of the physical model itself find, in GWh."""
    return -differential_evolution(lambda xy: -farm_energy(xy[::2], xy[1::2]), [(0.0, SIDE)] * (2 * m), seed=0,
                                   maxiter=100, popsize=6).fun


def sobol_points(n: int, seed: int, m: int) -> list[dict[str, float]]:
    """Return the first n points of a scrambled Sobol sequence in the search space."""
    units = torch.quasirandom.SobolEngine(2 * m, scramble=True, seed=seed).draw(n, dtype=torch.double)
    return [dict(zip(sum(blocks(m), []), row)) for row in (SIDE * units).tolist()]


def search(method: str, seed: int, n_initial: int, n_trials: int, m: int) -> list[dict[str, float]]:
    """Run one search; return the layouts and the energies of its trials in turn."""
    points = sobol_points(n_trials, seed, m)
    parameters = [{"name": name, "type": "range", "value_type": "float", "bounds": [0.0, SIDE]} for name in points[0]]
    experiment = InstantiationBase.make_experiment(
        name="wind_farm", parameters=parameters, objectives={METRIC: "maximize"}
    )
    return optimise(method, seed, n_initial, n_trials, experiment=experiment, metric=METRIC, points=points,
                    evaluate=lambda layout: {METRIC: energy_of(layout)}, symmetry={"blocks": blocks(m)})


def draw(best: dict[str, np.ndarray], layouts: dict[str, dict[str, float]], n_initial: int,
         known: float) -> go.Figure:
    """Draw the highest energy so far (repeats x trials), median and range, and below it the best layout of each."""
    fig = make_subplots(2, 1, vertical_spacing=0.16, subplot_titles=("the searches", "their best layouts"))
    draw_best(fig, best, n_initial, digits=1, row=1, col=1)
    for method in METHODS:
        x, y = ([layouts[method][name] for name in layouts[method] if name[0] == axis] for axis in "xy")
        fig.add_scatter(x=x, y=y, mode="markers", legendgroup=method, showlegend=False, row=2, col=1,
                        marker={"color": f"rgb({COLORS[method]})", "size": 14}, name=LABELS[method],
                        hovertemplate=f"{LABELS[method]}: %{{x:.0f}} m east, %{{y:.0f}} m north<extra></extra>")
    fig.add_hline(y=known, line_dash="dot", annotation_text=f"best layout known, {known:.1f}", row=1, col=1,
                  annotation_position="top left")
    fig.update_xaxes(title="trials", row=1, col=1)
    fig.update_yaxes(title="highest energy so far, GWh a year", row=1, col=1)
    margin = [-0.05 * SIDE, 1.05 * SIDE]
    fig.update_xaxes(title="metres east", range=margin, constrain="domain", row=2, col=1)
    fig.update_yaxes(title="metres north", range=margin, scaleanchor="x2", row=2, col=1)
    fig.update_layout(title=f"{len(x)} wind turbines<br><sub>median and range of {len(best['plain'])} repeats</sub>",
                      template="plotly_white", height=900, legend={"orientation": "h", "x": 0.0, "y": -0.08})
    return fig


def tell_cost(m: int, n: int) -> None:
    """Print the number of images, and what training on all of them would take."""
    order = Symmetry.permutation(blocks(m)).order
    rows = order * n
    print(f"{m} interchangeable turbines: |G| = {m}! = {order:,} images. To train on all images of {n} layouts would "
          f"take\n{rows:,} rows, and a covariance matrix of {8 * rows**2 / 2**30:,.1f} GiB to factorise at every "
          f"step of the fit, in {rows**3 / 3:.0e}\noperations. The invariant kernel takes {n} rows.")


def main() -> None:
    parser = new_parser(__doc__, {"--trials": 34, "--initial": 16, "--repeats": 12},
                        "repeats, each with its own seed")
    parser.add_argument("--turbines", type=int, default=6, choices=range(5, 9), help="5 to 8")
    args = parser.parse_args()

    tell_cost(args.turbines, args.trials)
    job_args = (args.initial, args.trials, args.turbines)
    runs = run_all(search, METHODS, args, job_args, steps=args.trials)
    energies = {method: np.array([[layout[METRIC] for layout in layouts] for layouts in of_method])
                for method, of_method in runs.items()}
    best = {method: np.maximum.accumulate(energies[method], axis=1) for method in METHODS}
    known = best_known(args.turbines)
    print_table("Highest energy in GWh a year after so many trials", "trials",
                rows_of_budgets(best, args.initial, step=6, digits=1))
    print(f"\nThe first {args.initial} trials are the same for all. Without wakes it would be "
          f"{args.turbines * RATED_POWER * HOURS / 1000:.1f}; the best layout known gives {known:.1f}.")
    print(verdict(best["symmetric"][:, -1] - best["plain"][:, -1], 2))

    layouts = {method: runs[method][row][column] for method in METHODS
               for row, column in [np.unravel_index(energies[method].argmax(), energies[method].shape)]}
    write_figure(draw(best, layouts, args.initial, known), args.out / "wind_farm.html")


if __name__ == "__main__":
    main()
