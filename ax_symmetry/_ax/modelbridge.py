"""Ax up to 1.0: `ax.modelbridge`, whose training data are a list of observations."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import torch
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.observation import Observation, ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax.modelbridge import factory
from ax.modelbridge.registry import Cont_X_trans, Y_trans
from ax.modelbridge.transforms.base import Transform
from ax.storage import transform_registry

from ax_symmetry._ax.rows import RowLogic, Training, context_of

GENERATION = "modelbridge"


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
        self.prepare(config, search_space, training, context_of(modelbridge))

    def transform_observations(self, observations: list[Observation]) -> list[Observation]:
        """Replace the rows of the training data."""
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
            if not images.first[i]:
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
        """Leave the config alone; note the fixed features."""
        self.ask(fixed_features.parameters if fixed_features is not None else {})
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


def _training(observations: Sequence[Observation]) -> Training:
    """Read training data off a list of observations."""
    names = dict.fromkeys(name for obs in observations for name in obs.features.parameters)
    table = {name: [obs.features.parameters.get(name) for obs in observations] for name in names}
    return Training([obs.arm_name for obs in observations], table)
