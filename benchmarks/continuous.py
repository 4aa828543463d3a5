"""Searches under continuous symmetries: a rotation, a scaling, and an angle whose optimum lies on the seam.

    python benchmarks/continuous.py --out benchmarks/results/continuous-1.3.1.csv --jobs 2  # resumes; an hour
    python benchmarks/continuous.py --out benchmarks/results/continuous-1.3.1.csv --report

Settings of Bardou et al., "Symmetry-aware Bayesian optimization via max kernels" (ICLR 2026): 5 uniform points, 50
candidates, noise of 2 % of the function's variance, RBF kernels, cumulative regret, and GP-UCB with beta = d/2 log t
(here by BoTorch alone, with hyperparameters by maximum a posteriori), beside Ax's own acquisition function. The
functions are our own, of the same kinds: "radial" on a plane depends on the distance from the middle, best on a ring;
"scaling" on log scales depends on the ratio, over three orders of magnitude. For both, their max kernel is an RBF
kernel of the radius, or of the logarithm of the ratio, and needs no projection: "max". No optimum is a point that the
group leaves alone.

"seam": one angle and two other parameters, best at 0 = 360 degrees, or at 180; how many evaluations until 95 % of the
way from the median of the function to its optimum is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.core import ParameterType, RangeParameter, SearchSpace
from botorch.acquisition import UpperConfidenceBound
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from experiments import new_experiment, new_parser, observe, run_cases
from gpytorch.mlls import ExactMarginalLogLikelihood
from scipy.stats import wilcoxon
from torch import Tensor

from ax_symmetry import get_botorch
from ax_symmetry.kernels import InvariantKernel

INITIAL, BUDGET, SEAM_BUDGET, NOISE = 5, 50, 30, 0.02
PROBLEMS: dict[str, Callable[[Tensor], Tensor]] = {  # of the unit square
    "radial": lambda u: _ring((u - 0.5).norm(dim=-1)),
    "scaling": lambda u: _ring((u[..., 0] - u[..., 1] + 1) * 0.35),
}
BELOW_AX = {"radial": {"rotate": {"pairs": [["a", "b"]], "center": [0.5, 0.5]}}, "scaling": {"shift": ["a", "b"]}}
IN_AX: dict[str, Any] = {"radial": {"rotate": {"pairs": [["a", "b"]]}}, "scaling": {"scale": ["a", "b"]}}
CASES = [(p, a, w) for p in PROBLEMS for a, ways in (("ucb", ("plain", "kernel", "max")), ("ax", ("plain", "kernel")))
         for w in ways]


def _ring(r: Tensor) -> Tensor:
    """Evaluate a function of a number from 0 to 0.7 with some local optima, best at 0.46."""
    return 10 * (-((r - 0.46) ** 2) * 8 + 0.5 * torch.cos(25 * (r - 0.46)))


def invariant(problem: str, u: Tensor) -> Tensor:
    """Return what the function depends on."""
    return (u - 0.5).norm(dim=-1, keepdim=True) if problem == "radial" else u[..., :1] - u[..., 1:]


def model_of(problem: str, way: str, u: Tensor, y: Tensor) -> tuple[SingleTaskGP, Callable[[Tensor], Tensor]]:
    """Fit a model; return what it wants to see of points, too."""
    seen: Callable[[Tensor], Tensor] = (lambda x: invariant(problem, x)) if way == "max" else (lambda x: x)
    kernel = InvariantKernel(BELOW_AX[problem], ["a", "b"]).to(u) if way == "kernel" else None
    model = SingleTaskGP(seen(u), y[:, None], covar_module=kernel)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model.eval(), seen


def by_ucb(problem: str, way: str, observed: Callable[[Tensor], Tensor], u: Tensor) -> Tensor:
    """Search with GP-UCB; return all points."""
    y = observed(u)
    for t in range(INITIAL + 1, INITIAL + BUDGET + 1):
        model, seen = model_of(problem, way, u, y)
        ucb = UpperConfidenceBound(model, beta=0.5 * u.shape[-1] * np.log(t))
        best, _ = optimize_acqf(lambda x: ucb(seen(x)), torch.tensor([[0.0] * 2, [1.0] * 2]).double(), 1, 10, 256)
        u, y = torch.cat([u, best]), torch.cat([y, observed(best)])
    return u


def by_ax(problem: str, way: str, observed: Callable[[Tensor], Tensor], u: Tensor) -> Tensor:
    """Search with Ax's own acquisition function; return all points."""
    is_log = problem == "scaling"
    low, high = (0.1, 100.0) if is_log else (0.0, 1.0)
    ranges = [RangeParameter(name, ParameterType.FLOAT, low, high, log_scale=is_log) for name in "ab"]
    experiment = new_experiment(SearchSpace(ranges))
    span = np.log(high / low) if is_log else 1.0

    def tell(row: Tensor) -> None:
        values = [float(low * np.exp(span * v)) if is_log else float(v) for v in row]
        observe(experiment, dict(zip("ab", values)), float(observed(row[None])[0]), float("nan"))

    for row in u:
        tell(row)
    known = {"symmetry": IN_AX[problem]} if way == "kernel" else {}
    for _ in range(BUDGET):
        arm = get_botorch(experiment, experiment.lookup_data(), **known).gen(1).arms[0].parameters
        row = torch.tensor([[np.log(arm[n] / low) / span if is_log else arm[n] for n in "ab"]]).double()
        u = torch.cat([u, row])
        tell(row[0])
    return u


def regret(problem: str, acquisition: str, way: str, seed: int) -> tuple[float, float]:
    """Return the cumulative and the final regret of a search."""
    torch.manual_seed(seed)
    of, draw = PROBLEMS[problem], torch.Generator().manual_seed(seed)
    grid = of(torch.rand(100_000, 2, generator=torch.Generator().manual_seed(1)).double())
    sd, best = float(grid.std()), float(_ring(torch.linspace(0, 0.7, 10_001).double()).max())

    def observed(u: Tensor) -> Tensor:
        return of(u) + sd * NOISE**0.5 * torch.randn(len(u), generator=draw).double()

    start = torch.rand(INITIAL, 2, generator=draw).double()
    points = (by_ucb if acquisition == "ucb" else by_ax)(problem, way, observed, start)
    lost = best - of(points[INITIAL:])
    return float(lost.sum()), float(lost.min())


def seam(place: str, seed: int) -> tuple[float, float]:
    """Return how many evaluations a search with a period takes to come near its optimum, and its final regret."""
    torch.manual_seed(seed)
    top, rng = {"seam": 0.0, "middle": 180.0}[place], np.random.default_rng(seed)
    ranges = [RangeParameter("phi", ParameterType.FLOAT, 0.0, 360.0)]
    ranges += [RangeParameter(n, ParameterType.FLOAT, 0.0, 1.0) for n in "ab"]
    experiment = new_experiment(SearchSpace(ranges))

    def value(phi: float, a: float, b: float) -> float:
        turn = np.radians(phi - top)
        return float(np.exp(2 * (np.cos(turn) - 1)) + 0.3 * np.cos(3 * turn) - (a - 0.3) ** 2 - 2 * (b - 0.6) ** 2)

    draws = np.random.default_rng(1).random((10_001, 3)) * (360, 1, 1)
    near = 1.3 - 0.05 * (1.3 - float(np.median([value(*row) for row in draws])))
    found: list[float] = []
    for k in range(INITIAL + SEAM_BUDGET):
        if k < INITIAL:  # the same points from the optimum, in both places
            point = {"phi": float((360 * rng.random() + top) % 360), "a": rng.random(), "b": rng.random()}
        else:
            symmetry = {"period": {"phi": 360.0}}
            point = get_botorch(experiment, experiment.lookup_data(), symmetry=symmetry).gen(1).arms[0].parameters
        found.append(value(**point))
        observe(experiment, point, found[-1], 0.0)
    steps = next((k for k, v in enumerate(np.maximum.accumulate(found), 1) if v >= near), len(found) + 1)
    return float(steps), 1.3 - max(found)


def run(problem: str, acquisition: str, way: str, seed: int) -> tuple[float, float]:
    return seam(way, seed) if problem == "angle" else regret(problem, acquisition, way, seed)


def report(table: pd.DataFrame) -> None:
    """Print means and standard errors, and paired comparisons."""
    for (problem, acquisition), rows in table.groupby(["problem", "acquisition"], sort=False):
        by_way = rows.pivot(index="seed", columns="way", values="first")
        for way in by_way:
            own = by_way[way].dropna()
            print(f"{problem:8} {acquisition:4} {way:7} {own.mean():8.1f} +- {own.sem():6.1f}  ({len(own)} seeds)")
        one, other = ("seam", "middle") if problem == "angle" else ("kernel", "plain")
        both = by_way[[one, other]].dropna()
        gap = both[one] - both[other]
        test = wilcoxon(gap) if gap.any() else None
        print(f"{'':13} {one} below {other} in {(gap < 0).sum()}, above in {(gap > 0).sum()} of {len(gap)}; mean "
              f"{gap.mean():.2f} +- {1.96 * gap.sem():.2f}" + (f", p = {test.pvalue:.3f}" if test else ""))


def main() -> None:
    parser = new_parser(__doc__, Path("continuous.csv"), 10)
    args = parser.parse_args()
    cases = [(*case, seed) for seed in range(args.seeds) for case in CASES]
    cases += [("angle", "ax", place, seed) for seed in range(2 * args.seeds) for place in ("seam", "middle")]
    if not args.report:
        run_cases(run, cases, args.out, ["problem", "acquisition", "way", "seed", "first", "final"], args.jobs)
    report(pd.read_csv(args.out))


if __name__ == "__main__":
    main()
