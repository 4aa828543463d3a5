"""What the studies of this folder share: searches without and with the symmetry, side by side.

A study brings its model and its search space; here are one search, all searches in two processes, the table, the paired
comparison and the figure. Every search of a repeat has the same seed and starts from the same points: what differs is
what Ax is told. The methods are `METHODS`; a study may compare some of them, or add one of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import queue
import random
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterable

import numpy as np
import plotly.graph_objects as go
import torch
from ax.core.arm import Arm
from ax.core.experiment import Experiment
from scipy.stats import t as student_t
from tqdm import tqdm

from ax_symmetry import get_botorch

METHODS = ("sobol", "plain", "symmetric")
LABELS = {"sobol": "Sobol points", "plain": "Ax alone", "symmetric": "with the symmetry", "ratios": "and ratios alone"}
COLORS = {"sobol": "150,150,150", "plain": "76,86,106", "symmetric": "209,73,91", "ratios": "0,121,140"}
Row = tuple[str, int, dict[str, np.ndarray]]  # of a table: its label, its digits, the repeats' values by method


def new_parser(study: str, defaults: dict[str, int | None], repeats: str) -> argparse.ArgumentParser:
    """Return a parser of the options that all studies have.

    Args:
        study: The study's docstring; its first line is shown.
        defaults: Those of `--trials`, `--initial` and `--repeats`. Write the names out: the documentation's build looks
            for them in the study.
        repeats: What `--help` says of the repeats.
    """
    parser = argparse.ArgumentParser(description=study.splitlines()[0])
    texts = {"--trials": "trials of a search, the initial ones included",
             "--initial": "Sobol points before the model takes over",
             "--repeats": repeats}
    for option, text in texts.items():
        parser.add_argument(option, type=int, default=defaults[option], help=text)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first repeat")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the figure")
    return parser


def seed_all(seed: int) -> None:
    for generator in (random.seed, np.random.seed, torch.manual_seed):  # Ax up to 1.0 uses all three
        generator(seed)


def report(trial: Any, metric: str, value: float, sem: float | None) -> None:
    """Attach one measurement to a trial; without its standard error the model infers the noise."""
    trial.mark_running(no_runner_required=True)
    trial.update_trial_data(raw_data={metric: (value, sem)})
    trial.mark_completed()


def optimise(method: str, seed: int, n_initial: int, n_trials: int, *, experiment: Experiment, metric: str,
             points: list[dict[str, float]], evaluate: Callable[[dict[str, Any]], dict[str, float]],
             symmetry: dict[str, Any], sem: float = 0.0, options: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Run one search; return the parameters and the outcomes of its trials in turn.

    Args:
        method: Sobol points alone ("sobol"), a model that is not told the symmetry ("plain"), or one that is.
        seed: Of everything random in Ax.
        n_initial: Trials at the given points, before the model takes over.
        n_trials: All trials.
        experiment: A new experiment.
        metric: Its objective: one of the outcomes.
        points: The points to begin with, of all trials for "sobol".
        evaluate: Returns the outcomes at a point, the metric and others, by name.
        symmetry: What other methods are told, as `get_botorch` takes it.
        sem: Standard error of the metric.
        options: Ax's options of the search for a candidate; None for its own.
    """
    seed_all(seed)
    outcomes = []
    for i in range(n_trials):
        if i < n_initial or method == "sobol":
            trial = experiment.new_trial().add_arm(Arm(parameters=points[i]))
        else:
            model = get_botorch(experiment=experiment, data=experiment.lookup_data(),
                                symmetry=None if method == "plain" else symmetry)
            trial = experiment.new_trial(generator_run=model.gen(n=1, model_gen_options=options))
        point = trial.arm.parameters
        outcomes.append({**point, **evaluate(point)})
        report(trial, metric, outcomes[i][metric], sem)
        tick()
    return outcomes


def start_worker(shared_ticks: Any) -> None:
    """Prepare a worker process."""
    global ticks  # one item per finished step, for the progress bar
    ticks = shared_ticks
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")


def tick() -> None:
    """Move the progress bar by one step; jobs of `run_all` call it."""
    ticks.put(1)


def run_all(job: Callable[..., Any], methods: Iterable[str], args: argparse.Namespace, job_args: tuple, steps: int,
            unit: str = "trial") -> dict[str, list[Any]]:
    """Run job(method, seed, *job_args) for every method and repeat in two processes, with a progress bar.

    Args:
        job: A function of a module, so that the processes find it; it calls `tick` once a step.
        methods: Some of `LABELS`.
        args: The options `seed` and `repeats`.
        job_args: Further arguments of the job.
        steps: Steps of one job.
        unit: What the progress bar calls a step.

    Returns:
        What the job returned, by method, in the order of the repeats.

    Raises:
        Exception: What a job raised, when all are through.
    """
    forks = "forkserver" in multiprocessing.get_all_start_methods()  # of a process that has imported Ax, once for all
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    context.set_forkserver_preload(["comparison"])
    shared_ticks = context.Queue()
    with ProcessPoolExecutor(2, context, start_worker, (shared_ticks,)) as pool:
        futures: dict[str, list[Any]] = {method: [] for method in methods}
        for seed in range(args.seed, args.seed + args.repeats):
            for method in futures:
                futures[method].append(pool.submit(job, method, seed, *job_args))
        waiting = [future for of_method in futures.values() for future in of_method]
        with tqdm(total=steps * len(waiting), unit=unit) as bar:
            while bar.n < bar.total and not any(future.done() and future.exception() for future in waiting):
                try:
                    bar.update(shared_ticks.get(timeout=1.0))
                except queue.Empty:
                    pass
        return {method: [future.result() for future in of_method] for method, of_method in futures.items()}


def rows_of_budgets(best: dict[str, np.ndarray], n_initial: int, step: int, digits: int) -> list[Row]:
    """Return a table's rows: the best so far (repeats x trials) after the initial trials, every few, and all."""
    n_trials = next(iter(best.values())).shape[1]
    budgets = [*range(n_initial, n_trials, step), n_trials]
    return [(str(n), digits, {method: values[:, n - 1] for method, values in best.items()}) for n in budgets]


def print_table(title: str, corner: str, rows: list[Row], widths: tuple[int, int] = (14, 26)) -> None:
    """Print a line for each row and a column for each method: median (lowest - highest) of the repeats."""
    first, other = widths
    print(f"\n{title}: median (lowest - highest) of the repeats\n")
    print(f"{corner:>{first}}" + "".join(f"{LABELS[method]:>{other}}" for method in rows[0][2]))
    for label, digits, by_method in rows:
        cells = (f"{np.median(v):.{digits}f} ({np.min(v):.{digits}f} - {np.max(v):.{digits}f})"
                 for v in by_method.values())
        print(f"{label:>{first}}" + "".join(f"{cell:>{other}}" for cell in cells))


def verdict(gains: np.ndarray, digits: int) -> str:
    """Say whether the symmetry helped, from its gain over Ax alone in each repeat: a paired t-test at 5 %."""
    if len(gains) < 2:
        return f"The symmetry's gain is {gains[0]:+.{digits}f} in the only repeat, which says nothing about others."
    half = student_t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    low, high = gains.mean() - half, gains.mean() + half
    word = "helped" if low > 0 else "hurt" if high < 0 else "made no difference that these repeats could show"
    return (f"The symmetry {word}: its gain over Ax alone is {gains.mean():+.{digits}f} on average\n(95 % interval "
            f"{low:+.{digits}f} to {high:+.{digits}f}); it is ahead in {(gains > 0).sum()} of {len(gains)} repeats.")


def draw_best(fig: go.Figure, best: dict[str, np.ndarray], n_initial: int, digits: int, **place: int) -> None:
    """Add the best so far (repeats x trials) of every method, median and range, to a figure or the subplot in place."""
    for method, values in best.items():
        n = np.arange(1, values.shape[1] + 1)
        low, middle, high = values.min(axis=0), np.median(values, axis=0), values.max(axis=0)
        fig.add_scatter(x=np.r_[n, n[::-1]], y=np.r_[high, low[::-1]], fill="toself", mode="none", hoverinfo="skip",
                        fillcolor=f"rgba({COLORS[method]},0.15)", legendgroup=method, showlegend=False, **place)
        fig.add_scatter(x=n, y=middle, mode="lines+markers", line_color=f"rgb({COLORS[method]})", name=LABELS[method],
                        legendgroup=method, customdata=np.c_[low, high], **place, hovertemplate=(
                            f"%{{x}} trials: %{{y:.{digits}f}} "
                            f"(%{{customdata[0]:.{digits}f}} - %{{customdata[1]:.{digits}f}})"))
    fig.add_vrect(x0=1, x1=n_initial, fillcolor="grey", opacity=0.08, line_width=0, **place,
                  annotation_text="the same initial trials", annotation_position="bottom left")


def write_figure(fig: go.Figure, file: Path) -> None:
    """Write a page, and a PNG beside it where kaleido is installed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fig.write_html(file)
    print(f"Figure: {file}")
    if importlib.util.find_spec("kaleido"):
        try:
            fig.write_image(file.with_suffix(".png"), width=900, height=fig.layout.height or 550, scale=2)
        except RuntimeError as error:  # kaleido found no browser
            print(f"No PNG: {error}")
