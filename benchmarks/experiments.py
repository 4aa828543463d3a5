"""What the benchmarks share: experiments and observations, other models in the place of the fitted one, long runs."""

from __future__ import annotations

import argparse
import csv
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from ax.core import Arm, Experiment, Metric, Objective, OptimizationConfig, SearchSpace
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from gpytorch.kernels import Kernel
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor
from tqdm import tqdm

from ax_symmetry._ax.fitted_models import fitted_model, fitted_surrogate


def new_experiment(space: SearchSpace) -> Experiment:
    """Make an experiment that maximises y."""
    objective = Objective(metric=Metric(name="y"), minimize=False)
    return Experiment(name="benchmark", search_space=space, optimization_config=OptimizationConfig(objective=objective))


def observe(experiment: Experiment, parameters: Mapping[str, Any], value: float, sem: float) -> None:
    """Add a completed trial."""
    trial = experiment.new_trial()
    trial.add_arm(Arm(parameters=dict(parameters)))
    trial.mark_running(no_runner_required=True)
    trial.update_trial_data({"y": (value, sem)})
    trial.mark_completed()


def training_data(adapter: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, targets and variances of the fitted model: `n x d`, `n x 1`, `n x 1`."""
    model = fitted_model(adapter)
    return model.train_inputs[0], model.train_targets[:, None], model.likelihood.noise.detach()[:, None]


def stand_in(adapter: Any, data: tuple[Tensor, Tensor, Tensor], kernel: Kernel | None = None) -> None:
    """Replace the fitted model by one with another kernel, BoTorch's default without one, fitted to such data."""
    model = SingleTaskGP(*data, covar_module=kernel, outcome_transform=None).to(torch.double)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    fitted_surrogate(adapter)._model = model.eval()


def new_parser(benchmark: str, out: Path, seeds: int) -> argparse.ArgumentParser:
    """Return a parser of the options that long runs share.

    Args:
        benchmark: The docstring; its first line is shown.
        out: The table.
        seeds: How many.
    """
    parser = argparse.ArgumentParser(description=benchmark.splitlines()[0])
    parser.add_argument("--out", type=Path, default=out, help="table of results, one line per run")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--report", action="store_true", help="print what is there and stop")
    return parser


def quiet() -> None:
    """Prepare a process: one thread, no word of Ax's."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)


def run_cases(
    run: Callable[..., Sequence[Any]], cases: Sequence[tuple[Any, ...]], out: Path, header: Sequence[str], jobs: int
) -> None:
    """Run what a table does not have yet, in processes of their own, and append the results to it.

    Args:
        run: Called with a case; returns the other columns of its line.
        cases: The first columns of all lines.
        out: The table.
        header: Its columns.
        jobs: How many run at the same time.
    """
    if not out.exists():
        out.write_text(",".join(header) + "\n")
    with out.open(newline="") as file:
        done = {tuple(line[:len(cases[0])]) for line in csv.reader(file)}
    with ProcessPoolExecutor(jobs, initializer=quiet) as pool:
        running = {pool.submit(run, *case): case for case in cases if tuple(map(str, case)) not in done}
        for job in tqdm(as_completed(running), total=len(running), unit="run"):
            with out.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow([*running[job], *job.result()])


def new_grid(titles: Sequence[str]) -> Any:
    """Make a figure of two columns of plots, a legend above them."""
    from plotly.subplots import make_subplots

    rows = -(-len(titles) // 2)
    plot = make_subplots(rows=rows, cols=2, subplot_titles=titles, vertical_spacing=0.3 / rows)
    return plot.update_layout(height=300 * rows, template="plotly_white", margin={"t": 150, "l": 60, "r": 10},
                              legend={"orientation": "h", "y": 1.03, "yanchor": "bottom"})


def add_to_grid(plot: Any, place: int, trace: Any) -> None:
    """Add a trace to one plot of a grid; traces of one name share a line of the legend."""
    trace.update(legendgroup=trace.name, showlegend=trace.name not in {other.name for other in plot.data})
    plot.add_trace(trace, row=place // 2 + 1, col=place % 2 + 1)
