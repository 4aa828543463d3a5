"""Formulations of six slots, each with one of six materials and an amount, or empty: predictions, and searches.

    python benchmarks/formulations.py --out formulations.csv --jobs 2  # resumes where it stopped; two hours
    python benchmarks/formulations.py --out formulations.csv --report  # the tables of what is there

Predictions of 300 formulations after 60 others, all drawn at random, three slots of ten empty. Searches: 20 such
formulations, then 15 candidates. The same ones for all models of a seed. No problem is at its best where all slots are
alike: they want different amounts of five, three and two materials. In all three the sum of each material's amounts is
what counts, so that "mixture" is right and "kernel" knows less than there is to know.
"""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.core import ChoiceParameter, ParameterType, RangeParameter, SearchSpace
from ax.core.observation import ObservationFeatures
from experiments import new_experiment, new_parser, observe, run_cases
from scipy.stats import t, wilcoxon

from ax_symmetry import get_botorch

SLOTS, MATERIALS, SEM = 6, "ABCDEF", 0.01
WORTH = dict(zip(MATERIALS, (0.1, 0.9, 0.4, 0.6, 0.2, 0.7)))
THICKNESS = dict(zip(MATERIALS, (1.0, 0.3, 2.0, 0.7, 1.5, 0.2)))
PAIRS = dict(zip(combinations(MATERIALS, 2), np.random.default_rng(7).normal(size=15).tolist()))
BLOCKS = {"blocks": [[f"material_{k}", f"amount_{k}"] for k in range(SLOTS)]}
EMPTY = {**BLOCKS, "absent": {"amount_0": 0.0}}
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "kernel": {"symmetry": EMPTY},
    "embedding": {"symmetry": {**EMPTY, "base_kernel": "embedding"}},
    "mixture": {"symmetry": {**EMPTY, "base_kernel": "mixture"}},
    "kernel, not told of empty slots": {"symmetry": BLOCKS},
    "6 images, not told of empty slots": {"symmetry": {**BLOCKS, "max_images": 6}, "method": "augmentation"},
}
SEARCHES = ("plain", "kernel", "mixture")
PROBLEMS = ("saturation", "pairs", "blend")
SIZE, UNSEEN, INITIAL, BUDGET = 60, 300, 20, 35
Point = dict[str, Any]


def value(problem: str, point: Point) -> float:
    """Evaluate a formulation; an empty slot, of amount 0, adds nothing, whatever its material."""
    there = [(point[f"material_{k}"], point[f"amount_{k}"]) for k in range(SLOTS) if point[f"amount_{k}"] > 0]
    if problem == "blend":  # the shares of the materials alone count
        total = sum(amount for _, amount in there) or 1.0
        thick, worth = (sum(x * of[m] for m, x in there) / total for of in (THICKNESS, WORTH))
        return float(np.sin(3 * thick) + 2 * worth)
    amounts = {m: sum(x for n, x in there if n == m) for m in MATERIALS}
    found = sum(WORTH[m] * (1 - np.exp(-2 * x)) - 0.35 * x for m, x in amounts.items())  # the more, the less it helps
    if problem == "pairs":
        found += sum(0.3 * of_pair * amounts[m] * amounts[n] for (m, n), of_pair in PAIRS.items())
    return float(found)


def draw(rng: random.Random) -> Point:
    """Draw a formulation; three slots of ten are empty."""
    materials = {f"material_{k}": rng.choice(MATERIALS) for k in range(SLOTS)}
    return materials | {f"amount_{k}": 0.0 if rng.random() < 0.3 else rng.uniform(0.05, 1.0) for k in range(SLOTS)}


def experiment_of(points: list[Point], values: list[float]) -> Any:
    """Make an experiment with observations."""
    parameters: list[Any] = []
    for k in range(len(points[0]) // 2):
        parameters.append(ChoiceParameter(f"material_{k}", ParameterType.STRING, [*MATERIALS], is_ordered=False))
        parameters.append(RangeParameter(f"amount_{k}", ParameterType.FLOAT, 0.0, 1.0))
    experiment = new_experiment(SearchSpace(parameters))
    for point, y in zip(points, values):
        observe(experiment, point, y, SEM)
    return experiment


def run(task: str, problem: str, method: str, seed: int) -> tuple[str, str]:
    """Return the error in SDs of the function and the values' mean log density; or the best value, and all values."""
    rng = random.Random(seed)
    points = [draw(rng) for _ in range(SIZE if task == "predict" else INITIAL)]
    measured = [value(problem, p) + SEM * rng.gauss(0.0, 1.0) for p in points]
    experiment, how = experiment_of(points, measured), WAYS[method]
    torch.manual_seed(seed)
    if task == "predict":
        unseen = [draw(rng) for _ in range(UNSEEN)]
        values = np.array([value(problem, p) for p in unseen])
        mean, covariance = get_botorch(experiment, experiment.lookup_data(), **how).predict(
            [ObservationFeatures(p) for p in unseen]
        )
        variance, misses = np.array(covariance["y"]["y"]), values - np.array(mean["y"])
        density = -0.5 * (np.log(2 * np.pi * variance / values.var()) + misses**2 / variance)
        return f"{np.sqrt((misses**2).mean()) / values.std():.4g}", f"{density.mean():.4g}"
    reached = [value(problem, p) for p in points]
    for _ in range(BUDGET - INITIAL):
        point = get_botorch(experiment, experiment.lookup_data(), **how).gen(1).arms[0].parameters
        reached.append(value(problem, point))
        observe(experiment, point, reached[-1] + SEM * rng.gauss(0.0, 1.0), SEM)
    return f"{max(reached):.6g}", " ".join(f"{y:.6g}" for y in reached)


def report(table: pd.DataFrame) -> None:
    """Print medians over seeds, and the searches paired with plain Ax."""
    print("Error on unseen formulations in SDs of the function, and mean log density: median (25 % - 75 %) over seeds")
    for (problem, method), rows in table[table.task == "predict"].groupby(["problem", "method"], sort=False):
        low, middle, high = rows.result.quantile([0.25, 0.5, 0.75])
        density = rows.more.astype(float).median()
        print(f"{problem:16}{method:36}{len(rows):>3}  {middle:.3f} ({low:.3f} - {high:.3f}){density:>9.2f}")
    print(f"\nBest of {BUDGET} formulations, likewise; gain over plain Ax, paired: mean (95 % interval), p (Wilcoxon)")
    for problem, rows in table[table.task == "search"].groupby("problem", sort=False):
        every = rows.pivot(index="seed", columns="method", values="result")
        for method in every.columns:
            best = every[[*{"plain", method}]].dropna()
            low, middle, high = best[method].quantile([0.25, 0.5, 0.75])
            told = ""
            if method != "plain":
                gain = best[method] - best.plain
                low95, high95 = gain.mean() + t.ppf([0.025, 0.975], len(gain) - 1) * gain.sem()
                told = (f"{gain.mean():+.3f} ({low95:+.3f} to {high95:+.3f}), ahead in {(gain > 0).sum()}, "
                        f"p = {wilcoxon(gain, alternative='greater').pvalue:.3f}")
            print(f"{problem:16}{method:36}{len(best):>3}  {middle:.3f} ({low:.3f} - {high:.3f})  {told}")


def main() -> None:
    args = new_parser(__doc__, Path("formulations.csv"), seeds=10).parse_args()
    cases = [("predict", problem, way, seed) for seed in range(args.seeds) for problem in PROBLEMS for way in WAYS]
    cases += [("search", problem, way, seed) for seed in range(args.seeds) for problem in PROBLEMS for way in SEARCHES]
    if not args.report:
        run_cases(run, cases, args.out, ("task", "problem", "method", "seed", "result", "more"), args.jobs)
    report(pd.read_csv(args.out))


if __name__ == "__main__":
    main()
