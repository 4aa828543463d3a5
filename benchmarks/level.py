"""Every way to use a symmetry, on the same problems: regret per evaluation and seconds per candidate.

    python benchmarks/level.py --out level.csv --jobs 2      # resumes where it stopped; hours
    python benchmarks/level.py --out level.csv --report      # tables of what is there and level.html, see regrets.py

All methods start from the same quasi-random points, so that runs are paired by seed. Where a search is confined
by order constraints Ax draws its starts by a random walk; it is shortened here, as it would take most of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ax.core import Arm, Experiment, GeneratorRun, ParameterType, RangeParameter, SearchSpace
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from experiments import new_experiment, new_parser, observe, run_cases, stand_in, training_data
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, RBFKernel, ScaleKernel
from peers import fit_to_rows_of_baybe, invariantkernels_of
from problems import PROBLEMS, Problem, problem
from regrets import INITIAL, read, report

from ax_symmetry import Canonicalize, Symmetry, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry._ax.fitted_models import fitted_surrogate
from ax_symmetry.kernels import InvariantKernel, MaxAlignmentKernel
from ax_symmetry.search.averaged_model import search_model

CONFINED = ("order constraints", "4 nearest images")
SHORT_WALK = {"optimizer_kwargs": {"options": {"n_burnin": 1000, "n_thinning": 4}}}
ROWS = 1000  # full augmentation is left out where it makes more: each fit would take minutes
PEER = 120  # elements up to which the peer's kernel is run
SHORTEST = GreaterThan(2.5e-2)  # lengthscale, as BoTorch has it


def unit(symmetry: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> Symmetry:
    """Return the symmetry of parameters that are scaled to the unit interval."""
    mirror = symmetry.get("mirror")
    if mirror is None:
        return Symmetry.from_config(symmetry)

    def scaled(centers: Mapping[str, float]) -> dict[str, float]:
        return {n: (c - bounds[n][0]) / (bounds[n][1] - bounds[n][0]) for n, c in centers.items()}

    moved = scaled(mirror) if isinstance(mirror, Mapping) else [scaled(centers) for centers in mirror]
    return Symmetry.from_config({**symmetry, "mirror": moved})


class Uniform:
    """Stands in the place of a model for random search: draws every candidate from the whole space."""

    def __init__(self, task: Problem) -> None:
        self.bounds = task.bounds

    def gen(self, n: int, model_gen_options: Any = None) -> GeneratorRun:
        """Draw candidates."""
        shares = torch.rand(n, len(self.bounds), dtype=torch.double).tolist()
        points = [[low + (high - low) * u for u, (low, high) in zip(row, self.bounds.values())] for row in shares]
        return GeneratorRun(arms=[Arm(parameters=dict(zip(self.bounds, point))) for point in points])


def with_kernel(make: Callable[[Symmetry, list[str]], Kernel]) -> Callable[..., Any]:
    """Return a method: plain Ax, its model replaced by one with another kernel, fitted to the same data."""

    def fitted(experiment: Experiment, task: Problem) -> Any:
        adapter = get_botorch(experiment, experiment.lookup_data())
        kernel = make(unit(task.symmetry, task.bounds), adapter.parameters)
        stand_in(adapter, training_data(adapter), kernel)
        if isinstance(kernel, InvariantKernel):  # searched as `get_botorch` searches a model with this kernel
            fitted_surrogate(adapter)._model = search_model(fitted_surrogate(adapter).model)
        return adapter

    return fitted


def augmented_by_baybe(experiment: Experiment, task: Problem) -> Any:
    adapter = get_botorch(experiment, experiment.lookup_data())
    fit_to_rows_of_baybe(adapter, task.symmetry)
    return adapter


def told(**options: Any) -> Callable[..., Any]:
    """Return a method of the package: the symmetry with options."""
    method = options.pop("method", "auto")

    def fitted(experiment: Experiment, task: Problem) -> Any:
        symmetry = {**task.symmetry, **options}
        return get_botorch(experiment, experiment.lookup_data(), symmetry=symmetry, method=method)

    return fitted


def canonical_domain(constrain: bool) -> Callable[..., Any]:
    """Return a method: plain Ax, its candidates canonical, whose search order constraints may confine."""

    def fitted(experiment: Experiment, task: Problem) -> Any:
        configs = {"Canonicalize": {**task.symmetry, "constrain": constrain}}
        transforms = [Canonicalize, *backend.default_transforms()]
        return get_botorch(experiment, experiment.lookup_data(), transforms=transforms, transform_configs=configs)

    return fitted


METHODS: dict[str, Callable[..., Any]] = {
    "random": lambda experiment, task: Uniform(task),
    "plain": lambda experiment, task: get_botorch(experiment, experiment.lookup_data()),
    "plain, Matern": with_kernel(
        lambda symmetry, names: get_covar_module_with_dim_scaled_prior(len(names), use_rbf_kernel=False)
    ),
    "kernel": told(method="kernel"),
    "kernel, RBF": told(method="kernel", base_kernel="rbf"),
    "augmentation": told(method="augmentation"),
    "augmentation, copies": told(method="augmentation", noise="copy"),
    "4 nearest images": told(method="augmentation", max_images=4),
    "4 random images": told(method="augmentation", max_images=4, select="random"),
    "subgroup": told(method="augmentation", group="cyclic"),
    "order constraints": canonical_domain(True),
    "canonical domain": canonical_domain(False),
    "k_G": with_kernel(lambda symmetry, names: InvariantKernel(symmetry, names, normalize=False)),
    "k_G, scaled": with_kernel(
        lambda symmetry, names: ScaleKernel(InvariantKernel(symmetry, names, normalize=False))
    ),
    "k_G and e": told(asymmetry="learn"),
    "max-alignment": with_kernel(lambda symmetry, names: MaxAlignmentKernel(symmetry, names)),
    "invariantkernels": with_kernel(
        lambda symmetry, names: invariantkernels_of(RBFKernel(lengthscale_constraint=SHORTEST), symmetry, names)
    ),
    "BayBE rows": augmented_by_baybe,
}


def runs(method: str, task: Problem, n: int | None = None) -> bool:
    """Tell whether a method can be run on a problem, with as many observations as it has or with n."""
    n = n or task.budget
    order = Symmetry.from_config(task.symmetry).order
    blocks, mirror = task.symmetry.get("blocks"), task.symmetry.get("mirror")
    of_all = blocks is not None and mirror is None and task.symmetry.get("group") is None
    return {
        "augmentation": order * n <= ROWS,
        "augmentation, copies": order * n <= ROWS,
        "4 nearest images": order > 4,
        "4 random images": order > 4,
        "subgroup": of_all and len(blocks or ()) > 2,
        "max-alignment": of_all and len((blocks or [[]])[0]) == 1,
        "invariantkernels": order <= PEER,
        "BayBE rows": of_all and factorial(len(blocks or ())) * n <= ROWS,
    }.get(method, True)


def run(name: str, method: str, seed: int) -> tuple[str, str]:
    """Search; return the CPU seconds per candidate of the model, and the function at every evaluation."""
    task = problem(name)
    names = [*task.bounds]
    low, high = np.array([*task.bounds.values()]).T
    space = SearchSpace([RangeParameter(n, ParameterType.FLOAT, *task.bounds[n]) for n in names])
    experiment = new_experiment(space)
    symmetry, rng = Symmetry.from_config(task.symmetry), np.random.default_rng(seed)
    start = torch.quasirandom.SobolEngine(len(names), scramble=True, seed=seed).draw(INITIAL, dtype=torch.double)
    torch.manual_seed(seed)
    values, seconds = [], 0.0
    for number in range(task.budget):
        if number < INITIAL:
            parameters = dict(zip(names, (low + (high - low) * start[number].numpy()).tolist()))
        else:
            before = time.process_time()
            walk = SHORT_WALK if method in CONFINED else None
            parameters = METHODS[method](experiment, task).gen(1, model_gen_options=walk).arms[0].parameters
            seconds += time.process_time() - before
        if method == "canonical domain":
            parameters = symmetry.canonical(parameters)
        values.append(task.function(np.array([parameters[n] for n in names])))
        observe(experiment, parameters, values[-1] + task.sem * rng.normal(), task.sem)
    return f"{seconds / (task.budget - INITIAL):.4f}", " ".join(f"{v:.6g}" for v in values)


def main() -> None:
    parser = new_parser(__doc__, Path("level.csv"), seeds=10)
    parser.add_argument("--problems", nargs="*", choices=PROBLEMS, default=PROBLEMS)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=[*METHODS])
    args = parser.parse_args()
    cases = [(name, method, seed) for seed in range(args.seeds) for name in args.problems for method in args.methods
             if runs(method, problem(name))]
    if not args.report:
        run_cases(run, cases, args.out, ("problem", "method", "seed", "seconds", "values"), args.jobs)
    report(read(args.out, [*METHODS]), [*METHODS], args.out.with_suffix(".html"))


if __name__ == "__main__":
    main()
