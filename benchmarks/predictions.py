"""How much better a model predicts that knows the symmetry: its error after 10 to 80 observations.

    python benchmarks/predictions.py --out predictions.csv --jobs 2  # resumes where it stopped; a quarter of an hour
    python benchmarks/predictions.py --out predictions.csv --report  # the tables of what is there, and predictions.html

The problems of the level benchmark, observed at quasi-random points, which are the same for all models; the models
predict 300 other points. Nothing is searched: what the models know is told apart from what a search makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ax.core import ParameterType, RangeParameter, SearchSpace
from ax.core.observation import ObservationFeatures
from experiments import add_to_grid, new_experiment, new_grid, new_parser, observe, run_cases
from level import METHODS, runs
from problems import PROBLEMS, problem

SIZES = (10, 20, 40, 80)
WAYS = ("plain", "plain, Matern", "kernel", "kernel, RBF", "augmentation", "k_G and e")
UNSEEN = 300


def run(name: str, method: str, n: int, seed: int) -> tuple[str, str]:
    """Fit a model; return its error, in SDs of the function, and the mean log density of unseen values."""
    task = problem(name)
    names = [*task.bounds]
    low, high = np.array([*task.bounds.values()]).T
    experiment = new_experiment(SearchSpace([RangeParameter(p, ParameterType.FLOAT, *task.bounds[p]) for p in names]))
    rng = np.random.default_rng(seed)
    seen = torch.quasirandom.SobolEngine(len(names), scramble=True, seed=seed).draw(n, dtype=torch.double).numpy()
    for row in low + (high - low) * seen:
        observe(experiment, dict(zip(names, row.tolist())), task.function(row) + task.sem * rng.normal(), task.sem)
    torch.manual_seed(seed)
    unseen = low + (high - low) * rng.random((UNSEEN, len(names)))
    values = np.array([task.function(row) for row in unseen])
    adapter = METHODS[method](experiment, task)
    mean, covariance = adapter.predict([ObservationFeatures(dict(zip(names, row.tolist()))) for row in unseen])
    variance, misses = np.array(covariance["y"]["y"]), values - np.array(mean["y"])
    density = -0.5 * (np.log(2 * np.pi * variance / values.var()) + misses**2 / variance)
    return f"{np.sqrt((misses**2).mean()) / values.std():.4g}", f"{density.mean():.4g}"


def savings(errors: Mapping[int, float], plain: Mapping[int, float]) -> dict[int, float]:
    """Return for each number of observations how many times as many plain Ax needs for the same error.

    Between the numbers that were tried, logarithms are interpolated; infinity if the largest is not enough.
    """
    sizes = sorted(plain)
    least = np.minimum.accumulate([plain[n] for n in sizes])
    found = {}
    for n, error in errors.items():
        enough = float(np.exp(np.interp(-np.log(error), -np.log(least), np.log(sizes))))
        found[n] = float("inf") if error < least[-1] else enough / n
    return found


def report(table: pd.DataFrame, figure: Path) -> None:
    """Print medians over seeds, and draw them."""
    print("Error on unseen points in SDs of the function: median (25 % - 75 %). Density: the mean log density of an\n"
          "unseen value, likewise, median. Times: how many times as many observations plain Ax needs for that error.")
    for name, of_problem in table.groupby("problem", sort=False):
        medians = of_problem.groupby(["method", "n"], sort=False).error.median()
        print(f"\n{name}\n{'n':>4}  {'method':18}{'seeds':>6}{'error':>26}{'density':>10}{'times':>9}")
        for n, of_size in of_problem.groupby("n"):
            for method, rows in of_size.groupby("method", sort=False):
                low, middle, high = rows.error.quantile([0.25, 0.5, 0.75])
                times = savings(medians[method].to_dict(), medians["plain"].to_dict())[n]
                said = f"> {max(SIZES) / n:.1f}" if np.isinf(times) else f"{times:.1f}"
                print(f"{n:>4}  {method:18}{len(rows):>6}{f'{middle:.3f} ({low:.3f} - {high:.3f})':>26}"
                      f"{rows.density.median():>10.2f}{said:>9}")
    draw(table, figure)
    print(f"\nThe figure: {figure}")


def draw(table: pd.DataFrame, figure: Path) -> None:
    """Draw the medians of the error, with the middle half of the seeds."""
    import plotly.graph_objects as go

    colors = dict(zip(WAYS, ("#4c566a", "#a0a8b8", "#d1495b", "#edae49", "#00798c", "#7b5ea7")))
    names = [*table.problem.unique()]
    plot = new_grid(names)
    for place, name in enumerate(names):
        for method, rows in table[table.problem == name].groupby("method", sort=False):
            low, middle, high = rows.groupby("n").error.quantile([0.25, 0.5, 0.75]).unstack().to_numpy().T
            spread = {"array": high - middle, "arrayminus": middle - low, "thickness": 1, "width": 2}
            add_to_grid(plot, place, go.Scatter(x=sorted(rows.n.unique()), y=middle, error_y=spread, name=method,
                                                mode="lines+markers", line_color=colors[method]))
    plot.update_xaxes(type="log", tickvals=SIZES, title_text="observations")
    plot.update_yaxes(rangemode="tozero")
    plot.update_yaxes(title_text="error / SD", col=1)
    plot.write_html(figure, include_plotlyjs="cdn")


def main() -> None:
    args = new_parser(__doc__, Path("predictions.csv"), seeds=10).parse_args()
    cases = [(name, method, n, seed) for seed in range(args.seeds) for name in PROBLEMS for n in SIZES
             for method in WAYS if runs(method, problem(name), n)]
    if not args.report:
        run_cases(run, cases, args.out, ("problem", "method", "n", "seed", "error", "density"), args.jobs)
    report(pd.read_csv(args.out), args.out.with_suffix(".html"))


if __name__ == "__main__":
    main()
