"""What the transforms cost, in ratios measured in one run. README.md here explains them and has a table of results.

    python benchmarks/transforms.py                         # about five minutes
    python benchmarks/transforms.py --fast                  # smaller, to see that it runs
    python benchmarks/transforms.py --repeats 9 --seed 100
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import logging
import math
import platform
import sys
import time
import tracemalloc
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from ax.core import Arm, Data, Experiment, Metric, Objective, ObservationFeatures, OptimizationConfig
from ax.core import ParameterType, RangeParameter, SearchSpace
from tqdm import tqdm

from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry.groups.actions import Action, gather_images

WIDTH = 60  # parameters in (c) and (d): rows are equally long, whether they hold 3 blocks or 20
TRAINING = ("transform_experiment_data", "transform_observations")  # what Ax calls with training data: one of the two


def seconds(job: Callable[[], Any], calls: int = 1) -> float:
    """Measure the CPU time of one call, the mean of some, without garbage collection, as `timeit` does."""
    collects = gc.isenabled()
    gc.disable()
    start = time.process_time()
    for _ in range(calls):
        job()
    took = (time.process_time() - start) / calls
    if collects:
        gc.enable()
    return took


def peak_bytes(job: Callable[[], Any]) -> float:
    """Measure how far memory rises while a call runs."""
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class Stop(Exception):
    """Ends a fit before the model."""


@contextmanager
def metered(measure: Callable[..., float] = seconds, stop: bool = False) -> Iterator[dict[str, float]]:
    """Measure both transforms where Ax calls their methods: seconds in sum, or the highest peak of bytes.

    With `stop`, the fit ends when the training data have their images.
    """
    spent: dict[str, float] = defaultdict(float)
    busy: list[str] = []  # a method that another one calls counts once

    def meter(cls: type, name: str) -> Callable[..., Any]:
        method = getattr(cls, name)

        @wraps(method)
        def measured(*args: Any, **kwargs: Any) -> Any:
            if busy:
                return method(*args, **kwargs)
            result: list[Any] = []
            busy.append(name)
            cost = measure(lambda: result.append(method(*args, **kwargs)))
            busy.clear()
            before = spent[cls.__name__]
            spent[cls.__name__] = max(before, cost) if measure is peak_bytes else before + cost
            if stop and cls is SymmetrizeObservations and name in TRAINING:
                raise Stop
            return result[0]

        return measured

    with ExitStack() as stack:
        for cls in (SymmetrizeObservations, Canonicalize):
            for name in dir(cls):
                if name == "__init__" or name.startswith(("transform_", "untransform_")):
                    stack.enter_context(mock.patch.object(cls, name, meter(cls, name)))
        stack.enter_context(suppress(Stop))
        yield spent


def spread(values: Any, form: str = ".2f") -> str:
    """Write median, lowest and highest."""
    return f"{np.median(values):{form}} ({np.min(values):{form}} - {np.max(values):{form}})"


def line(label: str, values: Any, form: str = ".2f", target: str = "") -> None:
    """Print one figure, and whether its median meets a target: `">= 1000"`, `"<= 5"`."""
    beyond = np.median(values) - float(target[3:] or 0)
    verdict = f"target {target}: " + ("met" if (beyond >= 0) == target.startswith(">") else "missed")
    print(f"  {label:<58} {spread(values, form):<24} {verdict if target else ''}".rstrip())


def exponents(costs: Any, sizes: Sequence[float]) -> Any:
    """Fit the slopes of log cost against log size, costs `... x sizes`."""
    return np.polyfit(np.log(sizes), np.log(costs.reshape(-1, len(sizes)).T), 1)[0]


def cut(m: int, width: int = WIDTH) -> list[list[str]]:
    """Cut parameters into m blocks."""
    return np.asarray([f"x{i}" for i in range(width)]).reshape(m, -1).tolist()


def space(width: int) -> SearchSpace:
    """Make the search space of these parameters, the unit cube."""
    return SearchSpace([RangeParameter(f"x{i}", ParameterType.FLOAT, lower=0.0, upper=1.0) for i in range(width)])


def experiment_of(n: int, width: int, seed: int) -> Experiment:
    """Make an experiment with n noisy trials at random points; every permutation leaves its outcome alone."""
    rng = np.random.default_rng(seed)
    config = OptimizationConfig(Objective(metric=Metric("y"), minimize=False))
    experiment = Experiment(space(width), name="benchmark", optimization_config=config)
    x = rng.random((n, width))
    for row in x.tolist():
        trial = experiment.new_trial().add_arm(Arm({f"x{i}": value for i, value in enumerate(row)}))
        trial.mark_running(no_runner_required=True).mark_completed()
    table = pd.DataFrame({"trial_index": range(n), "arm_name": [f"{i}_0" for i in range(n)], "metric_name": "y"})
    table = table.assign(mean=np.sin(5 * x).sum(axis=1) + rng.normal(scale=0.1, size=n), sem=0.1)
    if "metric_signature" in Data.REQUIRED_COLUMNS:
        table["metric_signature"] = "y"
    experiment.attach_data(Data(df=table))
    return experiment


def expand(action: Action, x: Any) -> Any:
    """Write out the orbits of rows of floats: the work of the array core."""
    rows, points = action.images(x)
    return gather_images(x, None, rows, points)


def against_baybe(n: int, seeds: Sequence[int]) -> None:
    """(a) The array core against BayBE's helper."""
    print(f"\n(a) {n:,} rows of three 3-slot blocks expanded to {6 * n:,}: the array core and BayBE")
    try:
        from baybe.utils.augmentation import df_apply_permutation_augmentation
    except ImportError:
        return print("  left out: BayBE is not installed (pip install baybe)")
    blocks, took = cut(3, 9), []
    symmetry = Symmetry.permutation(blocks)
    for seed in tqdm(seeds, leave=False):
        frame = pd.DataFrame(np.random.default_rng(seed).random((n, 9)), columns=symmetry.parameters)
        x, theirs, ours = frame.to_numpy(), [], expand(symmetry.action, frame.to_numpy())
        took.append([seconds(lambda: theirs.append(df_apply_permutation_augmentation(frame, blocks))),
                     seconds(lambda: expand(symmetry.action, x), 50),
                     seconds(lambda: pd.DataFrame(expand(Symmetry.permutation(blocks).action, frame.to_numpy())), 50)])
        if sorted(ours.tolist()) != sorted(theirs[0].to_numpy().tolist()):
            sys.exit("BayBE and ax_symmetry give different rows")
    baybe, core, frames = np.transpose(took)
    line("BayBE's df_apply_permutation_augmentation, s", baybe)
    line("array core, ms", 1e3 * core)
    line("array core, times faster", baybe / core, ",.0f", ">= 1000")
    line("the same from and to a data frame, group built anew", baybe / frames, ",.0f")
    print("  both give the same rows")


def share_of_fit(n: int, seeds: Sequence[int]) -> None:
    """(b) What both transforms take of the fit that they feed."""
    print(f"\n(b) get_botorch, {n} observations of three 3-slot blocks (S_3: {6 * n} rows)")
    config, took = {"blocks": cut(3, 9)}, []
    for seed in tqdm([seeds[0], *seeds], leave=False):  # the first one warms up
        experiment, fitted = experiment_of(n, 9, seed), []
        data = experiment.lookup_data()
        torch.manual_seed(seed)
        with metered() as fit:
            whole = seconds(lambda: fitted.append(get_botorch(experiment, data, symmetry=config)))
        with metered() as gen:
            search = seconds(lambda: fitted[0].gen(n=1))
        plain = seconds(lambda: get_botorch(experiment, data))
        took.append([whole, fit["SymmetrizeObservations"], fit["Canonicalize"], search, sum(gen.values()), plain])
    whole, symmetrize, canonicalize, search, in_gen, plain = np.transpose(took[1:])
    line("the whole fit, s", whole)
    line("SymmetrizeObservations, % of it", 100 * symmetrize / whole)
    line("Canonicalize, % of it", 100 * canonicalize / whole)
    line("both, % of it", 100 * (symmetrize + canonicalize) / whole, target="<= 5")
    line("both, % of gen(n=1) after it", 100 * in_gen / search)
    line("for comparison: the fit without symmetry, s", plain)


def growth(sizes: Sequence[int], seeds: Sequence[int]) -> None:
    """(c) Time and memory by rows produced, for groups written out in full and for some images of a vast one."""
    print(f"\n(c) cost of one row produced, {WIDTH} parameters (the elements of S_12, written out, would take 214 GiB)")
    orders, kept = {m: math.factorial(m) for m in (3, 4, 5, 6)}, (6, 24, 72)
    n12 = sizes[-1] // kept[-1]
    cases: list[tuple[str, int, int, dict[str, Any]]] = [
        (f"S_{m}", size // order, size, {"blocks": cut(m)}) for m, order in orders.items() for size in sizes]
    cases += [(f"S_12 {select} {k}", n12, n12 * k, {"blocks": cut(12), "max_images": k, "select": select})
              for select in ("nearest", "random") for k in kept]
    experiments = {n: experiment_of(n, WIDTH, seeds[0]) for _, n, _, _ in cases}
    costs = np.full((4, len(seeds), len(cases)), np.nan)
    for r, c in tqdm([(r, c) for r in range(len(seeds)) for c in range(len(cases))], leave=False):
        _, n, _, config = cases[c]
        for row, measure in ((2, seconds), (3, peak_bytes)):
            with metered(measure, stop=True) as spent:
                get_botorch(experiments[n], experiments[n].lookup_data(), symmetry={**config, "seed": seeds[r]})
            costs[row, r, c] = (max if measure is peak_bytes else sum)(spent.values())
        if "max_images" not in config:
            x = np.random.default_rng(seeds[r]).random((n, WIDTH))
            action = Symmetry.permutation(config["blocks"]).action
            costs[1, r, c] = peak_bytes(lambda: expand(action, x))
            costs[0, r, c] = seconds(lambda: expand(action, x), 20)
    head = "".join(f"{h:<26}" for h in ("core: us", "bytes", "in Ax: us", "bytes"))
    print(f"  {'':<16}{'n':>5}{'rows':>6}   {head}".rstrip())
    for c, (label, n, rows, _) in enumerate(cases):
        units = [(1e6, ".2f"), (1.0, ".0f"), (1e6, ".1f"), (1.0, ".0f")]
        cells = [spread(costs[k, :, c] * unit / rows, form) for k, (unit, form) in enumerate(units)]
        body = "".join(f"{'-' if 'nan' in cell else cell:<26}" for cell in cells)
        print(f"  {label:<16}{n:>5}{rows:>6}   {body}".rstrip())
    full, some = np.split(costs, [len(orders) * len(sizes)], axis=2)
    full, some = full.reshape(4, len(seeds), len(orders), -1), some.reshape(4, len(seeds), 2, len(kept))
    for k, what in enumerate(("core, time", "core, memory", "in Ax, time", "in Ax, memory")):
        at_equal_rows = exponents(full[k, ..., -1], list(orders.values()))
        line(f"{what}: exponent in rows at one |G|", exponents(full[k], sizes), target="<= 1.1")
        line(f"{what}: exponent in |G| at {sizes[-1]} rows", at_equal_rows, target="<= 0.1")
        if k > 1:
            for select, of_select in zip(("nearest", "random"), (some[k, :, 0], some[k, :, 1])):
                line(f"{what}: exponent in images kept, {select}", exponents(of_select, kept), target="<= 1.1")


def candidates(n: int, seeds: Sequence[int]) -> None:
    """(d) Canonical representatives under a group that nobody could write out."""
    print(f"\n(d) canonical representatives of {n:,} candidates: 20 interchangeable 3-slot blocks, |G| = 20! = 2.4e18")
    symmetry, took = Symmetry.permutation(cut(20)), []
    transform = Canonicalize(search_space=space(WIDTH), config=symmetry.to_config())
    unit_x = next(t for t in backend.default_transforms() if t.__name__ == "UnitX")(search_space=space(WIDTH))
    for seed in tqdm(seeds, leave=False):
        x = np.random.default_rng(seed).random((n, WIDTH))
        given = [[ObservationFeatures(dict(zip(symmetry.parameters, row))) for row in x.tolist()] for _ in range(2)]
        took.append([seconds(lambda: gather_images(x, None, np.arange(n), symmetry.action.canonical_points(x)), 10),
                     seconds(lambda: transform.untransform_observation_features(given[0])),
                     seconds(lambda: unit_x.untransform_observation_features(given[1]))])
    core, canonicalize, ax = 1e3 * np.transpose(took)
    line("array core, ms", core)
    line("Canonicalize, ms", canonicalize)
    line("Canonicalize, times Ax's own UnitX on the same candidates", canonicalize / ax)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="how often everything is measured, each with its seed")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first repeat")
    parser.add_argument("--fast", action="store_true", help="smaller inputs: no figures to quote")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator|baybe)\.")
    warnings.filterwarnings("ignore", message="Passing `metric` to Objective")
    logging.getLogger("ax").setLevel(logging.ERROR)
    seeds = range(args.seed, args.seed + args.repeats)
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    print("python", *sys.argv)
    packages = [f"{p} {installed.get(p, 'missing')}" for p in ("ax-platform", "torch", "numpy", "baybe")]
    print(", ".join([f"Python {platform.python_version()}", *packages]))
    print(f"{args.repeats} repeats, seeds {seeds[0]} to {seeds[-1]}: median (lowest - highest); CPU time of one thread")
    against_baybe(100 if args.fast else 1000, seeds)
    share_of_fit(20 if args.fast else 100, seeds)
    growth((720, 1440) if args.fast else (720, 2160, 7200), seeds)
    candidates(100 if args.fast else 1000, seeds)


if __name__ == "__main__":
    main()
