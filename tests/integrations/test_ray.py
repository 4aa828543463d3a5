"""Ray Tune on one machine: `SymmetricSearch`, Ray's `AxSearch` with our strategy, and `examples/ray_tune.py`.

One-line bugs that turn this file red, in `integrations/ray.py`: `mark_trial_failed` left out; NaN let through; the
result of a trial that raised counted; the sem not handed on; tracking metrics demanded like the others; Ax's "wait" let
through as an error, or believed when it waits for trials of others; `"ray_trials"` not read back; no new trial for one
that Ray ran again; "min" and "max" swapped; any check of an argument left out; Ray imported without the way out. In
`strategy.py`: quasi-random trials without `Canonicalize`. In `transforms.py`: `TRANSFORMS` without
`SymmetrizeObservations`. In the example: a third fraction that is not what the other two leave.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")
pytest.importorskip("ax.api.client", reason="this Ax has no Client")

import ray  # noqa: E402
from ax.api.client import Client  # noqa: E402
from ax.api.configs import RangeParameterConfig  # noqa: E402
from ax.core.objective import Objective  # noqa: E402
from ray import tune  # noqa: E402
from ray.tune.search.ax import AxSearch  # noqa: E402
from scripts import run_script  # noqa: E402
from support import RAY, AxClient, ObjectiveProperties  # noqa: E402
from support import fast_optimizer  # noqa: E402

from ax_symmetry import Symmetry, SymmetryError, choose_generation_strategy  # noqa: E402
from ax_symmetry.integrations.ray import SymmetricSearch  # noqa: E402

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "ray_tune.py"
SYMMETRY = Symmetry.permutation([["mu_1", "frac_1"], ["mu_2", "frac_2"], ["mu_3", "frac_3"]])
NAMES = [name for block in SYMMETRY.to_config()["blocks"] for name in block]
ENVIRONMENT = {**RAY, "OMP_NUM_THREADS": "1"}
OPTIONS: dict[str, Any] = {"num_initialization_trials": 4, "max_parallelism": 2, "random_seed": 0}


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Run Ray with two CPUs, so that two trials run at a time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        ray.init("local", num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
        yield
        ray.shutdown()


def new_client(objective: str = "y", **keywords: Any) -> Client:
    """Make a client on the unit cube."""
    client = Client(random_seed=0)
    client.configure_experiment(
        parameters=[RangeParameterConfig(name=n, parameter_type="float", bounds=(0.0, 1.0)) for n in NAMES]
    )
    client.configure_optimization(objective=objective, **keywords)
    return client


def statuses(client: Client) -> list[str]:
    """List what Ax thinks of its trials."""
    return [trial.status.name for trial in client._experiment.trials.values()]


def parameters(client: Client) -> list[dict[str, Any]]:
    """List the parameters of all trials."""
    return [trial.arm.parameters for trial in client._experiment.trials.values()]


def evaluation(folder: Path, raising: tuple[int, ...] = (), nan: tuple[int, ...] = ()) -> Any:
    """Make a function to tune that misbehaves in the given calls, counted over all processes by folders."""
    def evaluate(config: dict[str, float]) -> dict[str, float]:
        call = 0
        while True:
            try:
                os.mkdir(folder / str(call))
                break
            except FileExistsError:
                call += 1
        if call in raising:
            raise RuntimeError("as the test wants it")
        value = sum(config[f"frac_{k}"] * (1.0 - (config[f"mu_{k}"] - 0.3) ** 2) for k in (1, 2, 3))
        return {"y": math.nan if call in nan else value}
    return evaluate


def tuned(search: Any, evaluate: Any, trials: int, folder: Path) -> tune.ResultGrid:
    """Run Ray Tune."""
    return tune.Tuner(
        evaluate,
        tune_config=tune.TuneConfig(search_alg=search, num_samples=trials, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), name="run", verbose=0),
    ).fit()


@pytest.mark.slow
def test_the_model_learns_the_orbits_of_what_succeeded(cluster: None, tmp_path: Path) -> None:
    """Twelve trials, two at a time, end although one raises, one is NaN, and Ax lets no more than two run."""
    client = new_client()
    search = SymmetricSearch(client, {**SYMMETRY.to_config(), "method": "augmentation"}, **OPTIONS)
    (tmp_path / "calls").mkdir()
    with fast_optimizer():
        results = tuned(search, evaluation(tmp_path / "calls", raising=(2,), nan=(6,)), 12, tmp_path)
        client.get_next_trials(max_trials=1)  # fits to all that succeeded
    assert len(results) == 12 and results.num_errors == 1
    assert search.client is client
    assert sorted(statuses(client)) == ["COMPLETED"] * 10 + ["FAILED"] * 2 + ["RUNNING"]
    for point in parameters(client):
        assert SYMMETRY.canonical(point) == point
    done = [p for p, status in zip(parameters(client), statuses(client)) if status == "COMPLETED"]
    blocks = [[(point[f"mu_{k}"], point[f"frac_{k}"]) for k in (1, 2, 3)] for point in done]
    images = {sum(order, ()) for three in blocks for order in itertools.permutations(three)}
    strategy = client._generation_strategy
    adapter = strategy.adapter if hasattr(strategy, "adapter") else strategy.model
    generator = adapter.generator if hasattr(adapter, "generator") else adapter.model
    (data,) = generator.surrogate.training_data
    assert data.feature_names == NAMES
    assert len(images) > 45  # six each, but three where two blocks agree, at a corner
    np.testing.assert_allclose(sorted(data.X.tolist()), sorted(images), atol=1e-12)


@pytest.mark.slow
def test_a_trial_that_ray_runs_again_is_told_to_ax(cluster: None, tmp_path: Path) -> None:
    """Tuner.restore reads what `save` wrote, and runs the failed trial once more: another trial in Ax."""
    (tmp_path / "calls").mkdir()
    evaluate = evaluation(tmp_path / "calls", raising=(1,))
    search = SymmetricSearch(new_client(), SYMMETRY, **OPTIONS)
    assert tuned(search, evaluate, 3, tmp_path).num_errors == 1
    tuner = tune.Tuner.restore(str(tmp_path / "run"), evaluate, resume_errored=True)
    assert tuner.fit().num_errors == 0
    resumed = SymmetricSearch(new_client(), SYMMETRY)
    resumed.restore_from_dir(str(tmp_path / "run"))
    assert sorted(statuses(resumed.client)) == ["COMPLETED"] * 3 + ["FAILED"]
    points = parameters(resumed.client)
    assert points[-1] == points[statuses(resumed.client).index("FAILED")]


def test_restored_search_continues_where_the_saved_one_stood(tmp_path: Path) -> None:
    """It knows the trial that runs, and the next candidate is the one that the saved search proposes."""
    file = str(tmp_path / "search.json")
    saved = SymmetricSearch(new_client(), SYMMETRY, **OPTIONS)
    for trial in ("a", "b"):
        saved.suggest(trial)
    saved.on_trial_complete("a", {"y": 1.0})
    saved.save(file)
    restored = SymmetricSearch(new_client(), SYMMETRY)
    restored.restore(file)
    for search in (saved, restored):
        search.on_trial_complete("b", {"y": 2.0})
        assert statuses(search.client) == ["COMPLETED", "COMPLETED"]
    assert parameters(restored.client) == parameters(saved.client)
    assert restored.suggest("c") == saved.suggest("c")
    assert statuses(Client.load_from_json_file(file)) == ["COMPLETED", "RUNNING"]


def test_waits_while_ax_waits_for_our_trials_only(caplog: pytest.LogCaptureFixture) -> None:
    """At the limit there is no suggestion; a trial that fails makes room; the trial of someone else never will."""
    search = SymmetricSearch(new_client(), SYMMETRY, **OPTIONS)
    first, second = search.suggest("a"), search.suggest("b")
    assert isinstance(first, dict) and isinstance(second, dict) and first != second
    assert search.suggest("c") is None
    search.on_trial_complete("a", error=True)
    assert isinstance(search.suggest("c"), dict)

    client = new_client()
    search = SymmetricSearch(client, SYMMETRY, **OPTIONS)
    for _ in range(4):
        client.get_next_trials(max_trials=1)
    assert search.suggest("a") == SymmetricSearch.FINISHED
    assert "waits for trials of others" in caplog.text


@pytest.mark.parametrize("result, data", [
    ({"y": 1.0, "z": 2, "t": 3.0, "e": 0.5}, {"y": (1.0, 0.5), "z": (2.0, math.nan), "t": (3.0, math.nan)}),
    ({"y": np.float32(1.0), "z": 2.0, "e": 0}, {"y": (1.0, 0.0), "z": (2.0, math.nan)}),
    ({"y": 1.0, "z": 2.0, "t": "none", "e": 0.5}, {"y": (1.0, 0.5), "z": (2.0, math.nan)}),
    ({"z": 2.0, "t": 3.0, "e": 0.5}, None),
    ({"y": 1.0, "e": 0.5}, None),
    ({"y": math.nan, "z": 2.0, "e": 0.5}, None),
    ({"y": -math.inf, "z": 2.0, "e": 0.5}, None),
    ({"y": None, "z": 2.0, "e": 0.5}, None),
    ({"y": 1.0, "z": 2.0}, None),
    ({"y": 1.0, "z": 2.0, "e": -0.5}, None),
    ({"y": 1.0, "z": 2.0, "e": math.nan}, None),
    ({}, None),
    (None, None),
], ids=str)
def test_results(result: dict[str, Any] | None, data: dict[str, tuple[float, float]] | None) -> None:
    """A result with the objective, its sem and the constraint's metric is data; any other is a failed trial."""
    client = new_client("-y", outcome_constraints=["z <= 3"])
    tracked = type(client._experiment.metrics["y"])(name="t")
    client._experiment.add_tracking_metric(tracked)
    search = SymmetricSearch(client, SYMMETRY, sem="e", **OPTIONS)
    assert (search.metric, search.mode) == ("y", "min")
    search.suggest("a")
    search.on_trial_complete("a", result)
    assert statuses(client) == ["COMPLETED" if data else "FAILED"]
    table = client._experiment.lookup_data().df
    seen = {row["metric_name"]: (row["mean"], row["sem"]) for _, row in table.iterrows()}
    assert seen.keys() == (data or {}).keys()
    for name, outcome in (data or {}).items():
        np.testing.assert_array_equal(seen[name], outcome)


def test_the_result_of_a_trial_that_raised_does_not_count() -> None:
    client = new_client()
    search = SymmetricSearch(client, SYMMETRY)
    search.suggest("a")
    search.on_trial_complete("a", {"y": 1.0}, error=True)
    assert statuses(client) == ["FAILED"]


def test_sem_is_unknown_unless_it_is_named() -> None:
    client = new_client()
    search = SymmetricSearch(client, SYMMETRY)
    search.suggest("a")
    search.on_trial_complete("a", {"y": 1.0, "sem": 0.5})
    assert client._experiment.lookup_data().df["sem"].isna().all()


def with_strategy() -> Client:
    """Make a client that has its generation strategy already."""
    client = new_client()
    client.set_generation_strategy(choose_generation_strategy(client._experiment.search_space, SYMMETRY))
    return client


def test_a_client_with_a_strategy_keeps_it() -> None:
    client = with_strategy()
    strategy = client._generation_strategy
    assert SymmetricSearch(client, metric="y", mode="max").client._generation_strategy is strategy


@pytest.mark.parametrize("make, keywords, part", [
    (AxClient, {}, "client: got AxClient"),
    (Client, {}, "client: call its configure_experiment"),
    (lambda: new_client("y, z"), {}, "client: it optimises y, z"),
    (new_client, {"metric": "z"}, "metric: got 'z'"),
    (new_client, {"mode": "min"}, "mode: got 'min'"),
    (new_client, {"sem": 0.1}, "sem: got 0.1"),
    (new_client, {"sem": "y"}, "sem: got 'y'"),
    (new_client, {"symmetry": None}, "symmetry: pass it here"),
    (new_client, {"symmetry": {"blocks": [["mu_1"], ["mu_9"]]}}, "mu_9"),
    (with_strategy, {}, "symmetry: pass it here for a client that has no"),
    (with_strategy, {"symmetry": None, "random_seed": 3}, "random_seed: only with symmetry="),
    (new_client, {"max_parallelism": 0}, "max_parallelism: got 0"),
], ids=lambda value: str(value) if isinstance(value, str) else "")
def test_bad_use(make: Any, keywords: dict[str, Any], part: str) -> None:
    """An error that names the argument."""
    with pytest.raises(SymmetryError, match=re.escape(part)):
        SymmetricSearch(make(), **{"symmetry": SYMMETRY, **keywords})


def test_what_the_tuner_was_told_is_checked() -> None:
    """Ray asks for this before it runs anything; False makes it refuse a search space of its own."""
    search = SymmetricSearch(new_client(), SYMMETRY)
    assert search.set_search_properties("y", "max", {"constant": 1}) is False
    with pytest.raises(SymmetryError, match="mode: got 'min'"):
        search.set_search_properties("y", "min", {"constant": 1})
    with pytest.raises(SymmetryError, match="mu_1: a parameter of the client"):
        search.set_search_properties(None, None, {"mu_1": 0.5})


@pytest.mark.skipif(not hasattr(Objective, "metric"), reason="AxSearch reads Objective.metric, which Ax 1.3 dropped")
@pytest.mark.slow
def test_ax_search_with_our_strategy(cluster: None, tmp_path: Path) -> None:
    """Ray's own searcher, with an AxClient whose strategy is ours: trials of both steps, all canonical."""
    ranges = [{"name": n, "type": "range", "bounds": [0.0, 1.0], "value_type": "float"} for n in NAMES]
    space = AxClient.make_search_space(parameters=ranges, parameter_constraints=[])
    client = AxClient(generation_strategy=choose_generation_strategy(space, SYMMETRY, **OPTIONS))
    client.create_experiment(parameters=ranges, objectives={"y": ObjectiveProperties(minimize=False)})
    (tmp_path / "calls").mkdir()
    with fast_optimizer():
        results = tuned(AxSearch(ax_client=client), evaluation(tmp_path / "calls"), 6, tmp_path)
    assert len(results) == 6 and results.num_errors == 0
    trials = client.experiment.trials.values()
    assert [trial.status.name for trial in trials] == ["COMPLETED"] * 6
    assert len({trial.generator_runs[0]._model_key for trial in trials}) == 2
    for trial in trials:
        assert SYMMETRY.canonical(trial.arm.parameters) == trial.arm.parameters


def test_without_ray_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['ray'] = None; import ax_symmetry.integrations.ray"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "ImportError: ax_symmetry.integrations.ray needs Ray Tune: pip install .[ray] in a clone"
    )


def test_example_packs_alike_in_every_order() -> None:
    spec = importlib.util.spec_from_file_location("ray_tune", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    point = {"mu_1": 2.0, "std_1": 0.4, "frac_1": 0.3, "mu_2": 50.0, "std_2": 0.1, "frac_2": 0.2, "mu_3": 9.0}
    point["std_3"] = 0.6
    orbit = Symmetry.from_config(module.SYMMETRY).orbit(point)
    assert len(orbit) == 6
    packings = [module.evaluate(image)["packing"] for image in orbit]
    np.testing.assert_allclose(packings, packings[0], rtol=1e-12)
    assert abs(module.evaluate({**point, "mu_1": 50.0, "mu_2": 2.0})["packing"] - packings[0]) > 0.01


@pytest.mark.slow
def test_example() -> None:
    """The script tells every trial, its best one, and six equal predictions for the orders of that one."""
    done = run_script(SCRIPT, "--trials", 9, "--seed", 1, environment=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    told = [float(value) for value in re.findall(r"trial +\d+ of 9: packing ([\d.]+)", done.stdout)]
    assert len(told) == 9 and len(set(told)) > 1
    assert f"best packing {max(told):.4f}" in done.stdout
    predicted = re.search(r"for its 6 orders: (.*)", done.stdout)
    assert predicted and len(predicted[1].split()) == 6 and len(set(predicted[1].split())) == 1
