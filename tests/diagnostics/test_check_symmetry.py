"""Do the data support a symmetry? Against densities computed by hand, and on functions that have it or have it not.

One-line bugs that turn this file red: divide by the precision instead of its diagonal; leave the variance out of the
densities; compare arms before their repeats are averaged; take the plain model for the invariant one; one degree of
freedom per arm; count twins that differ elsewhere; test at the boundary as if there were none; conclude something from
equal outcomes, or from noise; take the lesser p of two tests for the p of both; forget that an arm was measured before,
or that it was corrected; divide by a standard error of 0.
"""

from __future__ import annotations

import warnings
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ax.core.data import Data
from ax_symmetry import SymmetryWarning, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.diagnostics import check_symmetry, observations
from ax_symmetry.diagnostics.evidence import Assessment, assess, compare_repeats, p_of_no_asymmetry
from ax_symmetry.diagnostics.evidence import log_likelihood_of_a_constant, vary_by_noise_alone
from cases import EXCHANGEABLE as SYMMETRY
from cases import even
from scipy.stats import chi2, multivariate_normal, norm
from support import add_trial, data_of, experiment, features, fill, float_range, random_points, space

SPACE = space([float_range(n) for n in "abcz"])


def odd(p: dict[str, Any]) -> float:
    return float(np.sin(5 * p["a"]) + 2 * (p["b"] - 0.3) ** 2 - p["c"] + p["z"])


def test_densities_are_those_of_the_normal_distribution() -> None:
    made = fill(experiment(SPACE), 8, even, sem=0.1)
    model = fitted_model(get_botorch(made, made.lookup_data()))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = assess(model)
    x, y = model.train_inputs[0], model.train_targets.numpy()
    covariance = model.covar_module(x).to_dense().detach().numpy() + np.diag(model.likelihood.noise.detach().numpy())
    mean = np.full(8, model.mean_module.constant.item())
    np.testing.assert_allclose(found.log_likelihood, multivariate_normal(mean, covariance).logpdf(y), rtol=1e-8)
    for i in range(8):
        others = [j for j in range(8) if j != i]
        gain = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
        center = mean[i] + gain @ (y - mean)[others]
        spread = covariance[i, i] - gain @ covariance[others, i]
        np.testing.assert_allclose(found.loo_log_density[i], norm(center, spread**0.5).logpdf(y[i]), rtol=1e-8)
    assert not model.training and all((value == before[name]).all() for name, value in model.state_dict().items())


def test_the_likelihood_ratio_at_the_boundary() -> None:
    """Half of the ratios are zero if the symmetry holds; the rest are squares of normal variables."""
    none = np.zeros(3)
    assert p_of_no_asymmetry(Assessment(-3.0, none), Assessment(-3.0, none)) == 1.0
    ratio = 2.7055434540954  # the square of the normal distribution's quantile at 95 %
    assert p_of_no_asymmetry(Assessment(-3.0, none), Assessment(-3.0 + ratio / 2, none)) == pytest.approx(0.05)


def test_repeats_by_hand() -> None:
    means, variances = [1.0, 5.0, 3.0, 0.0, 5.5, 5.0], [1.0, 0.25, 1.0, 1.0, 0.25, 1.0]
    found = compare_repeats(["p", "q", "p", "r", "q", "p"], means, variances)
    assert (found.orbits, found.freedom) == (2, 3)
    assert found.statistic == pytest.approx(4 + 0 + 4 + 0.25**2 / 0.25 * 2)
    assert found.p == pytest.approx(chi2(3).sf(found.statistic))


@pytest.mark.parametrize(("function", "verdict"), [(even, "supported"), (odd, "contradicted")])
def test_verdicts(function: Any, verdict: str) -> None:
    made = fill(experiment(SPACE), 25, function, sem=0.05)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SymmetryWarning)
        report = check_symmetry(made, SYMMETRY)
    assert report.verdict == verdict and f"The symmetry is {verdict} by 25 observations of y." in str(report)
    for meaning in ("above +2 supports it", "above 0, the symmetry predicts better", "1 is none", "below 0.02 is a"):
        assert meaning in str(report)
    assert any(w.category is SymmetryWarning for w in caught) == (verdict == "contradicted")
    assert (report.gain > 2) == (report.loo_gain[0] > 0) == (verdict == "supported")
    assert (report.p < 0.02) == (report.asymmetry > 0.05) == (verdict == "contradicted")
    assert report.repeats is None and report.space is None


def test_an_adapter_and_another_metric() -> None:
    made = experiment(SPACE, ("y", "w"))
    for point in random_points(SPACE, 20):
        add_trial(made, point, {"y": (even(point), 0.05), "w": (odd(point), 0.05)})
    adapter = get_botorch(made, made.lookup_data())
    point = features(random_points(SPACE, 1))
    before = adapter.predict(point)
    known = adapter if hasattr(adapter, "_experiment") else made  # from Ax 0.5 on
    assert check_symmetry(known, SYMMETRY, metric="y").verdict == "supported"
    with pytest.warns(SymmetryWarning, match="observations of w"):
        check_symmetry(known, SYMMETRY, metric="w")
    np.testing.assert_array_equal(adapter.predict(point)[0]["y"], before[0]["y"])
    assert len(made.trials) == 20


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "supported"), (1.0, "contradicted")])
def test_arms_in_several_orders(shift: float, verdict: str) -> None:
    """An orbit seen whole; twins that differ in z are other experiments."""
    made = fill(experiment(SPACE), 15, even, sem=0.1)
    for number, order in enumerate(permutations([0.1, 0.5, 0.8])):
        point = {**dict(zip("abc", order)), "z": 0.5}
        add_trial(made, point, {"y": (even(point) + shift * number, 0.1)})
    other = {"a": 0.1, "b": 0.5, "c": 0.8, "z": 0.9}
    add_trial(made, other, {"y": (even(other), 0.1)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymmetryWarning)
        report = check_symmetry(made, SYMMETRY)
    assert (report.repeats.orbits, report.repeats.freedom) == (1, 5)
    np.testing.assert_allclose(report.repeats.statistic, 17.5 * (shift / 0.1) ** 2, atol=1e-6)
    assert report.verdict == verdict
    assert "observed in several orders: 1;" in str(report)


def test_of_two_tests_the_lesser_p_counts_twice() -> None:
    """Twins that differ by 3.44 standard errors: a p of 1.5 % alone, of 3 % beside that of the likelihood ratio."""
    made = fill(experiment(SPACE), 20, even, sem=0.3)
    first = made.arms_by_name["0_0"].parameters
    twin = {**first, "a": first["b"], "b": first["a"]}
    add_trial(made, twin, {"y": (even(twin) + 3.44 * 0.3, 0.3)})
    report = check_symmetry(made, SYMMETRY)
    assert report.repeats.p == pytest.approx(2 * norm.sf(3.44 / 2**0.5))
    assert report.p == pytest.approx(2 * report.repeats.p) and 0.02 < report.p < 0.04
    assert report.verdict != "contradicted"


def test_an_arm_that_is_measured_twice_is_compared_by_its_mean() -> None:
    """Twins that differ by 1 and by 3 standard errors: 2 together, where the mean has half of the variance."""
    made = fill(experiment(SPACE), 15, even, sem=0.3)
    first = made.arms_by_name["0_0"].parameters
    twin = {**first, "a": first["b"], "b": first["a"]}
    for difference in (1, 3):
        add_trial(made, twin, {"y": (even(twin) + difference * 0.3, 0.3)})
    report = check_symmetry(made, SYMMETRY)
    assert (report.observations, report.repeats.orbits, report.repeats.freedom) == (16, 1, 1)
    assert report.repeats.statistic == pytest.approx(2**2 / 1.5)


def test_exact_twins_are_not_compared_by_their_noise() -> None:
    made = fill(experiment(SPACE), 15, even, sem=0.0)
    first = made.arms_by_name["0_0"].parameters
    add_trial(made, {**first, "a": first["b"], "b": first["a"]}, {"y": (even(first), 0.0)})
    report = check_symmetry(made, SYMMETRY)
    assert report.repeats is None and report.verdict == "supported" and "nan" not in str(report)


def test_of_an_arm_in_a_trial_the_last_row_counts() -> None:
    """Newer Ax drops the others by itself; before Ax 1.2 that is left to us."""
    made = fill(experiment(SPACE), 2, even)
    rows = [data_of(0, "0_0", {"y": (mean, 0.1)}).df for mean in (5.0, 6.0)]
    made.attach_data(Data(df=pd.concat(rows)))
    assert observations.data_of(made, "y").set_index("arm_name")["mean"]["0_0"] == 6.0


def test_a_space_that_does_not_have_it() -> None:
    made = fill(experiment(space([float_range("a"), float_range("b", 0, 2)])), 6, lambda p: p["a"] + p["b"])
    with pytest.warns(SymmetryWarning, match="The search space does not have it: .*parameter"):
        report = check_symmetry(made, {"blocks": [["a"], ["b"]]})
    assert report.verdict == "contradicted" and report.p == 0.0


def test_too_few_to_tell() -> None:
    report = check_symmetry(fill(experiment(SPACE), 4, even), SYMMETRY)
    assert report.verdict == "undecided" and "nothing can be said" in str(report)


NAN = float("nan")
NOISE = np.random.default_rng(5).normal(size=40).tolist()
NOTHING = {
    "all 0, exact": ([0.0] * 8, 0.0),
    "all 0, sem": ([0.0] * 20, 0.01),
    "all 0, no sem": ([0.0] * 20, NAN),
    "all 1, exact": ([1.0] * 20, 0.0),
    "all 1, no sem": ([1.0] * 20, NAN),
    "large, no sem": ([1e6] * 8, NAN),
    "rounding, exact": ([0.1 + 0.2, 0.3, 0.15 + 0.15, 0.6 / 2, 0.9 / 3] * 4, 0.0),
    "rounding, no sem": ([0.1 + 0.2, 0.3, 0.15 + 0.15, 0.6 / 2, 0.9 / 3] * 4, NAN),
    "rounding of large ones": ([1e8 * (1 + k * 2e-16) for k in range(20)], NAN),
    "too small for Ax to see, exact": ([1e-10 * x for x in NOISE[:20]], 0.0),
    "within their sem, few": ([0.1 * x for x in NOISE[:8]], 0.1),
    "within their sem, many": ([0.1 * x for x in NOISE], 0.1),
    "far within their sem": ([0.01 * x for x in NOISE], 0.1),
    "noise, no sem": (NOISE[:20], NAN),
    "noise about 100, no sem": ([100 + x for x in NOISE], NAN),
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("config", [SYMMETRY, {"blocks": [["a", "b"], ["c", "z"]]}, {"mirror": {"a": 0.5}}], ids=str)
def test_nothing_is_concluded_from_nothing(name: str, config: Any) -> None:
    outcomes, sem = NOTHING[name]
    made = experiment(SPACE)
    for point, outcome in zip(random_points(SPACE, len(outcomes)), outcomes):
        add_trial(made, point, {"y": (outcome, sem)})
    with warnings.catch_warnings():
        warnings.simplefilter("error", SymmetryWarning)
        report = check_symmetry(made, config)
    assert report.verdict == "undecided" and report.says_nothing
    assert "no more than their noise, and nothing can be said" in str(report)


@pytest.mark.parametrize(("function", "verdict"), [(even, "supported"), (odd, "contradicted")])
@pytest.mark.parametrize(
    ("offset", "factor", "sem"), [(0.0, 1.0, 0.0), (1e6, 1.0, 0.0), (0.0, 1e-4, NAN), (1e3, 1.0, NAN)]
)
def test_small_differences_that_are_none_of_noise_still_count(
    function: Any, verdict: str, offset: float, factor: float, sem: float
) -> None:
    made = fill(experiment(SPACE), 25, lambda p: offset + factor * function(p), sem=sem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymmetryWarning)
        report = check_symmetry(made, SYMMETRY)
    assert report.verdict == verdict and not report.says_nothing


def test_noise_alone_by_hand() -> None:
    """Two outcomes differ by noise alone unless their difference is 2.33 of its SD, the normal quantile at 1 %."""
    for sds, alone in ((2.3, True), (2.35, False)):
        assert vary_by_noise_alone([0.0, sds * 5.0], [9.0, 16.0]) is alone
    assert vary_by_noise_alone([1.0], [0.0]) and not vary_by_noise_alone([1.0, 2.0], [NAN, NAN])
    y = np.array([1.0, 3.0, 4.0])
    c, s = np.meshgrid(np.linspace(2, 3.4, 141), np.linspace(0.8, 2, 241))
    best = norm.logpdf(y[:, None, None], c, s).sum(axis=0).max()
    assert log_likelihood_of_a_constant(y) == pytest.approx(best, abs=1e-4)
