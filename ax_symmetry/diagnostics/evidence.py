"""What observations say for and against a symmetry: how three models account for them, and repeats on one orbit."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.stats import chi2

SIGNIFICANCE = 0.02
"""Significance level of the tests; also their false alarm rate."""
ROUNDING = 1e-10
"""Within this fraction of the largest, outcomes are equal."""
AX_STANDARDISES_FROM = 1e-8
"""Ax divides outcomes of a smaller standard deviation by 1, so that its models see no difference."""


@dataclass(frozen=True)
class Assessment:
    """How a fitted Gaussian process accounts for its own training data.

    Attributes:
        log_likelihood: Log marginal likelihood of the outcomes as the model sees them.
        left_out: Log density of each of the n outcomes given all others.
        outcomes: The n outcomes, as the model sees them.
        means: The mean of each outcome given all others.
        variances: Its variance given all others, that of its measurement included.
    """

    log_likelihood: float
    loo_log_density: np.ndarray
    outcomes: np.ndarray = field(default_factory=lambda: np.empty(0))
    means: np.ndarray = field(default_factory=lambda: np.empty(0))
    variances: np.ndarray = field(default_factory=lambda: np.empty(0))


def assess(model: Any) -> Assessment:
    """Assess a fitted model of one outcome; it is not changed.

    Leaving one out has a closed form (Rasmussen and Williams, "Gaussian processes for machine learning", 2006, section
    5.4.2). Cost: O(n^3).
    """
    own = deepcopy(model).train()
    with torch.no_grad():
        prior = own.likelihood(own(*own.train_inputs), *own.train_inputs)
        inverse = torch.linalg.inv(prior.covariance_matrix)
        weighted = inverse @ (own.train_targets - prior.mean)
        variance = 1 / inverse.diagonal()
        loo_log_density = -0.5 * (weighted**2 * variance + (2 * torch.pi * variance).log())
        means = own.train_targets - weighted * variance
        arrays = [a.cpu().numpy() for a in (loo_log_density, own.train_targets, means, variance)]
        return Assessment(float(prior.log_prob(own.train_targets)), *arrays)


def p_of_no_asymmetry(invariant: Assessment, approximate: Assessment) -> float:
    """Test that the share e of the variance that is not invariant is zero: a likelihood ratio.

    As e is zero or more, the ratio is zero in half of all cases, and else follows a chi-squared distribution with one
    degree of freedom (Self and Liang, "Asymptotic properties of maximum likelihood estimators and likelihood ratio
    tests under nonstandard conditions", JASA 1987).
    """
    ratio = 2 * (approximate.log_likelihood - invariant.log_likelihood)
    return 0.5 * float(chi2.sf(ratio, 1)) if ratio > 0 else 1.0


def vary_by_noise_alone(means: Sequence[float], variances: Sequence[float]) -> bool:
    """Tell whether outcomes vary no more than their noise lets equal ones: then they say nothing of a function.

    A chi-squared test of n equal means. Numbers that differ by rounding are equal, and so are those that Ax does not
    standardise, since their SD is too small.

    Args:
        means: The n outcomes.
        variances: The variances of their noise; nan where it is not known, which lets any difference be a difference.
    """
    y = np.asarray(means, dtype=float)
    rounding = ROUNDING * np.abs(y).max(initial=0.0)
    if len(y) < 2 or np.ptp(y) <= rounding or y.std() < AX_STANDARDISES_FROM:
        return True
    noise = np.asarray(variances, dtype=float) + rounding**2
    weight = 1 / noise
    statistic = float((weight * (y - (weight * y).sum() / weight.sum()) ** 2).sum())
    return float(chi2.sf(statistic, len(y) - 1)) >= SIGNIFICANCE  # False of nan


def log_likelihood_of_a_constant(outcomes: np.ndarray) -> float:
    """Return the log likelihood of n outcomes that are a constant and noise, at the best constant and variance."""
    return float(-0.5 * len(outcomes) * (np.log(2 * np.pi * outcomes.var()) + 1))


@dataclass(frozen=True)
class Repeats:
    """Experiments that were evaluated in several orders of their blocks.

    Attributes:
        orbits: On how many orbits several different arms were observed.
        statistic: By how much these differ: the sum of squares over their variances.
        freedom: Its degrees of freedom.
    """

    orbits: int
    statistic: float
    freedom: int

    @property
    def p(self) -> float:
        """The probability of such differences or larger ones if only noise tells images apart."""
        return float(chi2.sf(self.statistic, self.freedom)) if self.freedom else 1.0


def compare_repeats(keys: Sequence[Any], means: Sequence[float], variances: Sequence[float]) -> Repeats:
    """Compare the arms on each orbit.

    Args:
        keys: For every arm its orbit.
        means: The mean of its measurements.
        variances: The variance of that mean.
    """
    statistic, freedom, orbits = 0.0, 0, 0
    for key in set(keys):
        own = np.array([i for i, other in enumerate(keys) if other == key])
        if len(own) > 1:
            y, weight = np.asarray(means)[own], 1 / np.asarray(variances)[own]
            statistic += float((weight * (y - (weight * y).sum() / weight.sum()) ** 2).sum())
            freedom, orbits = freedom + len(own) - 1, orbits + 1
    return Repeats(orbits, statistic, freedom)
