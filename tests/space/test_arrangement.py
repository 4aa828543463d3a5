"""Contents in places under linear constraints: the least arrangement, against all of them and against derivations.

One-line bugs that turn this file red: a content that is taken though the rest cannot be placed any more; equal contents
told apart; paths from the wrong end in `_least_sums`; a multiplier that may be negative, or moves the wrong
way; `close` or `confine` left out (descending chains then take long); an order the wrong way round; a place that is not
told from another in `sorted_among_alike`.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from ax_symmetry.space.arrangement import NODES, Arrangement, sorted_among_alike
from hypothesis import given, settings
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]
SLACK = 1e-8


def made(values: Array, weights: Array, limits: Array, fitting: Array | None = None) -> Arrangement:
    """Make the arrangements of blocks `m x slots` with weights `J x m x slots` by place."""
    m = len(values)
    ranks = np.tile(np.unique(values, axis=0, return_inverse=True)[1].reshape(-1, 1), (1, m))
    added = np.einsum("cs,jps->jcp", values, weights)
    return Arrangement(ranks, np.ones((m, m), dtype=bool) if fitting is None else fitting, added, limits)


def blocks(rng: np.random.Generator, m: int, slots: int, coarse: bool = False) -> Array:
    """Draw contents, ascending; coarse ones have ties."""
    values = rng.integers(0, 4, (m, slots)).astype(float) if coarse else rng.random((m, slots))
    return values[np.lexsort(values.T[::-1])]


def random_weights(rng: np.random.Generator, m: int, slots: int) -> Array:
    """Draw the weights of one constraint: an order of two places, few of either sign, or many that are positive."""
    kind, weights = rng.integers(3), np.zeros((m, slots))
    if kind == 0 and m > 1:
        low, high = rng.choice(m, 2, replace=False)
        slot = rng.integers(slots)
        weights[low, slot], weights[high, slot] = rng.uniform(0.5, 2.0) * np.array([1.0, -1.0])
        return weights
    weights = rng.normal(size=(m, slots)) * (rng.random((m, slots)) < 0.6)
    return np.abs(np.round(weights, 1)) if kind == 1 else weights


def listed(arrangement: Arrangement) -> list[int] | None:
    """Find the least arrangement among all."""
    m = len(arrangement.ranks)
    orders, places = np.array(list(permutations(range(m)))), np.arange(m)
    allowed = arrangement.fitting[orders, places].all(axis=1)
    for added, limit in zip(arrangement.added, arrangement.limits):
        allowed &= added[orders, places].sum(axis=1) <= limit
    kinds = arrangement.ranks[orders[allowed], 0]
    return list(kinds[np.lexsort(kinds.T[::-1])[0]]) if len(kinds) else None


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_the_least_of_all(seed: int) -> None:
    """Up to seven blocks of three slots, ties, up to five constraints, contents that do not fit everywhere."""
    rng = np.random.default_rng(seed)
    m, slots, j = int(rng.integers(1, 8)), int(rng.integers(1, 4)), int(rng.integers(0, 6))
    values, allowed = blocks(rng, m, slots, coarse=bool(rng.random() < 0.4)), rng.permutation(m)
    weights = np.stack([random_weights(rng, m, slots) for _ in range(j)]) if j else np.zeros((0, m, slots))
    room = np.where(rng.random(j) < 0.5, 0.0, rng.normal(size=j))
    limits = np.einsum("ps,jps->j", values[allowed], weights) + room + SLACK
    kinds = np.unique(values, axis=0, return_inverse=True)[1].reshape(-1)
    fitting = (rng.random((m, m)) < 0.8)[kinds] if rng.random() < 0.5 else np.ones((m, m), dtype=bool)
    arrangement = made(values, weights, limits, fitting)
    found, wanted = arrangement.solve(), listed(arrangement)
    assert arrangement.settled
    assert (None if found is None else list(arrangement.ranks[found, 0])) == wanted


def least_under_one_sum(values: Array, weights: Array, limit: float) -> list[float]:
    """Fill the places in order; the rest adds least if great weights meet small numbers (rearrangement inequality)."""
    left, filled, spent = sorted(values.tolist()), [], 0.0
    for place in range(len(values)):
        for k, number in enumerate(left):
            rest, heavy = left[:k] + left[k + 1:], sorted(weights[place + 1:].tolist(), reverse=True)
            if spent + weights[place] * number + np.dot(rest, heavy) <= limit:
                break
        filled.append(left.pop(k))
        spent += weights[place] * filled[-1]
    return filled


@pytest.mark.parametrize("m", [8, 12, 20])
def test_one_weighted_sum(m: int) -> None:
    rng = np.random.default_rng(m)
    for _ in range(10):
        values, weights = blocks(rng, m, 1), rng.normal(size=(m, 1))
        limit = float((rng.permutation(values) * weights).sum()) + SLACK
        arrangement = made(values, weights[None], np.array([limit]))
        found = arrangement.solve()
        assert values[found, 0].tolist() == least_under_one_sum(values[:, 0], weights[:, 0], limit)
        assert arrangement.settled and arrangement.examined == m + 1


@pytest.mark.parametrize("m", [8, 12, 20])
@pytest.mark.parametrize("slots", [1, 3])
def test_a_descending_chain(m: int, slots: int) -> None:
    """One order is allowed, that of the chain, up to ties; as many partial ones are examined as there are places."""
    rng = np.random.default_rng(m)
    weights = np.zeros((m - 1, m, slots))
    for k in range(m - 1):
        weights[k, k + 1, -1], weights[k, k, -1] = 1.0 + k, -1.0 - k
    values = blocks(rng, m, slots)
    arrangement = made(values, weights, np.full(m - 1, SLACK))
    found = arrangement.solve()
    assert values[found, -1].tolist() == sorted(values[:, -1].tolist(), reverse=True)
    assert arrangement.settled and arrangement.examined == m + 1


def test_a_partial_order() -> None:
    """x9 <= x0 and x8 <= x0: x0 is the third least at best; x5 <= x4 <= x3 then costs two more."""
    weights = np.zeros((4, 10, 1))
    for k, (low, high) in enumerate([(9, 0), (8, 0), (5, 4), (4, 3)]):
        weights[k, low], weights[k, high] = 1.0, -1.0
    values = np.arange(10.0)[:, None]
    found = made(values, weights, np.full(4, SLACK)).solve()
    assert values[found, 0].tolist() == [2.0, 3.0, 4.0, 7.0, 6.0, 5.0, 8.0, 9.0, 0.0, 1.0]


@pytest.mark.parametrize("m, slots", [(8, 1), (12, 2), (20, 1), (20, 3)])
def test_several_constraints_of_many_blocks(m: int, slots: int) -> None:
    """What is found keeps them; no swap of two blocks, and no turn of three, that keeps them comes before it."""
    rng = np.random.default_rng(m + slots)
    examined = []
    for _ in range(6):
        values = blocks(rng, m, slots)
        weights = np.stack([random_weights(rng, m, slots) for _ in range(4)])
        limits = np.einsum("ps,jps->j", rng.permutation(values), weights) + 0.1 + SLACK
        arrangement = made(values, weights, limits)
        found = arrangement.solve()
        assert arrangement.settled and sorted(found) == list(range(m))
        examined.append(arrangement.examined)
        neighbours = []
        for i, j, k in permutations(range(m), 3):
            turned = found.copy()
            turned[[i, j, k]] = found[[j, k, i]] if k > j else found[[j, i, k]]
            neighbours.append(turned)
        sums = arrangement.added[:, np.asarray([found, *neighbours]), np.arange(m)].sum(axis=2)
        allowed = (sums <= limits[:, None]).all(axis=0)
        assert allowed[0] and min(n.tolist() for n, a in zip([found, *neighbours], allowed) if a) == found.tolist()
    assert np.median(examined) <= 2 * m


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_two_sums_of_which_either_alone_can_be_kept(factor: int) -> None:
    """The first plus the second times a factor is the sum of all contents: the multipliers find out at once."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        values, second = blocks(rng, 9, 1), rng.normal(size=(9, 1))
        weights = np.stack([1 - factor * second, second])
        limits = np.einsum("ps,jps->j", rng.permutation(values), weights) - 0.3
        arrangement = made(values, weights, limits)
        assert arrangement.solve() is None and arrangement.settled and arrangement.examined == 1


def test_what_cannot_be() -> None:
    values = np.array([[1.0], [2.0], [3.0]])
    weights = np.array([[[1.0], [1.0], [0.0]], [[0.0], [0.0], [1.0]]])
    arrangement = made(values, weights, np.array([3.5, 2.5]))  # the first two make 3, so that the last is the 3
    assert arrangement.solve() is None and arrangement.settled
    nowhere = np.ones((3, 3), dtype=bool)
    nowhere[2] = False
    assert made(values, weights[:0], np.empty(0), nowhere).solve() is None
    crowded = np.array([[True, False, False], [True, False, False], [True, True, True]])
    assert made(values, weights[:0], np.empty(0), crowded).solve() is None
    circle = np.zeros((2, 3, 1))
    circle[0, 0], circle[0, 1], circle[1, 1], circle[1, 0] = 1.0, -1.0, 1.0, -1.0
    assert made(values, circle, np.array([-0.5, -0.5])).solve() is None


def test_it_gives_up_and_says_so() -> None:
    """A weighted sum that must have one value is a puzzle."""
    rng = np.random.default_rng(0)
    values, weights = blocks(rng, 14, 1), rng.normal(size=(14, 1))
    total = float((rng.permutation(values) * weights).sum())
    arrangement = made(values, np.stack([weights, -weights]), np.array([total + 1e-12, -total + 1e-12]))
    assert arrangement.solve() is None and not arrangement.settled and arrangement.examined >= NODES


def test_contents_are_sorted_among_places_that_are_alike() -> None:
    weights = np.array([[[1.0], [2.0], [1.0], [2.0], [1.0]]])
    fitting = np.ones((5, 5), dtype=bool)
    fitting[0, 4] = False
    arrangement = made(np.arange(5.0)[:, None], weights, np.array([30.0]), fitting)
    choice = sorted_among_alike(np.array([4, 3, 2, 1, 0]), fitting, arrangement.added)
    assert choice.tolist() == [2, 1, 4, 3, 0]
