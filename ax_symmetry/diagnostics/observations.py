"""Which experiment, metric and data a diagnosis or a figure is about, and which arms are the same experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ax.core.data import Data
from ax.core.experiment import Experiment

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.known_arms import experiment_keys
from ax_symmetry.symmetry.symmetry import Symmetry


def choose_metric(experiment: Experiment, metric: str | None) -> str:
    """Return the metric, by default the objective's.

    Raises:
        SymmetryError: The experiment does not have the metric, or no single objective.
    """
    known, config = ", ".join(map(repr, experiment.metrics)), experiment.optimization_config
    if metric is not None and (not isinstance(metric, str) or metric not in experiment.metrics):
        raise SymmetryError(f"metric: {shown(metric)} is none of the experiment's; use one of {known}.")
    of_objective = [] if config is None else config.objective.metric_names
    if metric is None and len(of_objective) != 1:
        raise SymmetryError(f"metric: the experiment has no single objective; name one of {known}.")
    return metric or of_objective[0]


def data_of(experiment: Experiment, metric: str) -> pd.DataFrame:
    """Return the rows of an experiment's data that are of a metric: per arm of a trial one, of map data the last.

    A mean that is nan is a missing one.

    Raises:
        SymmetryError: There are none, or one is infinite.
    """
    table = experiment.lookup_data().df
    table = table[(table["metric_name"] == metric) & table["mean"].notna()]
    if table.empty:
        raise SymmetryError(f"metric: the experiment has no data of {metric}; add some, or name another metric.")
    for arm in table["arm_name"][np.isinf(table["mean"])]:
        raise SymmetryError(
            f"metric: the outcome {metric} of arm {arm} is infinite; attach a finite number instead, or no data."
        )
    columns = {"trial_index", *Data.REQUIRED_COLUMNS}
    return table.drop_duplicates(["trial_index", "arm_name"], keep="last")[[c for c in table if c in columns]]


def orbits_of(experiment: Experiment, symmetry: Symmetry, arms: Sequence[str]) -> list[Any]:
    """Tell on which orbits arms lie: equal keys are the same experiment, None is an arm that lacks a parameter."""
    parameters = [experiment.arms_by_name[name].parameters for name in arms]
    encoding = ParameterEncoding(symmetry, experiment.search_space)
    complete, x = encoding.encode_points(parameters)
    own = np.flatnonzero(complete)
    found = experiment_keys(encoding, symmetry.comparison_order(()), x, [parameters[i] for i in own])
    keys: list[Any] = [None] * len(arms)
    for i, key in zip(own, found):
        keys[i] = key
    return keys
