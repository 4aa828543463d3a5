"""The action on rows of numbers against brute force over all permutations and signs.

One-line bugs that turn this red: `images` keeping every element also where a row has ties; ties looked for between
columns of one slot only and not between a column and a mirrored one (`range(self.width)` for
`factor.reachable_points(j)`); `factorial(c)` forgotten in the multiplicities of equal blocks; blocks sorted by their
last slot first; `points // k` without `self.width *`; the closure of the mirrors under the blocks given up after one
round (in `generated_group`); the rounding of mirrored numbers not forgiven; a swap of neighbouring blocks that leaves
the mirrored points in their places; generators of the first factor alone.
"""

from __future__ import annotations

from collections import Counter
from math import factorial, prod
from typing import Any

import brute_force
import numpy as np
import pytest
from brute_force import A, GROUPS, PAIRS, mirrors, steady
from hypothesis import given
from hypothesis import strategies as st

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Action, Factor, Rows, with_mirror_images, gather_images
from ax_symmetry.groups.permutations import generate
from ax_symmetry.symmetry import Symmetry

groups = pytest.mark.parametrize("config, order", GROUPS.values(), ids=GROUPS)


def names_of(config: dict[str, Any]) -> tuple[str, ...]:
    return Symmetry.from_config(config).parameters


def action_of(config: dict[str, Any]) -> Action:
    return Symmetry.from_config(config).action


def tied_rows(n: int, d: int, seed: int = 0) -> Rows:
    """Draw rows with many ties, points on mirrors, and some without; all numbers are exact under mirrors at 0."""
    rng = np.random.default_rng(seed)
    few = rng.integers(-2, 3, size=(n, d)) / 2
    return np.where(rng.random((n, 1)) < 0.8, few, rng.normal(size=(n, d)))


def rows_of(width: int) -> st.SearchStrategy[Rows]:
    """Make a few rows of `width` small numbers."""
    row = st.lists(st.integers(-3, 3).map(lambda i: i / 4), min_size=width, max_size=width)
    return st.lists(row, min_size=1, max_size=4).map(lambda rows: np.asarray(rows, dtype=float))


@groups
def test_elements_are_those_of_brute_force(config: dict[str, Any], order: int) -> None:
    action, names = action_of(config), names_of(config)
    brute = {tuple(j if s > 0 else j + len(names) for j, s in e) for e in brute_force.elements(config, names)}
    assert {tuple(e) for e in action.elements.tolist()} == brute
    assert len(action.elements) == action.order == len(brute) == order
    assert action.elements[0].tolist() == list(range(len(names)))


@groups
def test_generators_generate_the_group(config: dict[str, Any], order: int) -> None:
    """As elements of the whole row, and as permutations of the points of each factor."""
    action, names = action_of(config), names_of(config)
    generators = [tuple((p % len(names), 1 - 2 * (p // len(names))) for p in e) for e in action.generators.tolist()]
    assert brute_force.closure(generators, len(names)) == brute_force.elements(config, names)
    for factor in action.factors:
        k = len(factor.columns)
        assert len(generate(factor.all_generators)) == factor.order
        elements = {tuple(e[:k]) for e in generate(factor.all_generators).tolist()}
        assert elements == set(map(tuple, factor.elements.tolist()))


@groups
def test_images_are_the_orbit(config: dict[str, Any], order: int) -> None:
    action, names = action_of(config), names_of(config)
    x = tied_rows(12, len(names))
    rows, points = action.images(x, -x)
    images = [tuple(image) for image in gather_images(x, -x, rows, points).tolist()]
    sizes = action.orbit_sizes(x, -x)
    assert rows.tolist() == sorted(rows.tolist())
    assert len(images) == sum(sizes)
    for i, row in enumerate(x.tolist()):
        found = [image for image, r in zip(images, rows) if r == i]
        assert found[0] == tuple(row)
        assert set(found) == brute_force.orbit(config, names, row)
        assert len(found) == len(set(found)) == sizes[i]
        assert order % sizes[i] == 0


@groups
def test_least_is_the_lexicographic_minimum(config: dict[str, Any], order: int) -> None:
    symmetry = Symmetry.from_config(config)
    action, names = symmetry.action, symmetry.parameters
    x = tied_rows(12, len(names), seed=1)
    comparison_order = symmetry.comparison_order()
    least = gather_images(x, -x, range(len(x)), action.canonical_points(x, -x, comparison_order))
    assert np.array_equal(action.canonical_rows(x, -x, comparison_order), least)
    for row, found in zip(x.tolist(), least.tolist()):
        orbit = brute_force.orbit(config, names, row)
        assert tuple(found) == min(orbit, key=lambda image: [image[c] for c in comparison_order])


@groups
def test_a_row_without_ties_has_the_largest_orbit(config: dict[str, Any], order: int) -> None:
    action = action_of(config)
    x = np.random.default_rng(2).normal(size=(5, action.width))
    assert action.orbit_sizes(x, -x) == [order] * 5


def test_ties_and_mirrors_make_orbits_smaller() -> None:
    x = np.asarray([[1.0, 1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    sizes = action_of(GROUPS["B3"][0]).orbit_sizes(x, -x)
    assert sizes == [24, 24, 24, 1, 48]


@steady
@given(st.sampled_from(list(GROUPS)), st.data())
def test_properties_of_orbits(name: str, data: st.DataObject) -> None:
    """Images have the orbit, its size and the canonical representative of the row, which is its own."""
    config, order = GROUPS[name]
    symmetry = Symmetry.from_config(config)
    action, comparison_order = symmetry.action, symmetry.comparison_order()
    x = data.draw(rows_of(action.width))
    before = x.copy()
    g = action.elements[data.draw(st.integers(0, order - 1))]
    moved = gather_images(x, -x, range(len(x)), np.tile(g, (len(x), 1)))

    def orbits(rows: Rows) -> list[set[tuple[float, ...]]]:
        which, points = action.images(rows, -rows)
        images = gather_images(rows, -rows, which, points)
        return [set(map(tuple, images[which == i].tolist())) for i in range(len(rows))]

    def least(rows: Rows) -> Rows:
        return gather_images(rows, -rows, range(len(rows)), action.canonical_points(rows, -rows, comparison_order))

    assert orbits(moved) == orbits(x)
    assert action.orbit_sizes(moved, -moved) == action.orbit_sizes(x, -x) == [len(orbit) for orbit in orbits(x)]
    assert all(order % size == 0 for size in action.orbit_sizes(x, -x))
    assert np.array_equal(least(moved), least(x))
    assert np.array_equal(least(least(x)), least(x))
    assert all(tuple(row) in orbit for row, orbit in zip(least(x).tolist(), orbits(x)))
    assert np.array_equal(x, before)


def test_rows_do_not_depend_on_their_neighbours() -> None:
    action = action_of(GROUPS["B3"][0])
    x = tied_rows(30, 3, seed=3)
    rows, points = action.images(x, -x)
    for i in range(len(x)):
        alone = action.images(x[[i]], -x[[i]])[1]
        assert np.array_equal(points[rows == i], alone)
    assert action.orbit_sizes(x[::-1], -x[::-1]) == action.orbit_sizes(x, -x)[::-1]


def test_no_rows_have_no_images() -> None:
    action = action_of(GROUPS["B3"][0])
    nothing = np.empty((0, 3))
    rows, points = action.images(nothing, nothing)
    assert rows.shape == (0,) and points.shape == (0, 3)
    assert action.orbit_sizes(nothing, nothing) == []
    assert action.canonical_points(nothing, nothing).shape == (0, 3)


def test_permutations_move_numbers_to_the_last_bit() -> None:
    """Subnormal, huge and signed zeros: what comes out are the very bits that went in."""
    action = action_of({"blocks": PAIRS})
    x = np.asarray([[5e-324, -0.0, 0.1 + 0.2, 1e308, np.nextafter(1.0, 2.0), -1e-300]])
    rows, points = action.images(x)
    images = gather_images(x, None, rows, points)
    bits = Counter(x.view(np.int64)[0].tolist())
    assert len(images) == 6
    assert all(Counter(image.view(np.int64).tolist()) == bits for image in images)


def test_zeros_of_either_sign_are_one_number() -> None:
    action = action_of({"blocks": [["a"], ["b"]]})
    x = np.asarray([[0.0, -0.0]])
    assert action.orbit_sizes(x) == [1]
    assert len(action.images(x)[0]) == 1


@pytest.mark.parametrize("row", [[0.9, 0.1], [0.1, 0.9], [0.7, 0.3], [0.1 + 0.2, 0.7]])
def test_rounding_does_not_split_images(row: list[float]) -> None:
    """In exact numbers each of these is a point with four images under signed permutations about 0.5, not eight."""
    config = {"blocks": [["a"], ["b"]], "mirror": mirrors("ab", 0.5)}
    action = action_of(config)
    x = np.asarray([row])
    rows, points = action.images(x, 1.0 - x)
    images = gather_images(x, 1.0 - x, rows, points)
    assert len(images) == 4 == action.orbit_sizes(x, 1.0 - x)[0]
    assert set(images.ravel().tolist()) == set(row)
    least = gather_images(images, 1.0 - images, range(4), action.canonical_points(images, 1.0 - images))
    assert np.ptp(least, axis=0).max() <= 1e-15


def test_rounding_never_repeats_an_image() -> None:
    """1 - 0.1 and 1 - 0.09999999999999998 are one number although 0.1 and 0.09999999999999998 are two."""
    action = action_of({"blocks": [["a"], ["b"]], "mirror": mirrors("ab", 0.5)})
    x = np.asarray([[0.1, 1 - 0.9]])
    rows, points = action.images(x, 1 - x)
    images = list(map(tuple, gather_images(x, 1 - x, rows, points).tolist()))
    assert len(images) == len(set(images)) == action.orbit_sizes(x, 1 - x)[0]


def test_numbers_that_differ_are_kept_apart() -> None:
    x = np.asarray([[0.25, 0.75 + 1e-9]])
    assert with_mirror_images(x, 1 - x)[0].tolist() == [0.25, 0.75 + 1e-9, 0.75, 1 - (0.75 + 1e-9)]
    assert np.isnan(with_mirror_images(x, None)[0, 2:]).all()
    assert np.isnan(with_mirror_images(x, np.full_like(x, np.nan))[0, 2:]).all()


def test_the_order_of_comparison_chooses_the_representative() -> None:
    action = action_of({"blocks": PAIRS})
    x = np.asarray([[2.0, 5.0, 1.0, 7.0, 1.0, 6.0]])  # a1 b1 a2 b2 a3 b3
    by_a = gather_images(x, None, [0], action.canonical_points(x, None, (0, 1, 2, 3, 4, 5)))[0]
    by_b = gather_images(x, None, [0], action.canonical_points(x, None, (1, 0, 3, 2, 5, 4)))[0]
    last_first = gather_images(x, None, [0], action.canonical_points(x, None, (4, 5, 2, 3, 0, 1)))[0]
    assert by_a.tolist() == [1.0, 6.0, 1.0, 7.0, 2.0, 5.0]
    assert by_b.tolist() == [2.0, 5.0, 1.0, 6.0, 1.0, 7.0]
    assert last_first.tolist() == [2.0, 5.0, 1.0, 7.0, 1.0, 6.0]


@pytest.mark.parametrize("mirrored", [False, True])
def test_sorting_and_writing_out_give_one_group(mirrored: bool) -> None:
    """A factor whose blocks are sorted and one with the swaps among its generators are the same group."""
    flips = tuple(tuple((j + 3) % 6 if j % 3 == i else j for j in range(6)) for i in range(3)) if mirrored else ()
    swaps = ((1, 0, 2, 4, 3, 5), (0, 2, 1, 3, 5, 4))
    columns = (3, 0, 2)  # of a row of four
    sorting = Action(4, (Factor(columns, flips, ((0,), (1,), (2,))),))
    written = Action(4, (Factor(columns, (*swaps, *flips)),))
    x = tied_rows(40, 4, seed=4)
    comparison_order = (3, 0, 2, 1)
    assert {tuple(e) for e in sorting.elements.tolist()} == {tuple(e) for e in written.elements.tolist()}
    assert sorting.order == written.order == (48 if mirrored else 6)
    assert sorting.orbit_sizes(x, -x) == written.orbit_sizes(x, -x)
    one, other = (
        gather_images(x, -x, range(40), action.canonical_points(x, -x, comparison_order))
        for action in (sorting, written)
    )
    assert np.array_equal(one, other)
    assert np.array_equal(one[:, 1], x[:, 1])


def multinomial(counts: list[int]) -> int:
    return factorial(sum(counts)) // prod(map(factorial, counts))


def test_twenty_blocks_are_sorted_and_counted_but_not_written_out() -> None:
    names = [f"x{i}" for i in range(20)]
    action = action_of({"blocks": [[name] for name in names]})
    x = np.random.default_rng(5).normal(size=(3, 20))
    x[1] = np.repeat([1.0, 2.0, 3.0, 4.0], [9, 6, 4, 1])
    x[2] = 7.0
    assert action.order == factorial(20)
    assert action.orbit_sizes(x) == [factorial(20), multinomial([9, 6, 4, 1]), 1]
    assert np.array_equal(gather_images(x, None, range(3), action.canonical_points(x)), np.sort(x, axis=1))
    with pytest.raises(SymmetryError, match="2,432,902,008,176,640,000 elements"):
        action.images(x)


def test_ties_of_blocks_are_ties_of_all_their_slots() -> None:
    names = [[f"x{i}", f"y{i}"] for i in range(20)]
    action = action_of({"blocks": names})
    x = np.zeros((2, 20, 2))
    x[0, :, 1] = np.repeat([1.0, 2.0], [15, 5])
    x[1, :, 0], x[1, :, 1] = np.repeat([1.0, 2.0], [10, 10]), np.arange(20) % 5
    assert action.orbit_sizes(x.reshape(2, 40)) == [multinomial([15, 5]), multinomial([2] * 10)]


def test_signed_permutations_are_counted() -> None:
    def signed(m: int) -> Action:
        names = [f"x{i}" for i in range(m)]
        return action_of({"blocks": [[name] for name in names], "mirror": mirrors(names)})

    assert signed(5).order == len(signed(5).elements) == 3_840
    twelve = signed(12)
    assert twelve.order == 2**12 * factorial(12)
    x = np.asarray([np.arange(1.0, 13.0), [0, 0, 0, 1, 1, -1, 2, 2, -2, -2, 3, 4]])
    assert twelve.orbit_sizes(x, -x) == [2**12 * factorial(12), 2**9 * multinomial([3, 3, 4, 1, 1])]
    representatives = gather_images(x, -x, range(2), twelve.canonical_points(x, -x))
    assert np.array_equal(representatives, np.sort(-np.abs(x), axis=1))


def test_independent_factors_multiply() -> None:
    """Two symmetric groups on ten blocks each: neither is written out, sizes are products."""
    first, second = [[f"x{i}"] for i in range(10)], [[f"y{i}"] for i in range(10)]
    action = action_of({"symmetries": [{"blocks": first}, {"blocks": second}]})
    x = np.asarray([np.repeat([1.0, 2.0, 3.0, 4.0], [10, 4, 3, 3])])
    assert action.order == factorial(10) ** 2
    assert action.orbit_sizes(x) == [multinomial([4, 3, 3])]


def test_a_large_group_that_cannot_be_sorted_is_refused() -> None:
    action = action_of({"blocks": [[f"x{i}"] for i in range(9)], "group": "alternating"})
    x = np.arange(9.0)[None]
    assert action.order == factorial(9) // 2
    for method in (action.images, action.canonical_points, action.orbit_sizes):
        with pytest.raises(SymmetryError, match="181,440 elements"):
            method(x)


def test_images_come_from_where_their_points_say() -> None:
    action = action_of({"blocks": [[name] for name in A[:2]], "mirror": mirrors(A[:2], 1.0)})
    x = np.asarray([[0.0, 0.5], [4.0, 8.0]])
    rows, points = action.images(x, 2.0 - x)
    gathered = np.where(points < 2, x[rows[:, None], points % 2], 2.0 - x[rows[:, None], points % 2])
    assert np.array_equal(gather_images(x, 2.0 - x, rows, points), gathered)
    assert set(map(tuple, gathered[rows == 0].tolist())) == brute_force.orbit(
        {"blocks": [["a"], ["b"]], "mirror": mirrors("ab")}, ["a", "b"], [0.0, 0.5], center=1.0
    )
