"""Ax up to 1.0: `ax.modelbridge`, whose training data are a list of observations."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.observation import Observation, ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax.modelbridge import factory, registry
from ax.modelbridge.registry import Cont_X_trans, Y_trans
from ax.modelbridge.transforms.base import Transform
from ax.models.torch.botorch_defaults import get_and_fit_model
from ax.models.torch.botorch_modular import utils
from ax.models.torch.botorch_modular.input_constructors.covar_modules import covar_module_argparse  # noqa: F401
from ax.models.torch.botorch_modular.model import SurrogateSpec
from ax.storage import transform_registry
from ax.storage.botorch_modular_registry import register_kernel  # noqa: F401
from gpytorch.kernels import Kernel
from gpytorch.mlls import MarginalLogLikelihood

if find_spec("ax.generation_strategy") is not None:  # from Ax 1.0 on
    from ax.modelbridge.torch import TorchAdapter as TorchModelBridge
    from ax.models.torch.botorch_modular.model import BoTorchGenerator as BoTorchModel
else:
    from ax.modelbridge.torch import TorchModelBridge
    from ax.models.torch.botorch_modular.model import BoTorchModel

from ax_symmetry._ax.fitting import KernelSpec, another_kernel, has_own_kernel, no_kernel, put_kernel, put_likelihood
from ax_symmetry._ax.model_constructors import ModelsByLikelihood, ModelsWithKernel
from ax_symmetry._ax.relaxed_search import RelaxedSearch
from ax_symmetry._ax.search_model import ViewOf, search_with
from ax_symmetry._ax.training_rows import RowLogic, Training, context_of

GENERATION = "modelbridge"
MODULAR = (registry.Generators if hasattr(registry, "Generators") else registry.Models).BOTORCH_MODULAR
LEARNING = TorchModelBridge
"""The class of model bridges that learn from data."""


class RowTransform(RowLogic, Transform):
    """A transform that may replace rows of the training data and knows what generation was asked for."""

    def __init__(
        self,
        search_space: SearchSpace | None = None,
        observations: list[Observation] | None = None,
        modelbridge: Any = None,
        config: Any = None,
    ) -> None:
        super().__init__(search_space=search_space, observations=observations, modelbridge=modelbridge, config=config)
        training = None if observations is None else _training(observations)
        search_space = self.attach(modelbridge, search_space)
        self.read_config(config, context_of(search_space, training, modelbridge))

    def transform_observations(self, observations: list[Observation]) -> list[Observation]:
        """Replace the rows of the training data."""
        observations = _with_admitted(self, observations)
        training = _training(observations)
        images = self.images(training)
        if images is None:
            return observations
        names = images.names(training.arms)
        replaced = []
        for i, row in enumerate(images.rows):
            image = copy(observations[row])
            image.arm_name, image.features, image.data = names[i], copy(image.features), copy(image.data)
            image.features.parameters = dict(image.features.parameters)
            if images.written[i]:
                image.features.parameters.update({name: values[i] for name, values in images.table.items()})
            image.features.metadata = copy(image.features.metadata)
            image.data.means = image.data.means.copy()
            image.data.covariance = image.data.covariance * images.variance_scale[i]
            replaced.append(image)
        return replaced

    def transform_optimization_config(
        self,
        optimization_config: OptimizationConfig,
        modelbridge: Any = None,
        fixed_features: ObservationFeatures | None = None,
    ) -> OptimizationConfig:
        """Leave the config alone; record the fixed features."""
        self.note_fixed_features(fixed_features.parameters if fixed_features is not None else {})
        return optimization_config


def default_transforms() -> list[type[Transform]]:
    """Return what Ax's `get_botorch` uses by default."""
    return Cont_X_trans + Y_trans


def register(transform: type[Transform]) -> None:
    """Make Ax's storage know a transform, so that what uses it can be saved and loaded."""
    if hasattr(transform_registry, "register_transform"):
        transform_registry.register_transform(transform)
    elif transform not in transform_registry.TRANSFORM_REGISTRY:
        number = zlib.crc32(transform.__name__.encode())  # the same in every process, and far from Ax's own
        transform_registry.TRANSFORM_REGISTRY[transform] = number
        transform_registry.REVERSE_TRANSFORM_REGISTRY[number] = transform


def without_data(transform: type[Transform], search_space: SearchSpace) -> Transform:
    """Make a transform of Ax for a search space alone."""
    return transform(search_space=search_space, observations=[])


def linear_constraint(weights: Mapping[str, float], bound: float) -> ParameterConstraint:
    """Make the parameter constraint `sum of weight * value <= bound`."""
    return ParameterConstraint(constraint_dict=dict(weights), bound=bound)


def get_botorch(
    experiment: Experiment,
    data: Data,
    search_space: SearchSpace | None = None,
    device: torch.device | None = None,
    transforms: Sequence[type[Transform]] | None = None,
    transform_configs: Mapping[str, Any] | None = None,
    refit_on_cv: bool = False,
    optimization_config: OptimizationConfig | None = None,
    **legacy: Any,
) -> Any:
    """Hand the call to Ax's own `ax.modelbridge.factory.get_botorch`."""
    if device is not None:
        legacy["device"] = device
    return factory.get_botorch(
        experiment=experiment,
        data=data,
        search_space=search_space,
        transforms=default_transforms() if transforms is None else list(transforms),
        transform_configs=transform_configs,
        refit_on_cv=refit_on_cv,
        optimization_config=optimization_config,
        **legacy,
    )


def surrogate_spec(kind: type[Kernel], options: Mapping[str, Any]) -> SurrogateSpec:
    """Make a spec of Ax for a model with a kernel, given its class and the options for it."""
    if hasattr(utils, "ModelConfig"):  # from Ax 0.5 on
        config = utils.ModelConfig(covar_module_class=kind, covar_module_options=dict(options))
        return SurrogateSpec(model_configs=[config])
    return SurrogateSpec(covar_module_class=kind, covar_module_kwargs=dict(options))


def use_kernel(adapter: Any, kernel: KernelSpec) -> None:
    """Let a model bridge fit its models with a kernel.

    Raises:
        SymmetryError: The models take no kernel, or have one of their own.
    """
    generator = adapter.model
    if hasattr(generator, "model_constructor"):
        given = generator.model_constructor
        if given is not get_and_fit_model and not isinstance(given, ModelsWithKernel):
            raise another_kernel("model_constructor")
        generator.model_constructor = ModelsWithKernel(kernel)
    elif hasattr(generator, "surrogate_spec"):  # from Ax 0.5 on; the kernel sees the unit cube
        put_kernel(generator, kernel, SurrogateSpec())
    elif hasattr(generator, "surrogate_specs"):
        if any(label != "invariant" for label in [*generator.surrogate_specs, *generator.surrogates]):
            raise another_kernel("surrogate")
        spec = surrogate_spec(kernel.kind, {"kernel": kernel, "unit_cube": False})
        generator.surrogate_specs = {"invariant": replace(spec, botorch_model_class=kernel.model)}
    else:
        raise no_kernel(generator)


def use_likelihood(adapter: Any, kind: type[MarginalLogLikelihood], options: dict[str, Any]) -> None:
    """Let a model bridge fit its models by a marginal likelihood, where the user has not chosen models of his own."""
    generator = adapter.model
    if hasattr(generator, "model_constructor"):
        given = generator.model_constructor
        if given is get_and_fit_model or isinstance(given, ModelsByLikelihood):
            generator.model_constructor = ModelsByLikelihood(kind, options)
    elif hasattr(generator, "surrogate_spec"):  # from Ax 0.5 on
        put_likelihood(generator, kind, options, SurrogateSpec())
    elif hasattr(generator, "surrogate_specs"):
        if not {*generator.surrogate_specs, *generator.surrogates} - {"orbits"}:
            generator.surrogate_specs = {"orbits": SurrogateSpec(mll_class=kind, mll_kwargs=options)}


def fits_any_model(adapter: Any) -> bool:
    """Tell whether a model bridge fits a model, of which nobody said that it has a kernel of its own."""
    generator = adapter.model
    if hasattr(generator, "model_constructor"):
        return generator.model_constructor is get_and_fit_model
    if hasattr(generator, "surrogate_specs"):  # before Ax 0.5
        return not (generator.surrogate_specs or generator.surrogates)
    if isinstance(generator, BoTorchModel):
        return not has_own_kernel(generator)
    return isinstance(adapter, TorchModelBridge)


def is_gaussian_process(adapter: Any) -> bool:
    """Tell whether a model bridge fits models of BoTorch."""
    return isinstance(adapter.model, BoTorchModel) or hasattr(adapter.model, "model_constructor")


def use_search_model(adapter: Any, view_of: ViewOf) -> None:
    """Let a model bridge's search for candidates see another model than the fitted one; not a random search."""
    generator = adapter.model
    if isinstance(generator, BoTorchModel):
        search_with(generator, view_of)
    elif hasattr(generator, "model_constructor"):
        generator.gen = RelaxedSearch(generator, view_of)


def _with_admitted(transform: RowTransform, observations: list[Observation]) -> list[Observation]:
    """Return the training data with those that Ax has left out and that count nevertheless."""
    if transform.admitted is None:
        return observations
    adapter = transform.adapter
    every = adapter.get_training_data()
    counted = transform.counted(adapter.training_in_design, [obs.features.parameters for obs in every])
    if counted is None:
        return observations
    adapter.training_in_design = counted
    observations = [obs for obs, counts in zip(every, counted) if counts]
    for earlier in transform.earlier_transforms():
        observations = earlier.transform_observations(observations)
    return observations


def _training(observations: Sequence[Observation]) -> Training:
    """Read training data off a list of observations."""
    names = dict.fromkeys(name for obs in observations for name in obs.features.parameters)
    table = {name: [obs.features.parameters.get(name) for obs in observations] for name in names}
    metadata = next((obs.features.metadata for obs in observations), None)
    outcomes: dict[str, tuple[list[float], list[float]]] = {}
    for obs in observations:
        for metric, mean, variance in zip(obs.data.metric_names, obs.data.means, np.diag(obs.data.covariance)):
            means, sems = outcomes.setdefault(metric, ([], []))
            means.append(float(mean))
            sems.append(float(np.sqrt(variance)))
    return Training([obs.arm_name for obs in observations], table, metadata, outcomes)
