"""Which symmetries the data suggest: the right one first, none where there is none, and how sure it is.

One-line bugs that turn this file red: rank by fewest images; stop after the first part; drop the prior of many
hypotheses, or that over their kinds; suggest what the data contradict; glance without the normalisation, or with untied
lengthscales; take the mirror image of the last observation alone; suggest what is true of equal outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.symmetry import Blocks, Mirror
from ax_symmetry.diagnostics import check_symmetry, suggest_symmetries
from ax_symmetry.diagnostics.possible_symmetries import extended, mirrors, swaps
from ax_symmetry.diagnostics.suggest_symmetries import QuickLikelihood, log_odds
from brute_force import closure, generators
from cases import EXCHANGEABLE, even
from scipy.stats import multivariate_normal
from support import add_trial, choice, experiment, fill, float_range, random_points, space

SPACE = space([float_range(name) for name in "abcz"])


def odd(p: Mapping[str, Any]) -> float:
    """Have no symmetry."""
    return float(np.sin(5 * p["a"]) + 2 * (p["b"] - 0.3) ** 2 - p["c"] + p["z"] * p["a"] + np.exp(p["z"]))


def group(config: Mapping[str, Any], names: list[str]) -> set[Any]:
    """Return all elements of a group."""
    return closure(generators(config, names), len(names))


def test_the_true_group_comes_first() -> None:
    made = fill(experiment(SPACE), 30, even, sem=0.05)
    found = suggest_symmetries(made)
    assert group(found[0].symmetry, list("abcz")) == group(EXCHANGEABLE, list("abcz"))
    assert found[0].probability > 0.9 and found[0].report.verdict == "supported"
    assert "  6 images; probability" in str(found[0])
    assert str(found[0]).startswith('{"blocks": ') and f"{found[0].tried} groups" in str(found[0])
    shares = [suggestion.probability for suggestion in found]
    assert shares == sorted(shares, reverse=True) and sum(shares) <= 1 + 1e-12
    assert len(made.trials) == 30


def test_parts_are_put_together() -> None:
    """Two parameters trade places and a third has a mirror."""
    made = experiment(SPACE)
    for point in random_points(SPACE, 40):
        value = np.sin(4 * point["a"]) * np.sin(4 * point["b"]) + (point["c"] - 0.5) ** 2 * 6 - point["z"]
        add_trial(made, point, {"y": (float(value), 0.03)})
    found = suggest_symmetries(made)
    true = {"symmetries": [{"blocks": [["a"], ["b"]]}, {"mirror": {"c": 0.5}}]}
    assert Symmetry.from_config(found[0].symmetry).order == 4
    assert {type(part) for part in Symmetry.from_config(found[0].symmetry).parts} == {Blocks, Mirror}
    point = {"a": 0.1, "b": 0.7, "c": 0.2, "z": 0.3}
    images = [Symmetry.from_config(config).orbit(point) for config in (true, found[0].symmetry)]
    key = [sorted(tuple(round(image[n], 12) for n in "abcz") for image in orbit) for orbit in images]
    assert key[0] == key[1]


@pytest.mark.parametrize("config, parameters, truth", [
    (
        {"scale": {"a": 1, "b": 1}}, [float_range(n, 0.1, 10.0, log_scale=True) for n in "abc"],
        lambda p: np.sin(np.log(p["a"] / p["b"])) + 0.3 * np.log(p["c"]),
    ),
    (
        {"shift": {"a": 1, "b": 1, "c": 1}}, [float_range(n, 0.0, 4.0) for n in "abc"],
        lambda p: np.sin(p["a"] - p["b"]) + np.cos(p["c"] - p["b"]),
    ),
    (
        {"period": {"phi": 90.0}}, [float_range("phi", 0.0, 360.0), float_range("r")],
        lambda p: np.cos(np.radians(4 * p["phi"])) * p["r"] + np.sin(np.radians(4 * p["phi"])),
    ),
])
def test_ratios_differences_and_angles(config: Any, parameters: Any, truth: Any) -> None:
    made, rng = experiment(space(parameters)), np.random.default_rng(0)
    for _ in range(40):
        point = {}
        for p in parameters:
            ends = np.log([p.lower, p.upper]) if p.log_scale else np.asarray([p.lower, p.upper])
            value = rng.uniform(*ends)
            point[p.name] = float(np.exp(value) if p.log_scale else value)
        add_trial(made, point, {"y": (float(truth(point)), 0.03)})
    found = suggest_symmetries(made)
    assert found[0].symmetry == config and found[0].probability > 0.9 and found[0].report.verdict == "supported"
    assert "infinitely many images" in str(found[0])


def test_nothing_where_there_is_nothing() -> None:
    assert suggest_symmetries(fill(experiment(SPACE), 30, odd, sem=0.05)) == []
    one = space([float_range("a", 0.1, 1.0, log_scale=True), choice("s", ["x", "y", "z"])])
    lonely = experiment(one)
    for point in random_points(one, 8):
        add_trial(lonely, point, {"y": (point["a"], 0.1)})
    assert suggest_symmetries(lonely) == []  # no two domains are alike


def test_how_sure_it_is() -> None:
    """Of two groups of as many parts, the odds are the ratio of their marginal likelihoods."""
    found = suggest_symmetries(fill(experiment(SPACE), 20, even, sem=0.1))
    assert len(found) > 1
    for one, other in zip(found, found[1:]):
        assert {len(Symmetry.from_config(s.symmetry).parts) for s in (one, other)} == {1}
        odds = log(one.probability / other.probability)
        assert odds == pytest.approx(one.report.gain - other.report.gain, abs=0.05)


def test_one_of_many_must_be_likelier_than_one_alone() -> None:
    """Of three kinds, equally probable beforehand, one lets parameters trade places: 6 pairs, 4 triples, and all."""
    few = fill(experiment(SPACE), 12, even, sem=0.1)
    gain = check_symmetry(few, EXCHANGEABLE).gain
    assert 1 < gain < log(3 * 11) - 0.5
    assert suggest_symmetries(few) == []
    more = suggest_symmetries(fill(experiment(SPACE), 14, even, sem=0.1))
    assert more and more[0].report.gain > log(3 * 11)
    for suggestion in more:
        odds = log(suggestion.probability / (1 - suggestion.probability))
        assert odds <= suggestion.report.gain - log(3 * 11) + 0.05


def test_beforehand_no_symmetry_is_as_probable_as_all_groups_together() -> None:
    """Each of the three kinds has a third of it, in equal shares; of two parts the odds are multiplied."""
    pairs = swaps(SPACE)
    single = [*mirrors(SPACE), *pairs, *extended((("a",), ("b",)), SPACE)]
    both = (single[0], pairs[0])
    odds = {parts: exp(found) for parts, found in log_odds(
        {**{(part,): 0.0 for part in single}, both: 0.0}, [both, *((part,) for part in single)]).items()}
    kinds = {(part,): len(part.symmetric_blocks[0]) if part.symmetric_blocks else 0 for part in single}
    for kind, number in enumerate((4, 8, 3)):
        own = [odds[parts] for parts in kinds if kinds[parts] == kind]
        assert own == pytest.approx([1 / 3 / number] * number)
    assert odds[both] == pytest.approx(odds[(single[0],)] * odds[(pairs[0],)])


def test_one_hot_columns() -> None:
    made = experiment(space([choice("s", list("xyz"), is_ordered=False), choice("t", list("xyz"), is_ordered=False)]))
    worth = {"x": 0.0, "y": 1.0, "z": 3.0}
    for s in "xyz":
        for t in "xyz":
            add_trial(made, {"s": s, "t": t}, {"y": (worth[s] * worth[t] - abs(worth[s] - worth[t]), 0.05)})
    (suggestion,) = suggest_symmetries(made)
    assert Symmetry.from_config(suggestion.symmetry).parameters == ("s", "t")


def test_a_glance_is_the_marginal_likelihood_of_the_normalised_average() -> None:
    made = fill(experiment(SPACE), 9, even, sem=0.1)
    adapter = get_botorch(made, made.lookup_data())
    model = fitted_model(adapter)
    names, x, y = list(adapter.parameters), model.train_inputs[0].numpy(), model.train_targets.numpy()
    noise, mean = np.diag(model.likelihood.noise.detach().numpy()), np.full(9, model.mean_module.constant.item())
    fresh = space([float_range(name) for name in "abcz"])
    glance = QuickLikelihood(adapter, fresh)
    config = {"symmetries": [{"blocks": [["a"], ["b"]]}, {"mirror": {"z": 0.5}}]}
    found = glance((Blocks((("a",), ("b",))), Mirror((("z", 0.5),))))

    length = dict(zip(names, model.covar_module.lengthscale.detach().numpy()[0]))
    length["a"] = length["b"] = (length["a"] * length["b"]) ** 0.5
    scales = np.array([length[name] for name in names])

    def entries(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (((one[:, None] - other[None]) / scales) ** 2).sum(axis=-1))

    total = np.zeros((9, 9))
    for element in group(config, names):
        image = np.stack([x[:, j] if sign > 0 else 1 - x[:, j] for j, sign in element], axis=1)
        total = total + entries(x, image)
    averaged = total / np.sqrt(np.outer(total.diagonal(), total.diagonal()))
    own = model.covar_module(model.train_inputs[0]).to_dense().detach().numpy()
    wanted = multivariate_normal(mean, averaged + noise).logpdf(y) - multivariate_normal(mean, own + noise).logpdf(y)
    assert found == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize(("spread", "sem", "n"), [
    (0.0, 0.0, 8), (0.0, 0.01, 20), (0.0, float("nan"), 20), (1e-16, 0.0, 20), (0.1, 0.1, 20), (1.0, float("nan"), 20),
])
def test_nothing_is_suggested_by_nothing(spread: float, sem: float, n: int) -> None:
    """Outcomes that are equal, but for rounding or noise, would suggest that everything trades places."""
    noise = np.random.default_rng(5).normal(size=n)
    for made in (experiment(SPACE), experiment(space([choice(name, [0.0, 1.0, 2.0]) for name in "ab"]))):
        for point, deviation in zip(random_points(made.search_space, n), noise):
            add_trial(made, point, {"y": (1.0 + spread * float(deviation), sem)})
        assert suggest_symmetries(made) == []


def test_too_few_suggest_nothing() -> None:
    assert suggest_symmetries(fill(experiment(SPACE), 4, even, sem=0.01)) == []
