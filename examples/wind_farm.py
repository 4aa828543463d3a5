"""Place six wind turbines in a square: does it help Ax to know that they are interchangeable?

The turbines are of the same make: a layout has 720 images, one for every order in which its turbines can be written
down. The script maximises the energy of the farm in a year with Sobol points, with Ax alone, and with Ax and the
symmetry. All three searches of a repeat start from the same Sobol points; a paired comparison over the repeats says
whether the symmetry helped. With so many images the package does not train on them, but fits the invariant kernel.

    python wind_farm.py                           # progress, a table, and wind_farm.html
    python wind_farm.py --turbines 8 --repeats 3  # 40,320 images

Wind and turbines are those of the IEA Wind Task 37 case study 1, without its constraints: N. Baker et al., Best
Practices for Wake Model and Optimization Algorithm Selection in Wind Farm Layout Optimization, AIAA SciTech 2019.

- The wake behind a turbine is Gaussian: M. Bastankhah, F. Porte-Agel, A new analytical model for wind-turbine wakes,
  Renewable Energy 70, 2014, as the case study simplifies it. The deficits of several wakes add as root of the sum of
  squares: I. Katic, J. Hojstrup, N. O. Jensen, A simple model for cluster efficiency, EWEC 1986.
- Turbines at least two diameters apart are the case study's constraint. Here a soft term takes its place: of two
  turbines closer than that, each loses energy in proportion, down to none where they coincide.

What came out (defaults: seeds 0 to 4; Ax 1.3.1, botorch 0.18.1, torch 2.13.0; 4 minutes of CPU time for two processes):
after 34 trials the symmetry made no difference that five repeats could show. Its gain over Ax alone was 0.3 GWh a year
on average (95 % interval -6.8 to 7.4), and it was ahead in 3 of 5. Neither came close to the best layout known (medians
of 153.9 and 155.2 of 167.3), nor far from Sobol points (152.2): 18 trials of the model are few for 12 parameters.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import multiprocessing
import queue
import random
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from ax.core.arm import Arm
from ax.service.utils.instantiation import InstantiationBase
from plotly.subplots import make_subplots
from scipy.optimize import differential_evolution
from scipy.stats import t as student_t
from tqdm import tqdm

from ax_symmetry import Symmetry, get_botorch

METHODS = {"sobol": "Sobol points", "plain": "Ax alone", "symmetric": "with the symmetry"}
COLORS = {"sobol": "150,150,150", "plain": "76,86,106", "symmetric": "209,73,91"}
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
    """Run one search; return the layouts of its trials in turn."""
    for generator in (random.seed, np.random.seed, torch.manual_seed):  # Ax up to 1.0 uses all three
        generator(seed)
    points = sobol_points(n_trials, seed, m)
    parameters = [{"name": name, "type": "range", "value_type": "float", "bounds": [0.0, SIDE]} for name in points[0]]
    experiment = InstantiationBase.make_experiment(
        name="wind_farm", parameters=parameters, objectives={METRIC: "maximize"}
    )
    layouts = []
    for i in range(n_trials):
        if i < n_initial or method == "sobol":
            trial = experiment.new_trial().add_arm(Arm(parameters=points[i]))
        else:
            symmetry = {"blocks": blocks(m)} if method == "symmetric" else None
            model = get_botorch(experiment=experiment, data=experiment.lookup_data(), symmetry=symmetry)
            trial = experiment.new_trial(generator_run=model.gen(n=1))
        layouts.append(dict(trial.arm.parameters))
        trial.mark_running(no_runner_required=True)
        trial.update_trial_data(raw_data={METRIC: (energy_of(layouts[i]), 0.0)})
        trial.mark_completed()
        ticks.put(1)
    return layouts


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
                job = pool.submit(search, method, seed, args.initial, args.trials, args.turbines)
                futures[method].append(job)
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


def draw(best: dict[str, np.ndarray], layouts: dict[str, dict[str, float]], n_initial: int,
         known: float) -> go.Figure:
    """Draw the highest energy so far (repeats x trials), median and range, and beside it the best layout of each."""
    fig = make_subplots(1, 2, column_widths=[0.6, 0.4], subplot_titles=("the searches", "their best layouts"))
    for method, label in METHODS.items():
        n = np.arange(1, best[method].shape[1] + 1)
        low, middle, high = best[method].min(axis=0), np.median(best[method], axis=0), best[method].max(axis=0)
        fig.add_scatter(x=np.r_[n, n[::-1]], y=np.r_[high, low[::-1]], fill="toself", mode="none", hoverinfo="skip",
                        fillcolor=f"rgba({COLORS[method]},0.15)", legendgroup=method, showlegend=False, row=1, col=1)
        fig.add_scatter(x=n, y=middle, mode="lines+markers", line_color=f"rgb({COLORS[method]})", name=label,
                        legendgroup=method, customdata=np.c_[low, high], row=1, col=1,
                        hovertemplate="%{x} trials: %{y:.1f} (%{customdata[0]:.1f} - %{customdata[1]:.1f})")
        x, y = ([layouts[method][name] for name in layouts[method] if name[0] == axis] for axis in "xy")
        fig.add_scatter(x=x, y=y, mode="markers", legendgroup=method, showlegend=False, row=1, col=2,
                        marker={"color": f"rgb({COLORS[method]})", "size": 14}, name=label,
                        hovertemplate=f"{label}: %{{x:.0f}} m east, %{{y:.0f}} m north<extra></extra>")
    fig.add_hline(y=known, line_dash="dot", annotation_text=f"best layout known, {known:.1f}", row=1, col=1,
                  annotation_position="top left")
    fig.add_vrect(x0=1, x1=n_initial, fillcolor="grey", opacity=0.08, line_width=0, row=1, col=1,
                  annotation_text="the same initial trials", annotation_position="bottom left")
    fig.update_xaxes(title="trials", row=1, col=1)
    fig.update_yaxes(title="highest energy so far, GWh a year", row=1, col=1)
    margin = [-0.05 * SIDE, 1.05 * SIDE]
    fig.update_xaxes(title="metres east", range=margin, constrain="domain", row=1, col=2)
    fig.update_yaxes(title="metres north", range=margin, scaleanchor="x2", row=1, col=2)
    fig.update_layout(title=f"{len(x)} wind turbines: median and range of {len(best['plain'])} repeats",
                      template="plotly_white", legend={"orientation": "h", "x": 0.0, "y": -0.15})
    return fig


def tell_cost(m: int, n: int) -> None:
    """Print the number of images, and what training on all of them would take."""
    order = Symmetry.permutation(blocks(m)).order
    rows = order * n
    print(f"{m} interchangeable turbines: |G| = {m}! = {order:,} images. To train on all images of {n} layouts would "
          f"take\n{rows:,} rows, and a covariance matrix of {8 * rows**2 / 2**30:,.1f} GiB to factorise at every "
          f"step of the fit, in {rows**3 / 3:.0e}\noperations. The invariant kernel takes {n} rows.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turbines", type=int, default=6, choices=range(5, 9), help="5 to 8")
    parser.add_argument("--trials", type=int, default=34, help="trials of a search, the initial ones included")
    parser.add_argument("--initial", type=int, default=16, help="Sobol points before the model takes over")
    parser.add_argument("--repeats", type=int, default=5, help="repeats, each with its own seed")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first repeat")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the figure")
    args = parser.parse_args()

    tell_cost(args.turbines, args.trials)
    runs = run_all(args)
    energies = {method: np.array([[energy_of(p) for p in layouts] for layouts in runs[method]]) for method in METHODS}
    best = {method: np.maximum.accumulate(energies[method], axis=1) for method in METHODS}
    known = best_known(args.turbines)
    budgets = sorted({*range(args.initial, args.trials, 6), args.trials})
    print_table("Highest energy in GWh a year after so many trials", "trials",
                [(str(n), 1, [best[method][:, n - 1] for method in METHODS]) for n in budgets])
    print(f"\nThe first {args.initial} trials are the same for all. Without wakes it would be "
          f"{args.turbines * RATED_POWER * HOURS / 1000:.1f}; the best layout known gives {known:.1f}.")
    print(verdict(best["symmetric"][:, -1] - best["plain"][:, -1], 2))

    layouts = {method: runs[method][row][column] for method in METHODS
               for row, column in [np.unravel_index(energies[method].argmax(), energies[method].shape)]}
    fig, file = draw(best, layouts, args.initial, known), args.out / "wind_farm.html"
    args.out.mkdir(parents=True, exist_ok=True)
    fig.write_html(file)
    print(f"Figure: {file}")
    if importlib.util.find_spec("kaleido"):
        try:
            fig.write_image(file.with_suffix(".png"), width=1100, height=550, scale=2)
        except RuntimeError as error:  # kaleido found no browser
            print(f"No PNG: {error}")


if __name__ == "__main__":
    main()
