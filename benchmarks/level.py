"""Every way to use a symmetry, on the same problems: regret per evaluation and seconds per candidate.

    python benchmarks/level.py --out level.csv --jobs 2      # resumes where it stopped; hours
    python benchmarks/level.py --out level.csv --report      # the tables of what is there, and level.html

All methods start from the same quasi-random points, so that runs are paired by seed. With order constraints Ax draws
the starts of its search by a random walk; it is shortened here, as it would take most of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.core import Experiment, ParameterType, RangeParameter, SearchSpace
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from experiments import new_experiment, new_parser, observe, run_cases, stand_in, training_data
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, RBFKernel
from problems import PROBLEMS, Problem, problem
from scipy.stats import wilcoxon

from ax_symmetry import Canonicalize, Symmetry, get_botorch
from ax_symmetry._ax import default_transforms
from ax_symmetry._ax.search import holder_of
from ax_symmetry.columns import named_action
from ax_symmetry.kernels import InvariantKernel, MaxAlignmentKernel
from ax_symmetry.searching import hasten

INITIAL = 5
SHORT_WALK = {"optimizer_kwargs": {"options": {"n_burnin": 1000, "n_thinning": 4}}}
PEERS = ("order constraints", "k_G", "max-alignment", "invariantkernels", "BayBE rows")  # what other projects do
DEFAULT = "kernel"  # what get_botorch does on range parameters
ROWS = 1000  # full augmentation is left out where it makes more: each fit would take minutes
PEER = 120  # elements up to which the peer's kernel is run


def unit(symmetry: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> Symmetry:
    """Return the symmetry of parameters that are scaled to the unit interval."""
    mirror = symmetry.get("mirror")
    if mirror is None:
        return Symmetry.from_config(symmetry)

    def scaled(centers: Mapping[str, float]) -> dict[str, float]:
        return {n: (c - bounds[n][0]) / (bounds[n][1] - bounds[n][0]) for n, c in centers.items()}

    moved = scaled(mirror) if isinstance(mirror, Mapping) else [scaled(centers) for centers in mirror]
    return Symmetry.from_config({**symmetry, "mirror": moved})


def with_kernel(make: Callable[[Symmetry, list[str]], Kernel]) -> Callable[..., Any]:
    """Return a method: plain Ax, its model replaced by one with another kernel, fitted to the same data."""

    def fitted(experiment: Experiment, task: Problem) -> Any:
        adapter = get_botorch(experiment, experiment.lookup_data())
        kernel = make(unit(task.symmetry, task.bounds), adapter.parameters)
        stand_in(adapter, training_data(adapter), kernel)
        if isinstance(kernel, InvariantKernel):  # searched as `get_botorch` searches a model with this kernel
            kernel.fix()
            hasten(holder_of(adapter)._model)
        return adapter

    return fitted


def peer_kernel(symmetry: Symmetry, names: list[str]) -> Kernel:
    import invariantkernels as peer

    action = named_action(symmetry, names)
    made = getattr(peer, "GroupInvariantKernel", None) or peer.InvariantKernel
    isotropic = "isotropic" if hasattr(peer, "GroupInvariantKernel") else "is_isotropic"
    base = RBFKernel(lengthscale_constraint=GreaterThan(2.5e-2))
    return made(base, lambda x: action(x).movedim(-2, -3), **{isotropic: True})


def augmented_by_baybe(experiment: Experiment, task: Problem) -> Any:
    """Plain Ax on the rows that BayBE's row augmentation makes, each with the variance of its observation."""
    from baybe.utils.augmentation import df_apply_permutation_augmentation

    adapter = get_botorch(experiment, experiment.lookup_data())
    x, y, variance = training_data(adapter)
    columns = {"x": list(adapter.parameters), "y": ["y"], "variance": ["variance"]}
    table = pd.DataFrame(torch.cat([x, y, variance], dim=1).numpy(), columns=sum(columns.values(), []))
    rows = df_apply_permutation_augmentation(table, [list(slot) for slot in zip(*task.symmetry["blocks"])])
    stand_in(adapter, tuple(torch.tensor(rows[own].to_numpy(dtype=float)) for own in columns.values()))
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
        transforms = [Canonicalize, *default_transforms()]
        return get_botorch(experiment, experiment.lookup_data(), transforms=transforms, transform_configs=configs)

    return fitted


METHODS: dict[str, Callable[..., Any]] = {
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
    "k_G and e": told(asymmetry="learn"),
    "max-alignment": with_kernel(lambda symmetry, names: MaxAlignmentKernel(symmetry, names)),
    "invariantkernels": with_kernel(peer_kernel),
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
            walk = SHORT_WALK if method == "order constraints" else None
            parameters = METHODS[method](experiment, task).gen(1, model_gen_options=walk).arms[0].parameters
            seconds += time.process_time() - before
        if method == "canonical domain":
            parameters = symmetry.canonical(parameters)
        values.append(task.function(np.array([parameters[n] for n in names])))
        observe(experiment, parameters, values[-1] + task.sem * rng.normal(), task.sem)
    return f"{seconds / (task.budget - INITIAL):.4f}", " ".join(f"{v:.6g}" for v in values)


def read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    table["values"] = [np.array(v.split(), dtype=float) for v in table["values"]]
    return table


Runs = dict[int, np.ndarray]
"""Of every seed, by how much each evaluation missed the optimum."""


def lowest(runs_: Runs) -> Runs:
    """Return the simple regret of runs: the least so far."""
    return {seed: np.minimum.accumulate(regret) for seed, regret in runs_.items()}


def share_of_budget(runs_: Runs, plain: Runs) -> float:
    """Return after which share of the budget the median regret is plain Ax's final one; infinity for never."""
    median = np.median([*lowest(runs_).values()], axis=0)
    reached = np.flatnonzero(median <= np.median([r[-1] for r in lowest(plain).values()]))
    return (reached[0] + 1) / len(median) if len(reached) else float("inf")


def finals(runs_: Runs) -> dict[int, float]:
    """Return the simple regret at the end."""
    return {seed: regret[-1] for seed, regret in lowest(runs_).items()}


def sums(runs_: Runs) -> dict[int, float]:
    """Return the cumulative regret: of all evaluations but the first, quasi-random ones."""
    return {seed: regret[INITIAL:].sum() for seed, regret in runs_.items()}


def p_value(ours: Mapping[int, float], theirs: Mapping[int, float], alternative: str, least: float = 0) -> float:
    """Compare numbers, paired by seed: Wilcoxon's signed-rank test, one-sided. NaN below five pairs.

    Differences of no more than `least` are none; without any other the numbers are level: 1.
    """
    pairs = [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
    differ = [d if abs(d) > least else 0.0 for d in pairs]
    if len(pairs) < 5:
        return float("nan")
    return float(wilcoxon(differ, zero_method="zsplit", alternative=alternative).pvalue) if any(differ) else 1.0


def report(table: pd.DataFrame, figure: Path) -> None:
    """Print regrets, evaluations, seconds and how the default does."""
    found: dict[str, dict[str, Runs]] = {}
    print("Medians (25 % - 75 %) over seeds. Evaluations: until plain Ax's final median regret, as a share of the\n"
          "budget. Cumulative regret: mean and standard error of its sum over all evaluations but the first,\n"
          "quasi-random ones. p: regret lower than plain Ax's, Wilcoxon, one-sided, paired by seed. Final regrets\n"
          "that differ by less than a hundredth of the sem are level.")
    for name in (name for name in PROBLEMS if (table.problem == name).any()):
        best, of_problem = problem(name).optimum(), table[table.problem == name]
        found[name] = {m: {seed: best - v for seed, v in zip(rows.seed, rows["values"])}
                       for m, rows in of_problem.groupby("method", sort=False)}
        plain, least = found[name]["plain"], problem(name).sem / 100
        print(f"\n{name}\n{'method':22}{'seeds':>6}{'final regret':>34}{'evaluations':>13}{'p':>8}"
              f"{'cumulative regret':>24}{'p':>8}{'s / candidate':>15}")
        for method, runs_ in found[name].items():
            last, total = (np.array([*of(runs_).values()]) for of in (finals, sums))
            quartiles = f"{np.median(last):.4g} ({np.quantile(last, .25):.4g} - {np.quantile(last, .75):.4g})"
            error = np.std(total, ddof=1) / len(total)**0.5 if len(total) > 1 else float("nan")
            seconds = of_problem[of_problem.method == method].seconds.median()
            print(f"{method:22}{len(last):>6}{quartiles:>34}{share_of_budget(runs_, plain):>13.2f}"
                  f"{p_value(finals(runs_), finals(plain), 'less', least):>8.3f}"
                  f"{f'{np.mean(total):.4g} +- {error:.2g}':>24}"
                  f"{p_value(sums(runs_), sums(plain), 'less'):>8.3f}{seconds:>15.2f}")
    print(f"\nThe default ({DEFAULT}): p of a final regret worse than plain Ax's, and than that of the best peer\n"
          f"{'problem':18}{'evaluations':>12}{'p worse':>9}  {'peer':20}{'median':>11}{'default':>11}{'p worse':>9}")
    for name, methods in found.items():
        medians = {m: float(np.median([*finals(runs_).values()])) for m, runs_ in methods.items()}
        peers = sorted((m for m in PEERS if m in medians), key=medians.__getitem__)
        if DEFAULT not in methods or not peers:
            continue
        ours, plain, peer = (methods[m] for m in (DEFAULT, "plain", peers[0]))
        worse = [p_value(finals(ours), finals(other), "greater", problem(name).sem / 100) for other in (plain, peer)]
        print(f"{name:18}{share_of_budget(ours, plain):>12.2f}{worse[0]:>9.3f}  {peers[0]:20}{medians[peers[0]]:>11.3g}"
              f"{medians[DEFAULT]:>11.3g}{worse[1]:>9.3f}")
    draw(found, figure)
    print(f"\nThe figure: {figure}")


def draw(found: Mapping[str, Mapping[str, Runs]], figure: Path) -> None:
    """Draw the medians of the regret, down to a hundredth of the sem."""
    import plotly.graph_objects as go
    from plotly.colors import qualitative
    from plotly.subplots import make_subplots

    rows = -(-len(found) // 2)
    plot = make_subplots(rows=rows, cols=2, subplot_titles=[*found], vertical_spacing=0.3 / rows)
    lines = {m: {"color": color, "width": 1.5} for m, color in zip(METHODS, qualitative.D3 + qualitative.Set2)}
    lines |= {"plain": {"color": "black", "width": 2, "dash": "dash"}, DEFAULT: {"color": "crimson", "width": 3.5}}
    for place, (name, methods) in enumerate(found.items()):
        for method in (m for m in METHODS if m in methods):
            median = np.median([*lowest(methods[method]).values()], axis=0).clip(problem(name).sem / 100)
            line = go.Scatter(x=np.arange(1, len(median) + 1), y=median, name=method, legendgroup=method, mode="lines",
                              showlegend=method not in {trace.name for trace in plot.data}, line=lines[method])
            plot.add_trace(line, row=place // 2 + 1, col=place % 2 + 1)
    plot.update_yaxes(type="log", title_text="regret", dtick=1, exponentformat="power")
    plot.update_xaxes(title_text="evaluations")
    plot.update_layout(height=300 * rows, width=1000, template="plotly_white",
                       legend={"orientation": "h", "y": 1.03, "yanchor": "bottom"})
    plot.write_html(figure, include_plotlyjs="cdn")


def main() -> None:
    parser = new_parser(__doc__, Path("level.csv"), seeds=10)
    parser.add_argument("--problems", nargs="*", choices=PROBLEMS, default=PROBLEMS)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=[*METHODS])
    args = parser.parse_args()
    cases = [(name, method, seed) for seed in range(args.seeds) for name in args.problems for method in args.methods
             if runs(method, problem(name))]
    if not args.report:
        run_cases(run, cases, args.out, ("problem", "method", "seed", "seconds", "values"), args.jobs)
    report(read(args.out), args.out.with_suffix(".html"))


if __name__ == "__main__":
    main()
