"""What was observed, as data frames: orbit by orbit, left out one by one, and the best so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from ax.core.experiment import Experiment

from ax_symmetry._ax.fitted_models import own_units, training_arms
from ax_symmetry._ax.given import experiment_of
from ax_symmetry.diagnostics.check_symmetry import fit_and_assess, fit_invariant
from ax_symmetry.diagnostics.observations import choose_metric, data_of, orbits_of
from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.symmetry import Symmetry

WITH, WITHOUT = "with the symmetry", "without the symmetry"


def observations(experiment: Experiment, metric: str) -> pd.DataFrame:
    """List what was observed of a metric, but for failed and abandoned trials.

    Returns:
        A row per arm of a trial: `trial_index`, `arm_name`, `mean`, `sem`.

    Raises:
        SymmetryError: There are none.
    """
    table = data_of(experiment, metric)
    status = {i: trial.status for i, trial in experiment.trials.items()}
    counts = [not (status[i].is_failed or status[i].is_abandoned) for i in table["trial_index"]]
    if not any(counts):
        raise SymmetryError(f"metric: all trials with data of {metric} failed or were abandoned; complete another one.")
    return table.loc[counts, ["trial_index", "arm_name", "mean", "sem"]].sort_values("trial_index", ignore_index=True)


def is_minimized(experiment: Experiment, metric: str) -> bool | None:
    """Tell whether less of a metric is better, None if the experiment does not say."""
    config = experiment.optimization_config
    if config is not None and config.objective.metric_names == [metric]:
        return bool(config.objective.minimize)
    return experiment.metrics[metric].lower_is_better


def orbit_table(experiment: Experiment, symmetry: Symmetry, metric: str) -> pd.DataFrame:
    """List the observations with the number of their orbit: equal numbers are the same experiment."""
    symmetry.validate(experiment.search_space)
    table = observations(experiment, metric)
    keys = orbits_of(experiment, symmetry, table["arm_name"])
    distinct = [key if key is not None else ("incomplete", arm) for key, arm in zip(keys, table["arm_name"])]
    return table.assign(orbit=pd.factorize(pd.Series(distinct, dtype=object))[0])


def left_out_table(experiment: Experiment, symmetry: Symmetry, metric: str) -> pd.DataFrame:
    """List the prediction of every observation from all others, with the symmetry and without it.

    Cost: two fits to n observations.

    Returns:
        A row per observation and model: `arm_name`, `model`, `observed`, `predicted` and `sd` in the metric's own
        units, and `log_density` of the outcome as the models see it, standardised by Ax.
    """
    symmetry.validate(experiment.search_space)
    data, tables = data_of(experiment, metric), []
    fits = {WITHOUT: fit_and_assess(experiment, data), WITH: fit_invariant(experiment, data, symmetry)}
    for model, (fit, adapter) in fits.items():
        predicted, variance = own_units(adapter, fit.means, fit.variances)
        tables.append(pd.DataFrame({
            "arm_name": training_arms(adapter),
            "model": model,
            "observed": own_units(adapter, fit.outcomes, fit.variances)[0],
            "predicted": predicted,
            "sd": np.sqrt(variance),
            "log_density": fit.loo_log_density,
        }))
    return pd.concat(tables, ignore_index=True)


def best_table(experiments: Mapping[str, Experiment | Sequence[Experiment]], metric: str | None) -> pd.DataFrame:
    """List the best observation so far, trial after trial.

    Returns:
        A row per trial with data: `search`, `repeat`, `trial` (counted from 1), `observed` (the best arm's), `best`;
        the metric's name is in `attrs`.

    Raises:
        SymmetryError: There are no experiments, they do not agree on the metric, or on whether less of it is better.
    """
    searches = experiments if isinstance(experiments, Mapping) else {}
    repeats = {name: given if isinstance(given, Sequence) else [given] for name, given in searches.items()}
    runs = [(name, i, experiment_of(run, "experiments")) for name, own in repeats.items() for i, run in enumerate(own)]
    if not runs:
        raise SymmetryError(
            f'experiments: got {shown(experiments)}; write {{"symmetric": an experiment, "plain Ax": another}}.'
        )
    metrics = {choose_metric(run, metric) for _, _, run in runs}
    goals = {is_minimized(run, name) for _, _, run in runs for name in metrics if name in run.metrics}
    if len(metrics) > 1 or len(goals) > 1 or None in goals:
        raise SymmetryError(
            f"metric: the experiments must agree on one metric ({', '.join(sorted(metrics))}) and on whether less of "
            "it is better; name a metric, and set its lower_is_better if it is no objective."
        )
    (name,), (less,) = metrics, goals
    tables = []
    for search, repeat, run in runs:
        of_trial = observations(run, name).groupby("trial_index")["mean"]
        observed = (of_trial.min() if less else of_trial.max()).to_numpy()
        best = (np.minimum if less else np.maximum).accumulate(observed)
        trial = np.arange(1, len(best) + 1)
        tables.append(pd.DataFrame(
            {"search": search, "repeat": repeat, "trial": trial, "observed": observed, "best": best}))
    table = pd.concat(tables, ignore_index=True)
    table.attrs["metric"] = name
    return table
