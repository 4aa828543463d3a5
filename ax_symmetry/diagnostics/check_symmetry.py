"""Do the data support a symmetry? `check_symmetry` asks three models, and what was measured in several orders."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from ax.core.data import Data
from ax.core.experiment import Experiment

from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry._ax.given import experiment_of
from ax_symmetry._ax.training_rows import check_outcomes
from ax_symmetry.diagnostics.evidence import (
    SIGNIFICANCE, Assessment, Repeats, assess, compare_repeats, log_likelihood_of_a_constant, p_of_no_asymmetry,
    vary_by_noise_alone,
)
from ax_symmetry.diagnostics.observations import choose_metric, data_of, orbits_of
from ax_symmetry.errors import SymmetryError, SymmetryWarning
from ax_symmetry.generation.get_botorch import fit_botorch
from ax_symmetry.space.bounds import without_roles
from ax_symmetry.space.validation import kernel_obstacle
from ax_symmetry.symmetry.symmetry import Symmetry

MIN_GAIN = 2.0
"""The least gain of log marginal likelihood from which on the data support the symmetry, or anything but a constant."""
MIN_OBSERVATIONS = 5
"""The least number of observations that can tell anything."""


@dataclass(frozen=True)
class SymmetryReport:
    """What an experiment says of a symmetry; print it.

    Attributes:
        metric: The metric.
        observations: How many arms have data of it.
        space: Why the search space does not have the symmetry, None if it has.
        repeats: Orbits on which several arms were observed; None if their noise is not known, or there are none.
        gain: Log marginal likelihood of the invariant model minus that of the plain one.
        loo_gain: By how much the invariant model predicts left-out observations better: the sum of the differences of
            their log densities, and its standard error.
        asymmetry: e, the share of the variance that is not invariant, as the data ask for.
        p: The probability of data that speak so much against the symmetry, or more, if it holds.
        verdict: "supported", "undecided" or "contradicted".
        says_nothing: Whether the outcomes are equal, or may be but for their noise: then nothing follows from them.
    """

    metric: str
    observations: int
    space: str | None = None
    repeats: Repeats | None = None
    gain: float = 0.0
    loo_gain: tuple[float, float] = (0.0, 0.0)
    asymmetry: float = 0.0
    p: float = 1.0
    verdict: str = "undecided"
    says_nothing: bool = False

    def __str__(self) -> str:
        plural = "" if self.observations == 1 else "s"
        lines = [f"The symmetry is {self.verdict} by {self.observations} observation{plural} of {self.metric}."]
        if self.space is not None:
            return f"{lines[0]}\n  The search space does not have it: {self.space}"
        if self.observations < MIN_OBSERVATIONS:
            return f"{lines[0]}\n  With fewer than {MIN_OBSERVATIONS} nothing can be said."
        if self.says_nothing:
            return f"{lines[0]}\n  They are equal, or differ by no more than their noise, and nothing can be said."
        if self.repeats is not None:
            lines.append(
                f"  Experiments observed in several orders: {self.repeats.orbits}; what was measured differs by "
                f"{self.repeats.statistic:.1f} squared standard errors, {self.repeats.freedom} are expected."
            )
        return "\n".join([
            *lines,
            f"  Log marginal likelihood: {self.gain:+.1f} against a model without the symmetry; "
            f"above {MIN_GAIN:+g} supports it.",
            f"  Log density of left-out observations: {self.loo_gain[0]:+.1f} +- {self.loo_gain[1]:.1f}; above 0, the "
            "symmetry predicts better.",
            f"  Share of the variance that is not invariant: {self.asymmetry:.3f}; 0 is an exact symmetry, 1 is none.",
            f"  Probability of such data if the symmetry holds: {self.p:.2g}; below {SIGNIFICANCE} is a contradiction.",
        ])


def check_symmetry(
    experiment_or_adapter: Any, symmetry: Symmetry | Mapping[str, Any], *, metric: str | None = None
) -> SymmetryReport:
    """Tell whether an experiment's data support a symmetry.

    Three models are fitted by `get_botorch`: Ax's own, the one with the invariant kernel k_G, and the one with
    (1 - e) k_G + e k. The likelihood ratio of the last two tests the symmetry; that of the first two, and the
    predictions of left-out observations, tell what it is worth. Arms that are the same experiment in another order are
    compared directly, where the sem of their measurements is known.

    Cost: three fits to n observations.

    Args:
        experiment_or_adapter: An experiment with data, or a client that has one; from Ax 0.5 on also an adapter.
        symmetry: A symmetry, or its dict; its options are left aside.
        metric: The metric to look at; the objective's by default.

    Returns:
        The report; `report.verdict` is "supported", "undecided" or "contradicted", and `print(report)` says why.
        Outcomes that are few, equal, or differ by no more than their noise decide nothing.

    Raises:
        SymmetryError: The metric is not known or has no data, or there is no experiment.

    Warns:
        SymmetryWarning: The data, or the search space, contradict the symmetry.
    """
    experiment = experiment_of(experiment_or_adapter, "experiment_or_adapter")
    declared = Symmetry.of(symmetry)
    chosen = choose_metric(experiment, metric)
    report = report_on(experiment, declared, chosen)
    if report.verdict == "contradicted":
        warnings.warn(str(report), SymmetryWarning, stacklevel=2)
    return report


def fit_and_assess(experiment: Experiment, table: pd.DataFrame, **how: Any) -> tuple[Assessment, Any]:
    """Fit a model to the data of one metric, and assess it; return the adapter as well.

    A fidelity or a task is a parameter like others there, so that the model can have the invariant kernel.
    """
    check_outcomes(table["metric_name"].iloc[0], table["mean"], table["sem"])
    space = experiment.search_space
    plain = None if kernel_obstacle(space) is None else without_roles(space)
    adapter = fit_botorch(experiment, Data(df=table), plain, **how)
    return assess(fitted_model(adapter)), adapter


def fit_invariant(
    experiment: Experiment, table: pd.DataFrame, symmetry: Symmetry, **options: Any
) -> tuple[Assessment, Any]:
    """Fit the invariant model and assess it; with Ax's own base kernel, so that the symmetry alone tells the two apart.

    Args:
        experiment: The experiment.
        table: The data of one metric.
        symmetry: The symmetry.
        options: Further options of its dict.
    """
    config = {**symmetry.to_config(), "method": "kernel", "base_kernel": "rbf", **options}
    return fit_and_assess(experiment, table, symmetry=config)


def report_on(
    experiment: Experiment, symmetry: Symmetry, metric: str, fits: tuple[Assessment, Assessment] | None = None
) -> SymmetryReport:
    """Make the report on a symmetry; see `check_symmetry`.

    Args:
        experiment: The experiment.
        symmetry: The symmetry.
        metric: The metric.
        fits: Those of the plain and of the invariant model, if they are known.
    """
    table = data_of(experiment, metric)
    n = table["arm_name"].nunique()
    try:
        symmetry.validate(experiment.search_space)
    except SymmetryError as error:
        return SymmetryReport(metric, n, space=str(error), verdict="contradicted", p=0.0)
    if n < MIN_OBSERVATIONS or vary_by_noise_alone(table["mean"], table["sem"] ** 2):
        return SymmetryReport(metric, n, says_nothing=n >= MIN_OBSERVATIONS)
    repeats = _repeats(experiment, symmetry, table)
    plain, invariant = fits or (
        fit_and_assess(experiment, table)[0], fit_invariant(experiment, table, symmetry)[0]
    )
    approximate, adapter = fit_invariant(experiment, table, symmetry, asymmetry="learn")
    best = max(invariant.log_likelihood, approximate.log_likelihood)
    if table["sem"].isna().any() and best < log_likelihood_of_a_constant(plain.outcomes) + MIN_GAIN:
        return SymmetryReport(metric, n, says_nothing=True)
    tests = [p_of_no_asymmetry(invariant, approximate), *([repeats.p] if repeats is not None else [])]
    p = min(1.0, len(tests) * min(tests))
    better = invariant.loo_log_density - plain.loo_log_density
    gain = invariant.log_likelihood - plain.log_likelihood
    return SymmetryReport(
        metric=metric,
        observations=n,
        repeats=repeats,
        gain=gain,
        loo_gain=(float(better.sum()), float(better.std(ddof=1) * len(better) ** 0.5)),
        asymmetry=float(fitted_model(adapter).covar_module.asymmetry.detach()),
        p=p,
        verdict="contradicted" if p < SIGNIFICANCE else "supported" if gain > MIN_GAIN else "undecided",
    )


def _repeats(experiment: Experiment, symmetry: Symmetry, table: pd.DataFrame) -> Repeats | None:
    """Compare arms that are the same experiment."""
    if not np.isfinite(table["sem"]).all() or not (table["sem"] > 0).all():
        return None
    weight = 1 / table["sem"] ** 2
    sums = pd.DataFrame({"weight": weight, "weighted": weight * table["mean"]}).groupby(table["arm_name"]).sum()
    keys = orbits_of(experiment, symmetry, sums.index)
    own = [i for i, key in enumerate(keys) if key is not None]
    means = (sums["weighted"] / sums["weight"]).to_numpy()[own]
    found = compare_repeats([keys[i] for i in own], means, 1 / sums["weight"].to_numpy()[own])
    return found if found.orbits else None
