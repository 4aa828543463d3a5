"""Twins in batches and among parallel trials: counts beside plain Ax and a brute-force k_G, and seconds per candidate.

    python benchmarks/batches.py --out results.csv            # resumes where it stopped; about an hour
    python benchmarks/batches.py --out results.csv --seeds 1  # to see that it runs
    python benchmarks/batches.py --out results.csv --report   # the table of what is there

Beside them the ways not taken, for 3 seeds: the augmented model as it is, the same at canonical inputs, and order
constraints on the search.

A pair is a repeat if all parameters agree within 0.01 of the ranges in some order of the blocks, a twin if they agree
exactly. Counted are the pairs of one batch, or of one candidate and one trial that was running when it was asked for.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import itertools
import logging
import random
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.core import ParameterType, RangeParameter, SearchSpace
from ax.service.ax_client import AxClient, ObjectiveProperties
from botorch.models.transforms.input import InputTransform
from experiments import new_experiment, observe, stand_in, training_data
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, RBFKernel
from gpytorch.priors import LogNormalPrior
from tqdm import tqdm

from ax_symmetry import choose_generation_strategy, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry._ax.fitted_models import fitted_model, fitted_surrogate, generator_of

GROUPS = {"S_3, 1 slot": (3, 1), "S_3, 3 slots": (3, 3), "S_4, 1 slot": (4, 1), "S_4, 3 slots": (4, 3)}
HAS_CLIENT = importlib.util.find_spec("ax.api") is not None
WAYS = {
    "gen(8)": ("plain", "augmentation", "kernel", "k_G", "as it is", "canonical inputs", "order constraints"),
    "gen(8) noisy": ("plain", "augmentation", "kernel", "k_G", "as it is"),
    "AxClient": ("plain", "augmentation", "kernel", "k_G"),
    "Client": ("plain", "augmentation", "kernel", "k_G"),
}
NOT_TAKEN, SEEDS_NOT_TAKEN = WAYS["gen(8)"][4:], 3
OBSERVED, INITIAL, BATCH, ROUNDS, PARALLEL = 24, 12, 8, 4, 4
SEM = {"gen(8)": 0.1, "gen(8) noisy": 1.5, "AxClient": 1.5, "Client": 1.5}  # so noisy that plain Ax repeats itself


class BruteForce(Kernel):
    """k_G with every permutation of m blocks written out, one lengthscale for each of s slots."""

    def __init__(self, m: int, s: int) -> None:
        super().__init__()
        self.m, self.s = m, s
        columns = np.arange(m * s).reshape(m, s)
        self.orders = [torch.from_numpy(columns[list(p)].ravel()) for p in itertools.permutations(range(m))]
        self.base = RBFKernel(ard_num_dims=s, lengthscale_constraint=GreaterThan(2.5e-2))
        prior = LogNormalPrior(loc=2**0.5 + np.log(m * s) / 2, scale=3**0.5)  # BoTorch's own for m s columns
        self.base.register_prior("lengthscale_prior", prior, "lengthscale")
        self.base.lengthscale = prior.mode

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **params: Any) -> torch.Tensor:
        lengthscale = self.base.lengthscale.squeeze(0).repeat(self.m)
        x1, x2 = x1 / lengthscale, x2 / lengthscale
        if diag:
            return sum(torch.exp(-((x1 - x2[..., p]) ** 2).sum(-1) / 2) for p in self.orders) / len(self.orders)
        entries = (torch.exp(-(torch.cdist(x1, x2[..., p], compute_mode="donot_use_mm_for_euclid_dist") ** 2) / 2)
                   for p in self.orders)
        return sum(entries) / len(self.orders)


def blocks_of(group: str) -> list[list[str]]:
    m, s = GROUPS[group]
    return [[f"x{k}_{j}" for j in range(s)] for k in range(m)]


def outcome(parameters: Mapping[str, float], blocks: Sequence[Sequence[str]]) -> float:
    """Evaluate an invariant function: the first slots spread out evenly, the others have an optimum."""
    x = np.array([[parameters[n] for n in block] for block in blocks])
    value = -4 * ((np.sort(x[:, 0]) - (np.arange(len(x)) + 0.5) / len(x)) ** 2).sum()
    if x.shape[1] > 1:
        value -= ((x[:, 1] - 0.5) ** 2).sum() + ((x[:, 2] - 1.0) ** 2).sum()
    return float(value)


class CanonicalInputs(InputTransform):
    """Evaluates a model at the image whose blocks are sorted."""

    transform_on_train, transform_on_eval, transform_on_fantasize = False, True, True

    def __init__(self, m: int, s: int) -> None:
        super().__init__()
        self.shape = (m, s)

    def transform(self, X: torch.Tensor) -> torch.Tensor:
        blocks = X.unflatten(-1, self.shape)
        order = blocks[..., 0].argsort(dim=-1)  # no two first slots are alike here
        return blocks.gather(-2, order.unsqueeze(-1).expand_as(blocks)).flatten(-2)


def seed_all(seed: int) -> None:
    for generator in (random.seed, np.random.seed, torch.manual_seed):
        generator(seed)


def search_space(blocks: Sequence[Sequence[str]]) -> SearchSpace:
    return SearchSpace([RangeParameter(n, ParameterType.FLOAT, 0.0, 1.0) for block in blocks for n in block])


def batch(way: str, group: str, method: str, seed: int) -> tuple[list[tuple[Any, Any]], float, int]:
    """Ask for a batch after random trials; return the pairs, the seconds, and how many candidates there are."""
    blocks = blocks_of(group)
    space = search_space(blocks)
    experiment = new_experiment(space)
    rng = np.random.default_rng(seed)
    for _ in range(OBSERVED):
        parameters = {n: float(rng.random()) for n in space.parameters}
        observe(experiment, parameters, outcome(parameters, blocks) + SEM[way] * rng.normal(), SEM[way])
    seed_all(seed)
    start = time.process_time()
    symmetry = {"blocks": blocks, "constrain": method == "order constraints"}
    known = {} if method in ("plain", "k_G") else {
        "symmetry": symmetry, "method": "kernel" if method == "kernel" else "augmentation"}
    adapter = get_botorch(experiment, experiment.lookup_data(), **known)
    if method == "k_G":
        stand_in(adapter, training_data(adapter), BruteForce(*GROUPS[group]))
    if method in NOT_TAKEN:
        generator = generator_of(adapter)  # its search sees the fitted model itself then
        if hasattr(generator, "acquisition_class"):
            generator.acquisition_class = generator.acquisition_class.acquisition_class
        else:
            del generator.gen
    if method == "canonical inputs":
        holder = fitted_surrogate(adapter)
        holder._model.eval()
        holder._model._original_train_inputs = holder._model.train_inputs[0]
        holder._model._has_transformed_inputs = True
        holder._model.input_transform = CanonicalInputs(*GROUPS[group])
    arms = [arm.parameters for arm in adapter.gen(BATCH).arms]
    return list(itertools.combinations(arms, 2)), time.process_time() - start, len(arms)


@contextmanager
def brute_force_searches(m: int, s: int) -> Iterator[None]:
    """Let every fitted model of a strategy search with the brute-force kernel."""
    name = "ax.adapter.torch" if importlib.util.find_spec("ax.adapter") else "ax.modelbridge.torch"
    adapters = importlib.import_module(name)
    of_ax = (adapters.TorchAdapter if hasattr(adapters, "TorchAdapter") else adapters.TorchModelBridge)
    own = of_ax._gen

    def search(self: Any, *args: Any, **keywords: Any) -> Any:
        if not isinstance(getattr(fitted_model(self).covar_module, "orders", None), list):
            stand_in(self, training_data(self), BruteForce(m, s))
        return own(self, *args, **keywords)

    of_ax._gen = search
    try:
        yield
    finally:
        of_ax._gen = own


def rounds(way: str, group: str, method: str, seed: int) -> tuple[list[tuple[Any, Any]], float, int]:
    """Run rounds of parallel trials through a client; return the pairs of running trials, and the model's seconds."""
    blocks = blocks_of(group)
    names = [n for block in blocks for n in block]
    space = search_space(blocks)
    seed_all(seed)
    own = {"num_initialization_trials": INITIAL, "max_parallelism": -1, "random_seed": seed}
    if method in ("augmentation", "kernel"):
        strategy = choose_generation_strategy(space, {"blocks": blocks}, method=method, **own)
    else:
        strategy = backend.strategy_of_ax(
            space, num_initialization_trials=INITIAL, max_parallelism_override=-1, random_seed=seed,
            should_deduplicate=True,
        )
    if way == "AxClient":
        client = AxClient(generation_strategy=strategy, random_seed=seed, verbose_logging=False)
        client.create_experiment(
            parameters=[{"name": n, "type": "range", "bounds": [0.0, 1.0], "value_type": "float"} for n in names],
            objectives={"y": ObjectiveProperties(minimize=False)})
    else:
        from ax.api.client import Client
        from ax.api.configs import RangeParameterConfig

        client = Client(random_seed=seed)
        client.configure_experiment(name="rounds", parameters=[
            RangeParameterConfig(name=n, parameter_type="float", bounds=(0.0, 1.0)) for n in names])
        client.configure_optimization(objective="y")
        client.set_generation_strategy(strategy)
    with brute_force_searches(*GROUPS[group]) if method == "k_G" else nullcontext():
        return ask_and_tell(client, way, blocks, seed)


def ask_and_tell(
    client: Any, way: str, blocks: Sequence[Sequence[str]], seed: int
) -> tuple[list[tuple[Any, Any]], float, int]:
    """Run the initial trials and the rounds; return what `rounds` does."""
    rng, pairs, seconds, asked = np.random.default_rng(seed), [], 0.0, 0
    for number in range(INITIAL // PARALLEL + ROUNDS):
        start = time.process_time()
        if way == "AxClient":
            running = {i: p for p, i in (client.get_next_trial() for _ in range(PARALLEL))}
        else:
            running = {}
            while len(running) < PARALLEL:  # where the quasi-random trials end it gives fewer
                running |= client.get_next_trials(max_trials=PARALLEL - len(running))
        if number >= INITIAL // PARALLEL:
            seconds, asked = seconds + time.process_time() - start, asked + len(running)
            pairs += itertools.combinations(running.values(), 2)
        for index, parameters in running.items():
            result = {"y": (outcome(parameters, blocks) + SEM[way] * rng.normal(), SEM[way])}
            client.complete_trial(index, raw_data=result)
    return pairs, seconds, asked


def apart(one: Mapping[str, float], other: Mapping[str, float], blocks: Sequence[Sequence[str]]) -> float:
    """Measure the largest difference of two trials' parameters, in the order of blocks where it is least."""
    a, b = (np.array([[p[n] for n in block] for block in blocks]) for p in (one, other))
    return min(float(np.abs(a - b[list(order)]).max()) for order in itertools.permutations(range(len(a))))


def report(table: pd.DataFrame) -> None:
    """Print the counts and the seconds, summed or as medians over the seeds."""
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("ax-platform", "botorch", "torch"))
    print(f"\n{versions}; CPU time of one thread\n")
    head = f"{'seeds':>7}{'pairs':>8}{'twins':>8}{'repeats':>9}{'s per candidate':>26}{'ratio':>24}"
    print(f"{'':15}{'':16}{'':20}{head}")
    for (way, group), of_case in table.groupby(["way", "group"], sort=False):
        plain = of_case[of_case.method == "plain"].set_index("seed").seconds
        for method, rows in of_case.groupby("method", sort=False):
            ratio = (rows.set_index("seed").seconds / plain).dropna()
            spread = [f"{np.median(v):.2f} ({v.min():.2f} - {v.max():.2f})" if len(v) else "-"
                      for v in (rows.seconds, ratio)]
            print(f"{way:15}{group:16}{method:20}{len(rows):7}{rows.pairs.sum():8}{rows.twins.sum():8}"
                  f"{rows.repeats.sum():9}{spread[0]:>26}{spread[1]:>24}")
    print()
    for way, of_way in table.groupby("way", sort=False):
        counts = of_way.groupby("method", sort=False)[["pairs", "twins", "repeats"]].sum()
        said = (f"{m} {row.repeats} repeats of {row.pairs} pairs, {row.twins} twins" for m, row in counts.iterrows())
        print(f"{way}, all groups: {'; '.join(said)}")


def main() -> None:
    global OBSERVED
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("batches.csv"), help="table of results, one line per run")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=[w for w in WAYS if w != "Client" or HAS_CLIENT])
    parser.add_argument("--groups", nargs="*", choices=GROUPS, default=[*GROUPS])
    parser.add_argument("--observed", type=int, default=OBSERVED, help="random trials before gen(8)")
    parser.add_argument("--methods", nargs="*", choices=WAYS["gen(8)"], default=WAYS["gen(8)"])
    parser.add_argument("--report", action="store_true", help="print what is there and stop")
    args = parser.parse_args()
    OBSERVED = args.observed
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    columns = ["way", "group", "method", "seed", "pairs", "twins", "repeats", "seconds"]
    if not args.out.exists():
        args.out.write_text(",".join(columns) + "\n")
    done = set(pd.read_csv(args.out, dtype={"seed": int})[columns[:4]].itertuples(index=False, name=None))
    todo = [(way, group, method, seed) for seed in range(args.seeds) for way in args.ways for group in args.groups
            for method in WAYS[way] if method in args.methods and (way, group, method, seed) not in done
            if method not in NOT_TAKEN or seed < SEEDS_NOT_TAKEN]
    for way, group, method, seed in tqdm([] if args.report else todo, unit="run"):
        pairs, seconds, asked = (rounds if way in ("AxClient", "Client") else batch)(way, group, method, seed)
        gaps = [apart(one, other, blocks_of(group)) for one, other in pairs]
        row = [way, f'"{group}"', method, seed, len(gaps), sum(g < 1e-9 for g in gaps), sum(g <= 0.01 for g in gaps),
               f"{seconds / asked:.4f}"]
        with args.out.open("a") as file:
            file.write(",".join(map(str, row)) + "\n")
    report(pd.read_csv(args.out))


if __name__ == "__main__":
    main()
