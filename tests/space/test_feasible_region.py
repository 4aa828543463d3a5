"""The least image within a region: for groups too large to write out, here written out for the test.

One-line bugs that turn this file red: columns that stay left out of what a constraint allows; only the first factor
searched; a coset that is not tried, or tried after the search has stopped; the candidate given back where the search
found nothing although another order is allowed; a warning where the answer is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry, SymmetryWarning
from ax_symmetry.space import arrangement
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from support import choice, equality, float_range, int_range, space

Array = np.ndarray[Any, Any]


def rows_of(count: int, *names: str) -> list[list[str]]:
    return [[f"{n}{k}" for n in names] for k in range(count)]


def ranges(blocks: Sequence[Sequence[str]], **bounds: tuple[float, float]) -> list[Any]:
    """Make ranges by the letter of the name: n are whole numbers, c choices, others floats."""
    listed: list[Any] = []
    for name in (n for block in blocks for n in block):
        if name[0] == "n":
            listed.append(int_range(name, 0, 4))
        elif name[0] == "c":
            listed.append(choice(name, ["r", "g", "b"]))
        else:
            listed.append(float_range(name, *bounds.get(name, (0.0, 1.0))))
    return listed


EIGHT, PAIRS = rows_of(8, "x"), rows_of(8, "x", "n")
FIVES = [rows_of(5, "x"), rows_of(5, "y", "c")]
CASES: dict[str, tuple[Mapping[str, Any], list[Any], list[Any], dict[str, Any]]] = {
    "a weighted sum": ({"blocks": EIGHT}, ranges(EIGHT), [({f"x{k}": k + 1.0 for k in range(8)}, 16.0)], {}),
    "descending": ({"blocks": EIGHT}, ranges(EIGHT), [({f"x{k + 1}": 1.0, f"x{k}": -1.0}, 0.3) for k in range(7)], {}),
    "fixed and a sum": (
        {"blocks": EIGHT}, ranges(EIGHT), [({f"x{k}": k + 1.0 for k in range(8)}, 20.0)], {"x2": 0.75, "x6": 0.125},
    ),
    "two slots, two sums": (
        {"blocks": PAIRS}, ranges(PAIRS, x5=(0.3, 0.9)),
        [({f"x{k}": 8.0 - k for k in range(8)} | {"n0": 0.5}, 18.0), ({"n1": 1.0, "n2": 2.0, "x3": 2.0}, 5.0)], {},
    ),
    "fixed in two slots": (
        {"blocks": PAIRS}, ranges(PAIRS), [({"n7": 1.0, "n0": -1.0}, 0.0)], {"x3": 0.5, "n5": 2},
    ),
    "tied to another parameter": (
        {"blocks": EIGHT}, [*ranges(EIGHT), float_range("z")],
        [({"x0": 1.0, "x1": 2.0, "z": -2.0}, 0.5), ({"x7": 1.0, "z": 1.0}, 1.2)], {},
    ),
    "two factors tied": (
        {"symmetries": [{"blocks": block} for block in FIVES]}, ranges([*FIVES[0], *FIVES[1]]),
        [({"x0": -1.0, "y0": -1.0}, -1.1), ({"x1": 1.0, "x0": -1.0, "y1": 1.0}, 0.6)], {"c2": "g"},
    ),
    "tied to a mirror": (
        {"symmetries": [{"blocks": EIGHT}, {"mirror": [{"w0": 0.5}]}]}, ranges([*EIGHT, ["w0"]]),
        [({"x0": -1.0, "w0": -1.0}, -1.0), ({"x1": 1.0, "x2": 1.0, "w0": 1.0}, 1.1)], {},
    ),
    "mirrors": (
        {"symmetries": [{"blocks": rows_of(6, "x")}, {"mirror": [{f"x{k}": 0.5} for k in range(6)]}]},
        ranges(rows_of(6, "x")), [({"x1": -1.0, "x0": -1.0}, -0.9), ({"x5": 1.0, "x4": -1.0}, -0.05)], {},
    ),
}


def brute_force(config: Mapping[str, Any], names: Sequence[str], row: Array) -> Array:
    """Write out the orbit of a row: every order of each list of blocks, and every set of mirrors."""
    images = row[None]
    for part in config.get("symmetries", [config]):
        if "mirror" in part:
            flipped = [[names.index(n) for n in mirror] for mirror in part["mirror"]]
            images = np.concatenate([
                np.where(np.isin(np.arange(len(names)), [c for c, s in zip(flipped, signs) if s]), 1.0 - images, images)
                for signs in product([0, 1], repeat=len(flipped))
            ])
        else:
            blocks = np.asarray([[names.index(n) for n in block] for block in part["blocks"]])
            orders = np.asarray(list(permutations(range(len(blocks)))))
            moved = np.repeat(images[:, None], len(orders), axis=1)
            moved[:, :, blocks.ravel()] = images[:, blocks[orders].reshape(len(orders), -1)]
            images = moved.reshape(-1, len(names))
    return images


def region_of(
    config: Mapping[str, Any], listed: Sequence[Any], constraints: Sequence[Any], fixed: Mapping[str, Any]
) -> tuple[ParameterEncoding, FeasibleRegion]:
    """Make the encoding of the whole space and the region that is asked for."""
    whole = space([float_range(p.name) if type(p) is type(float_range("x")) and isinstance(p.lower, float) else p
                   for p in listed])
    encoding = ParameterEncoding(Symmetry.from_config(config), whole)
    return encoding, FeasibleRegion(encoding, space(listed, constraints), fixed)


def found(
    encoding: ParameterEncoding, region: FeasibleRegion, x: Array, others: Mapping[str, Any]
) -> tuple[Any, Array]:
    symmetry = encoding.symmetry
    return region.least_image(symmetry.action, x, symmetry.comparison_order(), [others] * len(x))


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_first_of_the_orbit_that_is_inside(case: str) -> None:
    config, listed, constraints, fixed = CASES[case]
    encoding, region = region_of(config, listed, constraints, fixed)
    names, rng = list(encoding.symmetry.parameters), np.random.default_rng(0)
    order = list(encoding.symmetry.comparison_order())
    outside, inside_count = 0, 0
    for _ in range(12):
        row = np.asarray([rng.integers(5) if n[0] == "n" else rng.integers(3) if n[0] == "c" else
                          np.round(rng.random(), 3) for n in names], dtype=float)
        for name, value in fixed.items():
            row[names.index(name)] = encoding.encode_value(name, value)
        others = {"z": float(rng.random())}
        images = brute_force(config, names, row)
        good = np.ones(len(images), dtype=bool)
        for p in listed:
            if p.name in names and hasattr(p, "lower"):
                column = images[:, names.index(p.name)]
                good &= (column >= p.lower - 1e-12) & (column <= p.upper + 1e-12)
        for name, value in fixed.items():
            good &= np.abs(images[:, names.index(name)] - encoding.encode_value(name, value)) <= 1e-12
        for weights, bound in constraints:
            total = sum(w * (images[:, names.index(n)] if n in names else others[n]) for n, w in weights.items())
            good &= total <= bound + 1e-9
        allowed = images[good]
        with warnings.catch_warnings():
            warnings.simplefilter("error", SymmetryWarning)
            (inside,), (image,) = found(encoding, region, row[None], others)
        assert inside == bool(len(allowed))
        wanted = allowed[np.lexsort(allowed[:, order].T[::-1])[0]] if inside else row
        assert np.allclose(image, wanted, rtol=0, atol=1e-12)
        inside_count += inside
        outside += not np.array_equal(np.sort(wanted), wanted)
        if inside:  # another member of the orbit, inside or not, has the same one, and so has the image itself
            others_of_orbit = np.stack([image, *images[rng.integers(len(images), size=3)]])
            reached, again = found(encoding, region, others_of_orbit, others)
            assert reached.all() and np.allclose(again, image, rtol=0, atol=1e-12)
    assert inside_count >= 4 and outside  # the case says something


LARGE = {
    "a weighted sum": lambda m: [({f"x{k}": k + 1.0 for k in range(m)}, 0.23 * m * (m + 1))],
    "descending": lambda m: [({f"x{k + 1}": 1.0, f"x{k}": -1.0}, 0.0) for k in range(m - 1)],
    "two sums and an order": lambda m: [
        ({f"x{k}": k + 1.0 for k in range(m)}, 0.24 * m * (m + 1)),
        ({f"x{k}": float(m - k) for k in range(0, m, 2)}, 0.16 * m * (m + 1)),
        ({"x2": 1.0, "x1": -1.0}, 0.0),
    ],
}


@pytest.mark.parametrize("case", LARGE)
@pytest.mark.parametrize("m, slots", [(12, ("x",)), (12, ("x", "y", "n")), (20, ("x",)), (20, ("x", "y"))])
def test_all_members_of_a_large_orbit_have_one_image(case: str, m: int, slots: tuple[str, ...]) -> None:
    blocks, constraints = rows_of(m, *slots), LARGE[case](m)
    encoding, region = region_of({"blocks": blocks}, ranges(blocks), constraints, {})
    rng = np.random.default_rng(m)
    for _ in range(3):
        row = np.round(rng.random((m, len(slots))), 3)
        row[:, [s == "n" for s in slots]] = rng.integers(0, 5, (m, slots.count("n")))
        members = np.stack([row[rng.permutation(m)].ravel() for _ in range(3)])
        with warnings.catch_warnings():
            warnings.simplefilter("error", SymmetryWarning)
            inside, images = found(encoding, region, members, {})
            assert inside.all() and (images == images[0]).all() and region.contains(images[:1], {})[0]
            assert np.array_equal(found(encoding, region, images[:1], {})[1], images[:1])
        assert sorted(images[0].reshape(m, -1).tolist()) == sorted(row.tolist())


def test_where_the_search_gives_up_the_candidate_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A weighted sum that has to be met exactly: the candidate is allowed, and places that are alike are sorted."""
    blocks, rng = rows_of(12, "x"), np.random.default_rng(0)
    row = rng.random(12)
    total = sum((k // 2 + 1) * v for k, v in enumerate(row.tolist()))
    constraint = equality(" + ".join(f"{k // 2 + 1}*x{k}" for k in range(12)) + f" == {total!r}")
    if constraint is None:
        pytest.skip("this Ax has no equality constraints")
    monkeypatch.setattr(arrangement, "NODES", 200)
    encoding = ParameterEncoding(Symmetry.permutation(blocks), space(ranges(blocks)))
    asked: SearchSpace = space(ranges(blocks))
    asked.add_parameter_constraints([constraint])
    region = FeasibleRegion(encoding, asked)
    swapped = row.reshape(6, 2)[:, ::-1].ravel()
    with pytest.warns(SymmetryWarning, match="may have missed.*comes back in another one that is allowed"):
        inside, images = found(encoding, region, np.stack([row, swapped]), {})
    assert inside.all() and np.array_equal(images[0], np.sort(row.reshape(6, 2), axis=1).ravel())
    assert np.array_equal(images[0], images[1])
    outside = row[rng.permutation(12)]
    with pytest.warns(SymmetryWarning, match="found no order of.*though there may be one.*as it was generated"):
        inside, images = found(encoding, region, outside[None], {})
    assert not inside.any() and np.array_equal(images[0], outside)


@pytest.mark.parametrize("tied", [False, True])
def test_many_factors_that_one_constraint_ties_are_told_of(tied: bool) -> None:
    """Too many to be searched at once; one after the other they may miss the least image, if a constraint ties them."""
    x, y = rows_of(7, "x"), rows_of(7, "y")
    parts = [{"symmetries": [{"blocks": blocks}, {"mirror": [{name: 0.5} for block in blocks for name in block]}]}
             for blocks in (x, y)]
    made = space(ranges([*x, *y]))
    encoding = ParameterEncoding(Symmetry.from_config({"symmetries": parts}), made)
    broken = [({"x0": -1.0, "y0": -1.0}, -1.1)] if tied else [({"x0": -1.0}, -0.6), ({"y0": -1.0}, -0.6)]
    region = FeasibleRegion(encoding, space(ranges([*x, *y]), broken))
    row = np.random.default_rng(0).uniform(0.0, 0.45, 14)
    row[[0, 7]] = 0.7
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inside, images = found(encoding, region, row[None], {})
    assert inside.all() and region.contains(images, {})[0]
    assert [issubclass(one.category, SymmetryWarning) for one in caught] == [True] * tied
