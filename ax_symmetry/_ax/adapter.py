"""Ax 1.1 and later: `ax.adapter`, whose training data are two data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.adapter.base import Adapter
from ax.adapter.data_utils import ExperimentData
from ax.adapter.registry import Cont_X_trans, Generators, Y_trans
from ax.adapter.torch import TorchAdapter
from ax.adapter.transforms.base import Transform
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.observation import Observation, ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax.generators.torch.botorch_modular.generator import BoTorchGenerator
from ax.generators.torch.botorch_modular.input_constructors.covar_modules import covar_module_argparse  # noqa: F401
from ax.generators.torch.botorch_modular.surrogate import SurrogateSpec
from ax.generators.torch.botorch_modular.utils import ModelConfig
from ax.storage.botorch_modular_registry import register_kernel  # noqa: F401
from ax.storage.transform_registry import register_transform
from gpytorch.kernels import Kernel
from gpytorch.mlls import MarginalLogLikelihood

from ax_symmetry._ax import private
from ax_symmetry._ax.fitting import KernelSpec, has_own_kernel, no_kernel, put_kernel, put_likelihood
from ax_symmetry._ax.search_model import ViewOf, search_with
from ax_symmetry._ax.training_rows import RowLogic, Training, context_of
from ax_symmetry.errors import SymmetryError

GENERATION = "adapter"
MODULAR = Generators.BOTORCH_MODULAR
LEARNING = TorchAdapter
"""The class of adapters that learn from data."""


class RowTransform(RowLogic, Transform):
    """A transform that may replace rows of the training data and knows what generation was asked for."""

    def __init__(
        self,
        search_space: SearchSpace | None = None,
        experiment_data: ExperimentData | None = None,
        adapter: Adapter | None = None,
        config: Any = None,
    ) -> None:
        super().__init__(search_space=search_space, experiment_data=experiment_data, adapter=adapter, config=config)
        training = None
        if experiment_data is not None:
            training = _training(experiment_data.arm_data, experiment_data.observation_data)
        search_space = self.attach(adapter, search_space)
        self.read_config(config, context_of(search_space, training, adapter))

    def transform_experiment_data(self, experiment_data: ExperimentData) -> ExperimentData:
        """Replace the rows of the training data."""
        experiment_data = _with_admitted(self, experiment_data)
        arm_data, observation_data = experiment_data.arm_data, experiment_data.observation_data
        training = _training(arm_data)
        images = self.images(training)
        if images is None:
            return experiment_data
        names = images.names(training.arms)
        new_arms = arm_data.iloc[images.rows].copy()
        new_arms.index = _renamed(new_arms.index, names)
        for parameter, values in images.table.items():
            column = new_arms[parameter].to_numpy(dtype=object, copy=True)
            column[images.written] = np.asarray(values, dtype=object)[images.written]
            new_arms[parameter] = _like(pd.Series(column, index=new_arms.index), arm_data[parameter].dtype)
        if "metadata" in new_arms:
            new_arms["metadata"] = [dict(m) if isinstance(m, Mapping) else m for m in new_arms["metadata"]]
        # The images of the row at position p of the arms are those from starts[p] on, counts[p] of them.
        starts = np.searchsorted(images.rows, np.arange(len(arm_data)))
        counts = np.bincount(images.rows, minlength=len(arm_data))
        position = arm_data.index.get_indexer(
            pd.MultiIndex.from_arrays([observation_data.index.get_level_values(i) for i in (0, 1)])
        )
        rows = np.repeat(np.arange(len(observation_data)), counts[position])
        offset = np.arange(len(rows)) - np.repeat(np.cumsum(counts[position]) - counts[position], counts[position])
        image = starts[position[rows]] + offset
        new_observations = observation_data.iloc[rows].copy()
        new_observations.index = _renamed(new_observations.index, [names[i] for i in image])
        sem = [column for column in new_observations.columns if column[0] == "sem"]
        new_observations[sem] = new_observations[sem].mul(np.sqrt(images.variance_scale[image]), axis=0)
        return ExperimentData(arm_data=new_arms, observation_data=new_observations)

    def transform_observations(self, observations: list[Observation]) -> list[Observation]:
        """Leave observations alone: on this generation they are none to train on."""
        self.end_fold()
        return observations

    def transform_optimization_config(
        self,
        optimization_config: OptimizationConfig,
        adapter: Adapter | None = None,
        fixed_features: ObservationFeatures | None = None,
    ) -> OptimizationConfig:
        """Leave the config alone; record the fixed features."""
        self.note_fixed_features(fixed_features.parameters if fixed_features is not None else {})
        return optimization_config


def default_transforms() -> list[type[Transform]]:
    """Return what Ax's `get_botorch` used by default."""
    return Cont_X_trans + Y_trans


def register(transform: type[Transform]) -> None:
    """Make Ax's storage know a transform, so that what uses it can be saved and loaded."""
    register_transform(transform)


def without_data(transform: type[Transform], search_space: SearchSpace) -> Transform:
    """Make a transform of Ax for a search space alone."""
    return transform(search_space=search_space)


def linear_constraint(weights: Mapping[str, float], bound: float) -> ParameterConstraint:
    """Make the parameter constraint `sum of weight * value <= bound`."""
    if "constraint_dict" in signature(ParameterConstraint.__init__).parameters:
        keywords: dict[str, Any] = {"constraint_dict": dict(weights), "bound": bound}
        return ParameterConstraint(**keywords)
    return ParameterConstraint(inequality=" + ".join(f"{w!r} * {n}" for n, w in weights.items()) + f" <= {bound!r}")


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
) -> Adapter:
    """Make the call of Ax's former `ax.modelbridge.factory.get_botorch` on modular BoTorch."""
    if data.df.empty:
        raise ValueError("get_botorch requires non-empty data.")
    if legacy:
        raise SymmetryError(
            f"get_botorch: this Ax has no {', '.join(legacy)}. Call Generators.BOTORCH_MODULAR of ax.adapter.registry "
            "with the same transforms and transform_configs, and surrogate_spec or acquisition options in their place."
        )
    keywords: dict[str, Any] = {
        "experiment": experiment,
        "data": data,
        "transforms": default_transforms() if transforms is None else list(transforms),
        "transform_configs": transform_configs,
        "optimization_config": optimization_config,
        "torch_device": device,
    }
    if search_space is None:
        return Generators.BOTORCH_MODULAR(refit_on_cv=refit_on_cv, **keywords)
    # The registry knows no search space but the experiment's.
    return TorchAdapter(search_space=search_space, generator=BoTorchGenerator(refit_on_cv=refit_on_cv), **keywords)


def surrogate_spec(kind: type[Kernel], options: Mapping[str, Any]) -> SurrogateSpec:
    """Make a spec of Ax for a model with a kernel, given its class and the options for it."""
    config = ModelConfig(covar_module_class=kind, covar_module_options=dict(options))
    return SurrogateSpec(model_configs=[config])


def use_kernel(adapter: Any, kernel: KernelSpec) -> None:
    """Let an adapter fit its models with a kernel.

    Raises:
        SymmetryError: The adapter's models take no kernel, or have one of their own.
    """
    if not isinstance(adapter.generator, BoTorchGenerator):
        raise no_kernel(adapter.generator)
    put_kernel(adapter.generator, kernel, SurrogateSpec())


def use_likelihood(adapter: Any, kind: type[MarginalLogLikelihood], options: dict[str, Any]) -> None:
    """Let an adapter fit its models by a marginal likelihood; not those of other generators than modular BoTorch."""
    if isinstance(adapter.generator, BoTorchGenerator):
        put_likelihood(adapter.generator, kind, options, SurrogateSpec())


def fits_any_model(adapter: Any) -> bool:
    """Tell whether an adapter fits a model, of which nobody said that it has a kernel of its own."""
    generator = adapter.generator
    if isinstance(generator, BoTorchGenerator):
        return not has_own_kernel(generator)
    return isinstance(adapter, TorchAdapter)


def is_gaussian_process(adapter: Any) -> bool:
    """Tell whether an adapter fits models of BoTorch."""
    return isinstance(adapter.generator, BoTorchGenerator)


def use_search_model(adapter: Any, view_of: ViewOf) -> None:
    """Let an adapter's search for candidates see another model than the fitted one; not a random search."""
    if isinstance(adapter.generator, BoTorchGenerator):
        search_with(adapter.generator, view_of)


def _with_admitted(transform: RowTransform, experiment_data: ExperimentData) -> ExperimentData:
    """Return the training data with those that Ax has left out and that count nevertheless."""
    if transform.admitted is None:
        return experiment_data
    adapter = transform.adapter
    arm_data = adapter.get_training_data().arm_data
    table = _training(arm_data).table
    points = [{name: table[name][i] for name in table} for i in range(len(arm_data))]
    counted = transform.counted(adapter.training_in_design, points)
    if counted is None:
        return experiment_data
    private.use_training_data(adapter, counted)
    experiment_data = adapter.get_training_data(filter_in_design=True)
    for earlier in transform.earlier_transforms():
        experiment_data = earlier.transform_experiment_data(experiment_data)
    return experiment_data


def _training(arm_data: pd.DataFrame, observation_data: pd.DataFrame | None = None) -> Training:
    """Read training data off the data frame of arms, and outcomes off that of observations."""
    table = {
        name: [None if _absent(v) else v for v in arm_data[name].tolist()] for name in arm_data if name != "metadata"
    }
    metadata = next((m for m in arm_data.get("metadata", []) if isinstance(m, Mapping)), None)
    outcomes = {}
    if observation_data is not None and not observation_data.empty:
        mean, sem = observation_data["mean"], observation_data["sem"]
        outcomes = {metric: (mean[metric].tolist(), sem[metric].tolist()) for metric in mean}
    return Training(arm_data.index.get_level_values("arm_name").tolist(), table, metadata, outcomes)


def _like(column: pd.Series, dtype: Any) -> pd.Series:
    """Return a column with a given type; as floats, if decimals come to a column of whole numbers."""
    if pd.api.types.is_integer_dtype(dtype) and any(v != round(v) for v in column if not _absent(v)):
        return column.astype(float)
    return column.astype(dtype)


def _absent(value: Any) -> bool:
    return value is None or value is pd.NA or value != value


def _renamed(index: pd.MultiIndex, names: Sequence[str | None]) -> pd.MultiIndex:
    """Put other arm names into an index of (trial_index, arm_name, ...)."""
    levels = [names if level == "arm_name" else index.get_level_values(level) for level in index.names]
    return pd.MultiIndex.from_arrays(levels, names=index.names)
