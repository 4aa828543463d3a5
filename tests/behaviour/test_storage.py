"""Ax can store what names the transforms, and read it again.

One-line bugs that turn this file red: drop a `register` call at the end of transforms.py; number the transforms by
the order of their import on Ax up to 0.5 (a fresh process would then read one for the other); let the images or the
candidates depend on anything that is not stored, such as a random generator that lives on in a transform (a saved
search then goes another way).

How exact is a resumed search? As exact as what Ax stores: a search that was saved and loaded after every trial asks for
the same trials, to the last bit. Two things Ax does not store, and these tests hold them fixed: the seed of the client
(given again to `AxClient.load_from_json_file`; for `Client` torch, NumPy and random are seeded), and measurements in
full: their table is written with ten decimals and read back up to one unit in the last place off, which moves a
candidate by 1e-11 at first, by 1e-3 two trials later, and in the end to another optimum. So the measurements here are
multiples of 1/256. The model starts every fit anew in either case, whatever `warm_start_refit` says.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ax_symmetry.transforms
import numpy as np
import pytest
import torch
from ax.service.utils.instantiation import InstantiationBase
from ax.storage.json_store.decoder import object_from_json
from ax.storage.json_store.encoder import object_to_json
from ax.storage.sqa_store.db import init_test_engine_and_session_factory
from ax.storage.sqa_store.load import load_experiment, load_generation_strategy_by_experiment_name
from ax.storage.sqa_store.save import save_experiment, save_generation_strategy
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, choose_generation_strategy
from scripts import CONTEXT
from support import AxClient, ObjectiveProperties

CONFIGS = Symmetry.permutation([["a"], ["b"]]).transform_configs(noise="orbit")


@pytest.mark.parametrize("transform", [Canonicalize, SymmetrizeObservations])
def test_a_transform_is_read_back(transform: type) -> None:
    stored = json.loads(json.dumps(object_to_json({"transforms": [transform], "transform_configs": CONFIGS})))
    assert object_from_json(stored) == {"transforms": [transform], "transform_configs": CONFIGS}


def test_a_fresh_process_reads_it_too() -> None:
    """The other order of import, and nothing else from this process."""
    assert ax_symmetry.transforms
    stored = json.dumps(object_to_json([Canonicalize, SymmetrizeObservations]))
    code = (
        "import sys, json; from ax_symmetry import SymmetrizeObservations, Canonicalize;"
        "from ax.storage.json_store.decoder import object_from_json;"
        "print([t.__name__ for t in object_from_json(json.loads(sys.argv[1]))])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, stored], capture_output=True, text=True)
    assert done.stdout.strip() == "['Canonicalize', 'SymmetrizeObservations']", done.stderr


BLOCKS = [["x1", "w1"], ["x2", "w2"]]
PARAMETERS = [{"name": name, "type": "range", "bounds": [0.0, 1.0]} for block in BLOCKS for name in block]
TRIALS, INITIAL, SEED = 8, 5, 3


def strategy(**options: Any) -> Any:
    search_space = InstantiationBase.make_search_space(PARAMETERS, [])
    config = {"blocks": BLOCKS} if "method" in options else {"blocks": BLOCKS, "noise": "orbit"}
    return choose_generation_strategy(search_space, config, random_seed=SEED, **options)


def ax_client(**options: Any) -> AxClient:
    client = AxClient(generation_strategy=strategy(**options), random_seed=SEED, verbose_logging=False)
    client.create_experiment(
        name="stored", parameters=PARAMETERS, objectives={"y": ObjectiveProperties(minimize=True)}
    )
    return client


def load_ax_client(file: str) -> AxClient:
    return AxClient.load_from_json_file(file, random_seed=SEED, verbose_logging=False)


def client() -> Any:
    made = import_module("ax.api.client").Client()  # no seed: it cannot be given again to the loaded one
    config = import_module("ax.api.configs").RangeParameterConfig
    made.configure_experiment([config(name=p["name"], parameter_type="float", bounds=(0.0, 1.0)) for p in PARAMETERS])
    made.configure_optimization(objective="-y")
    made.set_generation_strategy(strategy(num_initialization_trials=INITIAL))
    return made


def load_client(file: str) -> Any:
    return import_module("ax.api.client").Client.load_from_json_file(file)


def step(search: Any, index: int) -> dict[str, float]:
    """Ask for one trial and complete it with a measurement that Ax stores in full."""
    torch.set_num_threads(1)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1000 + index)
    if isinstance(search, AxClient):
        parameters, trial = search.get_next_trial()
    else:
        ((trial, parameters),) = search.get_next_trials(max_trials=1).items()
    assert trial == index
    x1, w1, x2, w2 = (parameters[name] for block in BLOCKS for name in block)
    value = (x1 - 0.3) ** 2 * (1 + w1) + (x2 - 0.3) ** 2 * (1 + w2) + 0.3 * (w1 - w2) ** 2
    search.complete_trial(trial, raw_data={"y": (round(256 * value) / 256, 1 / 16)})
    return dict(parameters)


def uninterrupted(make: Callable[..., Any], options: dict[str, Any]) -> list[dict[str, float]]:
    search = make(**options)
    return [step(search, index) for index in range(TRIALS)]


def begun(make: Callable[..., Any], options: dict[str, Any], file: str) -> None:
    make(**options).save_to_json_file(file)


def resumed(load: Callable[[str], Any], file: str, index: int) -> dict[str, float]:
    search = load(file)
    parameters = step(search, index)
    search.save_to_json_file(file)
    return parameters


@pytest.mark.slow
@pytest.mark.parametrize(("make", "load", "options", "api"), [
    (ax_client, load_ax_client, {"num_initialization_trials": INITIAL}, "ax.service"),
    (ax_client, load_ax_client, {"num_initialization_trials": INITIAL, "method": "kernel"}, "ax.service"),
    (client, load_client, {}, "ax.api"),
])
def test_a_search_reloaded_in_a_new_process_for_every_trial_is_the_same_search(
    make: Callable[..., Any], load: Callable[[str], Any], options: dict[str, Any], api: str, tmp_path: Path
) -> None:
    """Every process is a new one, which shares nothing but Ax's modules with the others."""
    if find_spec(api) is None:
        pytest.skip(f"this Ax has no {api}")
    file = str(tmp_path / "search.json")
    with ProcessPoolExecutor(1, CONTEXT, max_tasks_per_child=1) as pool:
        expected = pool.submit(uninterrupted, make, options).result()
        pool.submit(begun, make, options, file).result()
        found = [pool.submit(resumed, load, file, index).result() for index in range(TRIALS)]
    assert found == expected
    assert all(p == Symmetry.permutation(BLOCKS).canonical(p) for p in found)
    assert len({tuple(sorted(p.values())) for p in found}) == TRIALS


def keywords(strategy: Any) -> list[dict[str, Any]]:
    """List the keywords of each step's generator."""
    nodes = [getattr(node, "generator_specs", None) or node.model_specs for node in strategy._nodes]
    return [getattr(s, "generator_kwargs", None) or s.model_kwargs for specs in nodes for s in specs]


def test_a_database_keeps_a_search() -> None:
    """Ax's own functions save and load an experiment and its strategy, in SQLite in memory."""
    init_test_engine_and_session_factory(force_init=True)
    search = ax_client(num_initialization_trials=3)
    for index in range(4):
        step(search, index)
    save_experiment(search.experiment)
    save_generation_strategy(search.generation_strategy)

    stored = load_generation_strategy_by_experiment_name("stored")
    for now, before in zip(keywords(stored), keywords(search.generation_strategy)):
        assert now["transforms"] == before["transforms"]
        assert now["transform_configs"] == before["transform_configs"]
    assert keywords(stored)[1]["transforms"][:2] == [Canonicalize, SymmetrizeObservations]
    found = AxClient(generation_strategy=stored, random_seed=SEED, verbose_logging=False)
    found._experiment = load_experiment("stored")
    assert step(found, 4) == step(search, 4)
