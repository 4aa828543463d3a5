"""Searches that were stored by ax_symmetry 46c3476 (the last before its modules were regrouped) are read, and go on.

The files in `stored` were written on each Ax by that version, and are never written anew: two blocks of two slots, y
to be maximised, five quasi-random trials and two of the model, of which the last was running. In those named `modular`
an experiment stands beside a strategy whose model step is modular BoTorch with `models.surrogate_spec`.

One-line bugs that turn this file red: rename a transform or a kernel, which Ax stores by its name; rename a key of a
config, or refuse one that was written then; lose a registration when `ax_symmetry.transforms` is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ax_symmetry.transforms  # registers what the files name
import numpy as np
import pytest
from ax.storage.json_store.decoder import generation_strategy_from_json, object_from_json
from support import AxClient
from support import fast_optimizer

BLOCKS = [["x1", "w1"], ["x2", "w2"]]
FILES = sorted((Path(__file__).parent / "stored").glob(f"{version('ax-platform')}-*.json"))
TRIALS, RUNNING = 7, 6


def outcome(p: Mapping[str, Any]) -> tuple[float, float]:
    """Measure what the stored trials have measured: a mean and its sem."""
    value = -sum((p[x] - 0.3) ** 2 * (1 + p[w]) for x, w in BLOCKS) - 0.3 * (p["w1"] - p["w2"]) ** 2
    return round(256 * value) / 256, 0.1


class Own:
    """A strategy beside its experiment, handled as a client is."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.experiment = object_from_json(stored["experiment"])
        self.strategy = generation_strategy_from_json(stored["generation_strategy"], experiment=self.experiment)

    def complete_trial(self, trial_index: int, raw_data: dict[str, tuple[float, float]]) -> None:
        self.experiment.trials[trial_index].update_trial_data(raw_data)
        self.experiment.trials[trial_index].mark_completed()

    def get_next_trial(self) -> tuple[dict[str, Any], int]:
        ask = getattr(self.strategy, "gen_single_trial", None) or self.strategy.gen
        trial = self.experiment.new_trial(generator_run=ask(self.experiment))
        trial.mark_running(no_runner_required=True)
        return trial.arm.parameters, trial.index


def loaded(file: Path) -> tuple[Any, Any, Any]:
    """Read a search; return it, its experiment and its strategy."""
    kind = file.stem.split("-")[1]
    if kind == "axclient":
        search = AxClient.load_from_json_file(str(file), random_seed=0, verbose_logging=False)
        return search, search.experiment, search.generation_strategy
    if kind == "client":
        search = import_module("ax.api.client").Client.load_from_json_file(str(file))
        return search, search._experiment, search._generation_strategy
    search = Own(json.loads(file.read_text()))
    return search, search.experiment, search.strategy


def asked(search: Any) -> dict[str, Any]:
    """Ask for one trial."""
    with fast_optimizer():
        if hasattr(search, "get_next_trial"):
            return dict(search.get_next_trial()[0])
        ((_, parameters),) = search.get_next_trials(max_trials=1).items()
    return dict(parameters)


def step_keywords(strategy: Any) -> list[dict[str, Any]]:
    """List the keywords of each step's generator."""
    nodes = [getattr(node, "generator_specs", None) or node.model_specs for node in strategy._nodes]
    return [getattr(s, "generator_kwargs", None) or s.model_kwargs for specs in nodes for s in specs]


def arms_of(stored: Any) -> list[dict[str, float]]:
    """List the parameters of the trials in a file, as they are written there."""
    trials = sorted(stored["experiment"]["trials"].items(), key=lambda item: int(item[0]))
    return [trial["generator_run"]["arms"][0]["parameters"] for _, trial in trials]


def test_there_are_files_for_this_ax() -> None:
    """On an Ax that was not there when they were written, there are none to read."""
    assert ax_symmetry.transforms
    written = {"0.4.3": 2, "0.5.0": 2, "1.0.0": 4, "1.1.2": 2, "1.2.4": 2, "1.3.1": 4}
    if version("ax-platform") not in written:
        pytest.skip("nothing was stored on this Ax")
    assert len(FILES) == written[version("ax-platform")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stored_search_is_read_and_goes_on(file: Path) -> None:
    search, experiment, strategy = loaded(file)

    initial, model = step_keywords(strategy)[:2]
    assert initial["transforms"][0].__name__ == "Canonicalize"
    assert initial["transform_configs"]["Canonicalize"]["blocks"] == BLOCKS
    names = [transform.__name__ for transform in model["transforms"]]
    if "modular" in file.stem:
        assert names[0] == "Canonicalize"
        specs = [model["surrogate_spec"]] if "surrogate_spec" in model else [*model["surrogate_specs"].values()]
        configs = [config for spec in specs for config in getattr(spec, "model_configs", None) or [spec]]
        classes = [getattr(c, "covar_module_class", None) for c in configs]
        options = [getattr(c, "covar_module_options", None) or c.covar_module_kwargs for c in configs]
        assert [kind.__name__ for kind in classes] == ["InvariantKernel"]
        assert [option["symmetry"]["blocks"] for option in options] == [BLOCKS]
    else:
        assert names[:2] == ["Canonicalize", "SymmetrizeObservations"]
        for transform in names[:2]:
            assert model["transform_configs"][transform]["blocks"] == BLOCKS
        method = model["transform_configs"]["SymmetrizeObservations"].get("method", "augmentation")
        assert method == file.stem.split("-")[2]

    before = arms_of(json.loads(file.read_text()))
    assert [trial.arm.parameters for _, trial in sorted(experiment.trials.items())] == before
    assert len(before) == TRIALS
    assert [trial.status.is_completed for _, trial in sorted(experiment.trials.items())] == [True] * 6 + [False]
    means = experiment.lookup_data().df.sort_values("trial_index")["mean"]
    np.testing.assert_allclose(means, [outcome(p)[0] for p in before[:RUNNING]], rtol=0, atol=1e-10)

    search.complete_trial(RUNNING, raw_data={"y": outcome(before[RUNNING])})
    candidates = [asked(search), asked(search)]
    assert all(p["x1"] <= p["x2"] for p in [*before, *candidates])
    assert [trial.arm.parameters for _, trial in sorted(experiment.trials.items())] == [*before, *candidates]
    runs = [trial.generator_run for _, trial in sorted(experiment.trials.items())]
    keys = [getattr(run, "_model_key", None) or getattr(run, "_generator_key", None) for run in runs]
    assert keys[0] == "Sobol" and set(keys[5:]) == {"BoTorch"}
