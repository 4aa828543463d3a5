"""Facts about Ax and BoTorch that the package relies on, one a test: a red one names what has changed upstream.

Nothing of ax_symmetry is tested here. The package turns red where a fact is gone, but elsewhere and for reasons that
are hard to read. Private names have their own file, `test_private_names.py`; what reads them belongs into
`ax_symmetry/_ax/private.py`, each with a `SymmetryError` that names it:

- of an adapter, while it builds its transforms: `_search_space` (what the user declared), `_model_space` (the same,
  widened for the data), `_raw_transforms`, `_transform_configs`; and, when candidates are made, `_arms_by_signature`;
- of an adapter, for the diagnostics: `_experiment`; of each of its transforms, `_untransform_observation_data`;
- of modular BoTorch, for the search: a copy of the surrogate whose `_model` and `_training_data` are others; of the
  datasets `_X`, `_Y`, `_Yvar`; of generators that keep one, `_surrogate`;
- of strategies: `_nodes`;
- of a parameter: `_parameter_type`, to be set; of `Client`: `_experiment`, `_maybe_experiment` and
  `_maybe_generation_strategy`; of BoTorch's models of several outcomes: `_subset_batch_dict`.

One-line bugs of Ax that turn this file red: build the transforms before the generator is there; hand each transform a
copy of its config; find the kernel's arguments by position; keep the acquisition class of the first call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch
from ax.core.observation import ObservationFeatures
from ax.storage.json_store.decoder import object_from_json
from ax.storage.json_store.encoder import object_to_json
from botorch.models import SingleTaskGP
from botorch.utils.datasets import SupervisedDataset
from gpytorch.kernels import MaternKernel
from support import MODULAR, experiment, fast_optimizer, features, fill, float_range, registry, space

pytestmark = pytest.mark.external

NEW = find_spec("ax.adapter") is not None
GENERATION = "adapter" if NEW else "modelbridge"
MODULES = "ax.generators.torch.botorch_modular" if NEW else "ax.models.torch.botorch_modular"
Transform = import_module(f"ax.{GENERATION}.transforms.base").Transform
SurrogateSpec = import_module(f"{MODULES}.{'surrogate' if NEW else 'model'}").SurrogateSpec
utils = import_module(f"{MODULES}.utils")
covar_module_argparse = import_module(f"{MODULES}.input_constructors.covar_modules").covar_module_argparse
kernel_registry = import_module("ax.storage.botorch_modular_registry")
transform_registry = import_module("ax.storage.transform_registry")
base = import_module(f"ax.{GENERATION}.base")
CONFIG = {"some": ["config"]}
STOCK = registry.Cont_X_trans + registry.Y_trans


class Own(Transform):
    """A transform that writes down how Ax uses it, and may do something to the adapter that builds it."""

    made: list[Own] = []
    meddle: Any = None

    def __init__(self, search_space: Any = None, *args: Any, **keywords: Any) -> None:
        super().__init__(search_space, *args, **keywords)
        adapter = keywords.get("adapter", keywords.get("modelbridge"))
        self.arguments, self.given, self.calls = {"search_space", *keywords}, keywords.get("config"), []
        self.generator = getattr(adapter, "generator" if NEW else "model", None)
        self.before = list(getattr(adapter, "transforms", []))
        self.private = {
            name: getattr(adapter, name, None)
            for name in ("_search_space", "_model_space", "_raw_transforms", "_transform_configs")
        }
        self.made.append(self)
        if type(self).meddle:
            type(self).meddle(adapter)

    def transform_search_space(self, search_space: Any) -> Any:
        self.calls.append("transform_search_space")
        return search_space

    def transform_observations(self, observations: Any) -> Any:
        self.calls.append("transform_observations")
        return observations

    def transform_experiment_data(self, experiment_data: Any) -> Any:
        self.calls.append("transform_experiment_data")
        return experiment_data

    def transform_optimization_config(self, optimization_config: Any, *args: Any, **keywords: Any) -> Any:
        self.calls.append("transform_optimization_config")
        self.fixed = [*args, *keywords.values()][-1]
        return optimization_config

    def transform_observation_features(self, observation_features: Any) -> Any:
        self.calls.append("transform_observation_features")
        return observation_features

    def untransform_observation_features(self, observation_features: Any) -> Any:
        self.calls.append("untransform_observation_features")
        return observation_features


class Other(Own):
    """Another one."""


class OwnKernel(MaternKernel):
    """A kernel that Ax does not know."""


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    Own.made, Own.meddle = [], None
    yield
    Own.made, Own.meddle = [], None


def measured(outside: bool = False) -> Any:
    made = fill(experiment(space([float_range("a"), float_range("b")])), 5, lambda p: p["a"] * (1 - p["b"]))
    if outside:
        made.search_space.parameters["a"].update_range(upper=0.7)
    return made


def modular(made: Any = None, *transforms: Any) -> Any:
    made = measured() if made is None else made
    with fast_optimizer():
        return MODULAR(
            experiment=made,
            data=made.lookup_data(),
            transforms=[*(transforms or (Own,)), *STOCK],
            transform_configs={"Own": CONFIG},
        )


def generator_of(adapter: Any) -> Any:
    return adapter.generator if NEW else adapter.model


def surrogate_of(adapter: Any) -> Any:
    return generator_of(adapter).surrogate


def spec_with(kernel: type, **options: Any) -> Any:
    if hasattr(utils, "ModelConfig"):
        config = utils.ModelConfig(covar_module_class=kernel, covar_module_options=options)
        return SurrogateSpec(model_configs=[config])
    return SurrogateSpec(covar_module_class=kernel, covar_module_kwargs=options)


def put_spec(generator: Any, spec: Any) -> None:
    """Write a spec where a generator that is not fitted yet looks for it."""
    if hasattr(generator, "surrogate_specs") and not hasattr(generator, "surrogate_spec"):  # Ax 0.4
        generator.surrogate_specs = {"own": spec}
    else:
        generator.surrogate_spec = spec


# Transforms


def test_arguments_of_a_transform() -> None:
    data = {"experiment_data", "adapter"} if NEW else {"observations", "modelbridge"}
    modular()
    (own,) = Own.made
    assert own.arguments >= {"search_space", "config", *data}, "the constructor is called with keywords"
    hooks = {
        "transform_search_space": ["search_space"],
        "transform_observation_features": ["observation_features"],
        "untransform_observation_features": ["observation_features"],
        "transform_observations": ["observations"],
        "transform_optimization_config": ["optimization_config", "adapter" if NEW else "modelbridge", "fixed_features"],
    }
    for name, wanted in hooks.items():
        assert list(signature(getattr(Transform, name)).parameters)[1:] == wanted, name


def test_the_generator_is_there_before_transforms_are_built() -> None:
    adapter = modular()
    assert Own.made[0].generator is not None and Own.made[0].generator is generator_of(adapter)


def test_transforms_are_listed_as_they_are_built() -> None:
    adapter = modular(None, Own, Other)
    own, other = Own.made
    assert other.before == [*own.before, "Own"] == list(adapter.transforms)[:len(other.before)]
    assert list(adapter.transforms)[-len(STOCK):] == [t.__name__ for t in STOCK]
    assert adapter.transforms["Own"] is own


def test_one_class_twice_is_one_transform() -> None:
    assert list(modular(None, Own, Own).transforms).count("Own") == 1


def test_the_constructor_gets_the_very_config() -> None:
    """What the base class keeps may be a copy."""
    adapter = modular()
    assert Own.made[0].given is CONFIG
    assert adapter.transforms["Own"].config == CONFIG


def test_order_of_a_fit() -> None:
    adapter = modular()
    hook = "transform_experiment_data" if NEW else "transform_observations"
    assert adapter.transforms["Own"].calls == ["transform_search_space", hook]


def test_order_of_generating() -> None:
    """The search space comes first, then the fixed features; the candidates last, and no training data."""
    adapter = modular()
    own = adapter.transforms["Own"]
    own.calls.clear()
    adapter.gen(1, fixed_features=ObservationFeatures({"a": 0.5}))
    assert own.calls[:3] == [
        "transform_search_space", "transform_optimization_config", "transform_observation_features"
    ]
    assert "untransform_observation_features" in own.calls
    assert not {"transform_observations", "transform_experiment_data"} & set(own.calls)
    assert own.fixed.parameters == {"a": 0.5}


def test_what_an_adapter_knows_of_itself_while_it_builds_transforms() -> None:
    made = measured(outside=True)
    modular(made)
    known = Own.made[0].private
    if "expand_model_space" in signature(base.Adapter if hasattr(base, "Adapter") else base.ModelBridge).parameters:
        assert known["_search_space"].parameters["a"].upper == 0.7 == made.search_space.parameters["a"].upper
        assert known["_model_space"].parameters["a"].upper > 0.7, "widened for the data"
    else:  # Ax 0.4 leaves out data outside of the one space that it has
        assert known["_search_space"] is None and known["_model_space"].parameters["a"].upper == 0.7
    assert [t for t in known["_raw_transforms"] if t in (Own, *STOCK)] == [Own, *STOCK]
    assert known["_transform_configs"]["Own"] == CONFIG


def test_arms_are_found_by_their_signature() -> None:
    made = measured()
    adapter = modular(made)
    assert set(adapter._arms_by_signature) == {arm.signature for arm in made.arms_by_name.values()}


def test_predictions_transform_the_features() -> None:
    adapter = modular()
    own = adapter.transforms["Own"]
    own.calls.clear()
    adapter.predict(features([{"a": 0.2, "b": 0.4}]))
    assert own.calls[0] == "transform_observation_features"
    assert not {"transform_search_space", "transform_observations", "transform_experiment_data"} & set(own.calls)


def test_outcomes_are_untransformed_by_a_private_half() -> None:
    transform = modular().transforms["StandardizeY"]
    data = import_module("ax.core.observation").ObservationData(["y"], np.array([0.0]), np.array([[1.0]]))
    (found,) = transform._untransform_observation_data([data])
    assert found.covariance[0, 0] > 0


# Kernels


def test_the_generators_spec_can_be_set_while_transforms_are_built() -> None:
    Own.meddle = lambda adapter: put_spec(generator_of(adapter), spec_with(MaternKernel))
    assert isinstance(surrogate_of(modular()).model.covar_module, MaternKernel)


def test_arguments_of_a_kernel_are_found_by_its_class() -> None:
    """The function is called with the class, and by keyword with the dataset, the model's class and the options."""
    asked = []

    def arguments(covar_module_class: type, *args: Any, **keywords: Any) -> dict[str, Any]:
        asked.append((covar_module_class, args, keywords))
        return {"nu": 1.5}

    covar_module_argparse.register(OwnKernel)(arguments)
    given = {"kept": ["as", "it", "is"]}
    Own.meddle = lambda adapter: put_spec(generator_of(adapter), spec_with(OwnKernel, own=given))
    kernel = surrogate_of(modular()).model.covar_module
    assert type(kernel) is OwnKernel and kernel.nu == 1.5
    (kind, args, keywords), *_ = asked
    assert kind is OwnKernel and args == ()
    assert isinstance(keywords["dataset"], SupervisedDataset) and keywords["dataset"].feature_names == ["a", "b"]
    assert issubclass(keywords["botorch_model_class"], SingleTaskGP)
    assert keywords["own"] == given


def test_a_model_sees_the_unit_cube() -> None:
    adapter = modular()
    (data,) = surrogate_of(adapter).training_data
    assert data.X.min() >= 0 and data.X.max() <= 1 and data.X.shape == (5, 2)
    assert list(adapter.parameters) == ["a", "b"]


def test_specs_are_dataclasses_that_can_be_replaced() -> None:
    from dataclasses import replace

    spec = spec_with(MaternKernel)
    if not hasattr(utils, "ModelConfig"):
        assert replace(spec, covar_module_class=OwnKernel).covar_module_class is OwnKernel
        return
    changed = replace(spec.model_configs[0], covar_module_class=OwnKernel, covar_module_options={"own": 1})
    assert changed.covar_module_class is OwnKernel
    assert replace(spec, model_configs=[changed]).model_configs == [changed]


def test_a_registered_kernel_is_stored_by_its_name() -> None:
    kernel_registry.register_kernel(OwnKernel)
    stored = json.loads(json.dumps(object_to_json(spec_with(OwnKernel, own=1))))
    assert object_from_json(stored) == spec_with(OwnKernel, own=1)


# The search


def test_the_generators_acquisition_class_makes_what_is_searched() -> None:
    """It can be anything that is called with these keywords, and a copy of the surrogate may hold another model.

    Ax 0.4 hands over a dict of surrogates.
    """
    seen, models = [], []

    def meddle(adapter: Any) -> None:
        usual = generator_of(adapter).acquisition_class

        def acquisition(*args: Any, **keywords: Any) -> Any:
            several = keywords.pop("surrogates", None) or {"own": keywords.pop("surrogate")}
            seen.append((args, set(keywords)))
            others = {key: copy(surrogate) for key, surrogate in several.items()}
            for other in others.values():
                other._model = models[0]
            made = usual(**keywords, **({"surrogate": other} if "own" in others else {"surrogates": others}))
            seen.append(made)
            return made

        generator_of(adapter).acquisition_class = acquisition

    Own.meddle = meddle
    adapter = modular()
    fitted = surrogate_of(adapter).model
    models.append(SingleTaskGP(fitted.train_inputs[0], fitted.train_targets.unsqueeze(-1)).eval())
    assert len(adapter.gen(2).arms) == 2
    (args, keywords), made = seen
    assert args == () and keywords >= {"search_space_digest", "torch_opt_config"}
    assert made.acqf.model is models[0], "the search sees the other model"
    assert surrogate_of(adapter).model is fitted, "and the fitted one stays"


def test_what_a_search_compares_with_comes_from_the_surrogate() -> None:
    surrogate = surrogate_of(modular())
    assert surrogate._training_data is not None and len(surrogate._training_data) == 1
    other = copy(surrogate)
    data = copy(surrogate._training_data[0])
    data._X = data._X[:3]
    other._training_data = [data]
    assert [len(x) for x in other.Xs] == [3] and [len(x) for x in surrogate.Xs] == [5]


@pytest.mark.parametrize("name", ["_fit", "_gen"])
def test_adapters_call_by_keyword(name: str) -> None:
    seen = []

    def meddle(adapter: Any) -> None:
        usual = getattr(adapter, name)

        def spy(*args: Any, **keywords: Any) -> Any:
            seen.append(keywords)
            return usual(*args, **keywords)

        setattr(adapter, name, spy)

    Own.meddle = meddle
    modular().gen(1)
    assert len(seen) == 1 and "search_space" in seen[0]


@pytest.mark.skipif(NEW, reason="this Ax has no get_botorch")
def test_the_legacy_model() -> None:
    """Its constructor of models can be changed while transforms are built, and `_model` and `Xs` while it searches."""
    factory = import_module("ax.modelbridge.factory")
    seen = []

    def meddle(adapter: Any) -> None:
        usual = adapter.model.model_constructor

        def constructor(*args: Any, **keywords: Any) -> Any:
            seen.append(set(keywords))
            return usual(*args, **keywords)

        adapter.model.model_constructor = constructor

    Own.meddle, made = meddle, measured()
    adapter = factory.get_botorch(
        experiment=made, data=made.lookup_data(), transforms=[Own, *STOCK], transform_configs={"Own": CONFIG}
    )
    assert len(seen) == 1 and seen[0] >= {"Xs", "Ys", "Yvars"}
    assert adapter.model._model is adapter.model.model and [len(x) for x in adapter.model.Xs] == [5]


@pytest.mark.skipif(not NEW, reason="this Ax has its own get_botorch")
def test_get_botorch_is_gone() -> None:
    assert find_spec("ax.modelbridge") is None


# Storage


def test_a_registered_transform_is_stored_by_its_name() -> None:
    if hasattr(transform_registry, "register_transform"):
        transform_registry.register_transform(Own)
    else:
        transform_registry.TRANSFORM_REGISTRY[Own] = 987654
        transform_registry.REVERSE_TRANSFORM_REGISTRY[987654] = Own
    assert object_from_json(json.loads(json.dumps(object_to_json([Own])))) == [Own]


# Strategies and clients


def strategy() -> Any:
    if find_spec("ax.generation_strategy"):
        module, name = "ax.generation_strategy.dispatch_utils", "choose_generation_strategy_legacy"
    else:
        module, name = "ax.modelbridge.dispatch_utils", "choose_generation_strategy"
    choose = getattr(import_module(module), name, None) or pytest.skip(f"this Ax has no {name}")
    return choose(
        measured().search_space,
        num_initialization_trials=3,
        max_parallelism_override=2,
        random_seed=0,
        should_deduplicate=True,
    )


def test_ax_chooses_a_strategy() -> None:
    """`choose_generation_strategy_legacy`, on Ax 0 without the last word, with these keywords."""
    assert len(strategy()._nodes) == 2


def test_steps_of_a_strategy_can_be_changed_in_place() -> None:
    made = strategy()
    transforms = []
    for node in made._nodes:
        for spec in node.generator_specs if hasattr(node, "generator_specs") else node.model_specs:
            enum = spec.generator_enum if hasattr(spec, "generator_enum") else spec.model_enum
            kind = enum.adapter_class if hasattr(enum, "adapter_class") else enum.model_bridge_class
            assert isinstance(kind, type)
            transforms.append(list(enum.view_defaults()[1]["transforms"]))
            keywords = spec.generator_kwargs if hasattr(spec, "generator_kwargs") else spec.model_kwargs
            keywords["transforms"] = [Own, *transforms[-1]]
            keywords["transform_configs"] = {"Own": CONFIG}
    assert len(transforms) == 2
    made.gen(experiment(measured().search_space), n=1)
    assert Own.made[0].given == CONFIG


@pytest.mark.skipif(find_spec("ax.api") is None, reason="this Ax has no Client")
def test_a_client_keeps_its_experiment() -> None:
    made = import_module("ax.api.client").Client()
    assert made._maybe_experiment is None and made._maybe_generation_strategy is None
    config = import_module("ax.api.configs").RangeParameterConfig
    made.configure_experiment([config(name="a", parameter_type="float", bounds=(0.0, 1.0))])
    made.configure_optimization(objective="y")
    assert made._experiment is made._maybe_experiment
    assert list(made._experiment.search_space.parameters) == ["a"]


# BoTorch


def test_a_dataset_keeps_its_tensors() -> None:
    x, y = torch.rand(4, 2, dtype=torch.double), torch.rand(4, 1, dtype=torch.double)
    data = SupervisedDataset(x, y, Yvar=y, feature_names=["a", "b"], outcome_names=["y"])
    data._X, data._Y, data._Yvar = x[:2], y[:2], y[2:]
    assert torch.equal(data.X, x[:2]) and torch.equal(data.Y, y[:2]) and torch.equal(data.Yvar, y[2:])


def test_a_model_of_several_outcomes_knows_what_belongs_to_each() -> None:
    x = torch.rand(4, 2, dtype=torch.double)
    model = SingleTaskGP(x, torch.rand(4, 2, dtype=torch.double))
    names = dict(model.named_parameters())
    assert set(model._subset_batch_dict) <= set(names) | set(dict(model.named_buffers()))
    assert any(name.startswith("covar_module") for name in model._subset_batch_dict)


def test_an_acquisition_function_is_made_of_a_model() -> None:
    from botorch.acquisition.acquisition import AcquisitionFunction

    assert list(signature(AcquisitionFunction.__init__).parameters) == ["self", "model"]


def test_a_types_type_can_be_set() -> None:
    parameter, other = float_range("a"), import_module("ax.core.parameter").ParameterType.INT
    parameter._parameter_type = other
    assert parameter.parameter_type == other
