"""What is accepted where: clients for experiments and search spaces, NumPy's numbers and arrays for numbers and lists.

What is not accepted is in `test_errors.py`. One-line bugs that turn this file red: read a client's experiment in one
function alone; hand the dict of the symmetry to Ax as it was given (Ax stores no arrays); look at `type(x) is int`
before NumPy's number has become one; warn once more at every fit; look for a kernel of the user's own in the model
configs of all metrics, and not in those of one.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, SymmetryWarning
from ax_symmetry import choose_generation_strategy, count_configurations, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry._ax.strategies import axclient_dispatch, generator_keywords
from ax_symmetry.diagnostics import check_symmetry, suggest_symmetries
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel
from ax_symmetry.models import surrogate_spec
from ax_symmetry.plotting import plot_best, plot_domain, plot_left_out, plot_orbits
from support import AxClient, ObjectiveProperties
from support import MODULAR, Generators, experiment, fast_optimizer, features, float_range, int_range, space

NAMES = ("a", "b", "c")
SYMMETRY = {"blocks": [["a"], ["b"], ["c"]]}
POINTS = [dict(zip(NAMES, row)) for row in np.random.default_rng(0).random((8, 3)).tolist()]
STOCK = backend.default_transforms()
OURS = [Canonicalize, SymmetrizeObservations]


def value(p: Mapping[str, float]) -> float:
    return sum((p[name] - 0.3) ** 2 for name in NAMES)


def ax_client() -> Any:
    client = AxClient(random_seed=0, verbose_logging=False)
    client.create_experiment(
        parameters=[{"name": n, "type": "range", "bounds": [0.0, 1.0], "value_type": "float"} for n in NAMES],
        objectives={"y": ObjectiveProperties(minimize=True)},
    )
    for point in POINTS:
        client.complete_trial(client.attach_trial(dict(point))[1], {"y": (value(point), 0.01)})
    return client


def new_client() -> Any:
    if find_spec("ax.api") is None:
        pytest.skip("this Ax has no Client")
    client = import_module("ax.api.client").Client(random_seed=0)
    configs = import_module("ax.api.configs")
    client.configure_experiment(
        parameters=[configs.RangeParameterConfig(name=n, bounds=(0.0, 1.0), parameter_type="float") for n in NAMES]
    )
    client.configure_optimization(objective="-y")
    for point in POINTS:
        client.complete_trial(client.attach_trial(dict(point)), {"y": (value(point), 0.01)})
    return client


def experiment_in(client: Any) -> Any:
    return client.experiment if isinstance(client, AxClient) else client._experiment


def written(strategy: Any) -> list[Any]:
    return [(node.name if hasattr(node, "name") else node.node_name) for node in strategy._nodes]


USES: dict[str, Callable[[Any, Any], Any]] = {
    "get_botorch": lambda given, own: get_botorch(
        given, own.lookup_data(), symmetry=SYMMETRY).predict(features(POINTS[:2]))[0]["y"],
    "search_space of get_botorch": lambda given, own: get_botorch(
        own, own.lookup_data(), given, symmetry=SYMMETRY).predict(features(POINTS[:2]))[0]["y"],
    "choose_generation_strategy": lambda given, own: written(choose_generation_strategy(given, SYMMETRY)),
    "validate": lambda given, own: Symmetry(SYMMETRY).validate(given),
    "check_symmetry": lambda given, own: str(check_symmetry(given, SYMMETRY)),
    "suggest_symmetries": lambda given, own: list(map(str, suggest_symmetries(given))),
    "plot_domain": lambda given, own: plot_domain(given, SYMMETRY, "a", "b", density=3).to_json(),
    "plot_orbits": lambda given, own: plot_orbits(given, SYMMETRY).to_json(),
    "plot_left_out": lambda given, own: plot_left_out(given, SYMMETRY).to_json(),
    "plot_best": lambda given, own: plot_best({"one": given, "twice": [given, own]}).to_json(),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("made", [ax_client, new_client])
def test_a_client_stands_for_its_experiment(made: Callable[[], Any], use: str) -> None:
    client = made()
    own = experiment_in(client)
    if made is new_client and use == "choose_generation_strategy":  # a Client has a strategy of its own
        assert USES[use](client, own) == ["CenterOfSearchSpace", "Sobol", "MBM"]
    else:
        with fast_optimizer() if use == "suggest_symmetries" else nullcontext():
            assert USES[use](client, own) == USES[use](own, own)


def test_an_experiment_stands_for_its_search_space() -> None:
    numbers = space([int_range(name, 0, 3) for name in NAMES])
    for given in (numbers, experiment(numbers)):
        for symmetry in (SYMMETRY, Symmetry(SYMMETRY)):
            assert count_configurations(symmetry, given) == 20  # multisets of three out of four values


NUMPY: list[tuple[Any, Any]] = [
    ({"blocks": np.array([["a"], ["b"], ["c"]])}, SYMMETRY),
    ({"blocks": [np.array(["a"]), ("b",), [np.str_("c")]]}, SYMMETRY),
    ({**SYMMETRY, "group": [np.roll(np.arange(3), 1)]}, {**SYMMETRY, "group": [[2, 0, 1]]}),
    ({**SYMMETRY, "group": np.array([[2, 0, 1]])}, {**SYMMETRY, "group": [[2, 0, 1]]}),
    ({**SYMMETRY, "group": np.str_("cyclic")}, {**SYMMETRY, "group": "cyclic"}),
    ({"mirror": {"a": np.float32(0.5), "b": np.int64(0)}}, {"mirror": {"a": 0.5, "b": 0}}),
    ({"mirror": np.array([{"a": 0.5}, {"b": 0.5}], dtype=object)}, {"mirror": [{"a": 0.5}, {"b": 0.5}]}),
    ({"period": {"a": np.int32(2)}}, {"period": {"a": 2}}),
    ({**SYMMETRY, "simplex": {"parameters": np.array(NAMES), "total": np.int64(1)}},
     {**SYMMETRY, "simplex": {"parameters": list(NAMES), "total": 1}}),
    ({"symmetries": ({"blocks": (("a",), ("b",))}, {"mirror": {"c": np.float64(0.5)}})},
     {"symmetries": [{"blocks": [["a"], ["b"]]}, {"mirror": {"c": 0.5}}]}),
]


@pytest.mark.parametrize(("config", "same"), NUMPY)
def test_arrays_and_their_numbers_declare_the_same(config: Any, same: Any) -> None:
    wanted = Symmetry.from_config(same)
    for found in (Symmetry(config), Symmetry.from_config(config)):
        assert found == wanted and hash(found) == hash(wanted)
        assert json.loads(json.dumps(found.to_config())) == wanted.to_config()  # which NumPy's numbers are not for


OPTIONS = [
    ("augmentation", {"max_images": np.int64(3), "select": np.str_("random"), "seed": np.int32(7)}),
    ("augmentation", {"noise": np.str_("copy")}),
    ("augmentation", {"max_images": np.int64(2), "order_by": np.array(["a"]), "constrain": np.bool_(True)}),
    ("kernel", {"base_kernel": np.str_("rbf"), "order_by": ("b",)}),
    ("kernel", {"asymmetry": np.float64(0.2)}),
]


@pytest.mark.parametrize(("method", "options"), OPTIONS)
def test_options_of_numpy_are_those_of_python(method: str, options: dict[str, Any]) -> None:
    """They predict the same, and the strategy can be stored."""
    plain = {key: list(map(str, o)) if key == "order_by" else o.item() for key, o in options.items()}
    own = experiment_in(ax_client())
    configs = [{"blocks": np.array(SYMMETRY["blocks"]), **options}, {**SYMMETRY, **plain}]
    assert Symmetry(SYMMETRY).transform_configs(**options) == Symmetry(SYMMETRY).transform_configs(**plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymmetryWarning)
        adapters = [get_botorch(own, own.lookup_data(), symmetry=config, method=method) for config in configs]
    means = [adapter.predict(features(POINTS[:3]))[0]["y"] for adapter in adapters]
    assert means[0] == means[1]
    strategy = choose_generation_strategy(own, configs[0], method=method, num_initialization_trials=np.int64(3),
                                          max_parallelism=np.int64(2), random_seed=np.int64(5))
    for keywords, _, _ in generator_keywords(strategy):
        json.dumps(keywords["transform_configs"])


def test_lists_of_transforms_take_numpy_too() -> None:
    own = experiment_in(ax_client())
    config = {"blocks": np.array(SYMMETRY["blocks"]), "max_images": np.int64(3), "order_by": np.array(["a"])}
    for given in (config, {**SYMMETRY, "max_images": 3, "order_by": ["a"]}):
        adapter = get_botorch(
            own, own.lookup_data(), transforms=OURS + STOCK,
            transform_configs={transform.__name__: given for transform in OURS},
        )
        plan = adapter.transforms["Canonicalize"].plan
        assert (plan.symmetrize.max_images, plan.canonicalize.order_by) == (3, ("a",))


def test_other_numbers_of_numpy() -> None:
    own = experiment_in(ax_client())
    figures = [plot_domain(own, SYMMETRY, "a", "b", density=number(3), slice_values={"c": scalar(0.5)}).to_json()
               for number, scalar in ((int, float), (np.int64, np.float64))]
    assert figures[0] == figures[1]
    kernel = InvariantKernel(SYMMETRY, np.array(NAMES))
    assert ApproximatelyInvariantKernel(kernel, np.float32(0.5)).asymmetry.item() == 0.5
    surrogate_spec(SYMMETRY, base_kernel=np.str_("rbf"), asymmetry=np.float64(0.2))
    point = {"a": np.float64(0.5), "b": np.int64(2), "c": np.float32(0.25)}
    assert Symmetry(SYMMETRY).canonical(point) == {"a": 0.25, "b": 0.5, "c": 2}


@pytest.mark.parametrize("given", [SYMMETRY, Symmetry(SYMMETRY)], ids=["dict", "Symmetry"])
def test_a_symmetry_is_as_good_as_its_dict(given: Any) -> None:
    wanted, mirror = Symmetry.permutation(SYMMETRY["blocks"]), Symmetry.mirror({"z": 0.5})
    assert Symmetry(given) == Symmetry.of(given) == Symmetry.from_config(given) == wanted
    assert mirror * given == mirror * wanted


def warned(call: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught, fast_optimizer():
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, SymmetryWarning)]


def modular(transforms: list[type], config: Mapping[str, Any], **keywords: Any) -> Any:
    own = experiment_in(ax_client())
    return MODULAR(
        experiment=own, data=own.lookup_data(), transforms=[*transforms, *STOCK],
        transform_configs={transform.__name__: config for transform in transforms}, **keywords,
    ).gen(1)


def by_get_botorch(transforms: list[type], config: Mapping[str, Any]) -> Any:
    own = experiment_in(ax_client())
    return get_botorch(
        own, own.lookup_data(), transforms=[*transforms, *STOCK],
        transform_configs={transform.__name__: config for transform in transforms},
    ).gen(1)


@pytest.mark.parametrize("fit", [modular, by_get_botorch])
def test_a_transform_that_is_missing_is_told_once(fit: Callable[..., Any]) -> None:
    assert warned(lambda: fit(OURS, SYMMETRY)) == []
    for method in ("kernel", "augmentation"):
        (told,) = warned(lambda: fit([SymmetrizeObservations], {**SYMMETRY, "method": method}))
        assert "Canonicalize is not among the transforms" in told
    (told,) = warned(lambda: fit([SymmetrizeObservations], {**SYMMETRY, "max_images": 2}))
    assert "add Canonicalize to the transforms" in told
    (told,) = warned(lambda: fit([Canonicalize], SYMMETRY))
    assert "the model does not learn the symmetry" in told and "SymmetrizeObservations" in told


def test_a_transform_that_is_not_needed_is_not_missed() -> None:
    """With asymmetry, images are other experiments; a random search learns nothing; a kernel may have the symmetry."""
    assert warned(lambda: modular([SymmetrizeObservations], {**SYMMETRY, "method": "kernel", "asymmetry": 0.1})) == []
    spec = surrogate_spec(SYMMETRY)
    by = {"surrogate_spec": spec} if hasattr(spec, "model_configs") else {"surrogate_specs": {"own": spec}}  # Ax 0.4
    assert warned(lambda: modular([Canonicalize], SYMMETRY, **by)) == []
    if "surrogate_spec" in by:  # or that for the one metric
        by = {"surrogate_spec": type(spec)(metric_to_model_configs={"y": spec.model_configs})}
        assert warned(lambda: modular([Canonicalize], SYMMETRY, **by)) == []
    own = experiment_in(ax_client())
    with warnings.catch_warnings():
        warnings.simplefilter("error", SymmetryWarning)
        Generators.SOBOL(
            experiment=own, data=own.lookup_data(), search_space=own.search_space, transforms=[Canonicalize],
            transform_configs={"Canonicalize": SYMMETRY},
        ).gen(1)


@pytest.mark.parametrize(("limit", "told"), [(None, 3), (5, 5), (-1, None)])
def test_a_limit_of_trials_is_logged_once(limit: Any, told: Any, caplog: pytest.LogCaptureFixture) -> None:
    if axclient_dispatch() is None:
        pytest.skip("this Ax has no strategies with a limit")
    made = space([float_range(name) for name in NAMES])
    with caplog.at_level(logging.INFO, logger="ax_symmetry"):
        choose_generation_strategy(made, SYMMETRY, max_parallelism=limit)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ax_symmetry")]
    assert len(lines) == (told is not None) and all(f"at most {told} trials" in line for line in lines)
    assert all("max_parallelism" in line for line in lines)
