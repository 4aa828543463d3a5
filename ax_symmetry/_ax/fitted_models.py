"""What an adapter's model was fitted to and what it predicts, in the metric's own units. The same on every Ax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.experiment import Experiment
from ax.core.observation import ObservationData, ObservationFeatures

from ax_symmetry._ax import private

Numbers = npt.NDArray[np.float64]


def generator_of(adapter: Any) -> Any:
    """Return the generator of an adapter: what Ax up to 1.0 calls the model of a model bridge."""
    return getattr(adapter, "generator", None) or adapter.model


def takes_rows_once(adapter: Any) -> bool:
    """Tell whether an adapter's model refuses training data in which two rows are equal, as Thompson sampling does."""
    return _is_a(adapter, "ThompsonSampler")


def chooses_among_points(adapter: Any) -> bool:
    """Tell whether an adapter's model proposes points of a list, as factorial designs do, rather than searches."""
    return _is_a(adapter, "DiscreteGenerator", "DiscreteModel")


def _is_a(adapter: Any, *names: str) -> bool:
    """Tell whether an adapter's generator is of a class of one of these names; its module differs by version."""
    return any(kind.__name__ in names for kind in type(generator_of(adapter)).__mro__)


def fitted_surrogate(adapter: Any) -> Any:
    """Return the object of Ax whose `model` is the fitted BoTorch model: a surrogate, or a generator without one."""
    generator = generator_of(adapter)
    return getattr(generator, "surrogate", generator)


def fitted_model(adapter: Any) -> Any:
    """Return an adapter's fitted BoTorch model."""
    return fitted_surrogate(adapter).model


def training_arms(adapter: Any) -> list[str]:
    """List the arms that the model was fitted to, row by row."""
    data, inside = adapter.get_training_data(), adapter.training_in_design
    if hasattr(data, "observation_data"):
        table = adapter.get_training_data(filter_in_design=True).observation_data
        return table.index.get_level_values("arm_name").tolist()
    return [observation.arm_name for observation, used in zip(data, inside) if used]


def own_units(adapter: Any, means: Numbers, variances: Numbers) -> tuple[Numbers, Numbers]:
    """Undo the transforms of the outcomes, as Ax does for predictions.

    Args:
        adapter: The adapter (model bridge), of one metric.
        means: Means as the model sees them, `n`.
        variances: Their variances, `n`.

    Returns:
        Both in the metric's own units: exact for standardised outcomes, Ax's approximation where a transform is no
        line. An outcome that Ax has cut off (winsorized) stays so.
    """
    (outcome,) = adapter.outcomes
    data = [ObservationData([outcome], np.asarray([m]), np.asarray([[v]])) for m, v in zip(means, variances)]
    for transform in reversed(list(adapter.transforms.values())):
        data = private.untransformed(transform, data)
    return np.asarray([d.means[0] for d in data]), np.asarray([d.covariance[0, 0] for d in data])


def can_predict(adapter: Any, experiment: Experiment, metric: str) -> bool:
    """Tell whether an adapter has a model of a metric."""
    return _name(experiment, metric) in (getattr(adapter, "outcomes", None) or ())


def predict(
    adapter: Any, experiment: Experiment, metric: str, points: Sequence[Mapping[str, Any]]
) -> tuple[Numbers, Numbers]:
    """Predict a metric at points of the search space.

    Returns:
        The n means and their standard deviations.
    """
    name = _name(experiment, metric)
    means, covariances = adapter.predict([ObservationFeatures(parameters=dict(point)) for point in points])
    return np.asarray(means[name], dtype=float), np.sqrt(np.asarray(covariances[name][name], dtype=float))


def _name(experiment: Experiment, metric: str) -> str:
    """Return the name by which models know a metric: in newer Ax its signature."""
    return getattr(experiment.metrics[metric], "signature", metric)
