"""The fundamental domain against brute force over whole orbits.

One-line bugs that turn this red: the stabilizer not cut down from column to column, in `_stabilizer_chain` or
`_stabilizer_chain_of_blocks`; a block that is fixed still movable; the walls of mirrors left out; `np.minimum` for
`np.maximum` in `distance_to_domain`; the sum of the excesses for their norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import brute_force
import numpy as np
import pytest
from brute_force import GROUPS, PAIRS, SINGLES, mirrors

from ax_symmetry.groups.actions import Action, Factor, gather_images, with_mirror_images
from ax_symmetry.groups.fundamental_domain import distance_to_domain, walls
from ax_symmetry.symmetry import Symmetry

groups = pytest.mark.parametrize("config, order", GROUPS.values(), ids=GROUPS)


def holds(row: Sequence[float], found: list[tuple[int, int]]) -> bool:
    """Tell whether a row is on the inner side of all walls; mirrors are at 0."""
    z = [*row, *(-v for v in row)]
    return all(z[column] <= z[point] for column, point in found)


@groups
@pytest.mark.parametrize("order_by", ["first slot", "last slot"])
def test_walls_hold_for_the_canonical_representative_alone(config: dict[str, Any], order: int, order_by: str) -> None:
    """Of the orbit of a point without ties, one image is inside: the lexicographic minimum."""
    symmetry = Symmetry.from_config(config)
    names = symmetry.parameters
    swapped = [config["blocks"][0][-1]] if order_by == "last slot" and "blocks" in config else []
    comparison_order = symmetry.comparison_order(swapped)
    found = walls(symmetry.action, comparison_order)
    for x in np.random.default_rng(0).normal(size=(5, len(names))).tolist():
        orbit = brute_force.orbit(config, names, x)
        least = min(orbit, key=lambda image: [image[c] for c in comparison_order])
        assert len(orbit) == order
        assert [image for image in orbit if holds(image, found)] == [least]


def test_walls_of_well_known_groups() -> None:
    def walls_of(config: dict[str, Any], *order_by: str) -> set[tuple[int, int]]:
        symmetry = Symmetry.from_config(config)
        return set(walls(symmetry.action, symmetry.comparison_order(order_by)))

    assert walls_of({"blocks": PAIRS}) == {(0, 2), (0, 4), (2, 4)}
    assert walls_of({"blocks": PAIRS}, "b2") == {(1, 3), (1, 5), (3, 5)}
    assert walls_of({"blocks": SINGLES, "group": "cyclic"}) == {(0, 1), (0, 2), (0, 3)}
    assert walls_of({"blocks": SINGLES, "group": "dihedral"}) == {(0, 1), (0, 2), (0, 3), (1, 3)}
    assert walls_of({"blocks": SINGLES, "group": "alternating"}) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)}
    assert walls_of({"mirror": {"a1": 0.0, "a2": 0.0}}) == {(0, 2)}
    signs = {(i, j + 3) for i in range(3) for j in range(i, 3)}
    assert walls_of(GROUPS["B3"][0]) == signs | {(0, 1), (0, 2), (1, 2)}


@pytest.mark.parametrize("flips", list(product([(), (0,), (0, 1, 2), (3,), (0, 3)], [(), (4,)])), ids=str)
def test_walls_of_sorted_blocks_are_those_of_the_group_written_out(flips: tuple[tuple[int, ...], ...]) -> None:
    """Three blocks of two slots, with every kind of mirror: nothing is lost by not writing the permutations out."""
    blocks = ((0, 3), (1, 4), (2, 5))
    swaps = [(1, 0, 2, 4, 3, 5), (0, 2, 1, 3, 5, 4)]
    images = {
        frozenset(3 * (j // 3) + p[j % 3] for j in flip) for flip in flips if flip for p in permutations(range(3))
    }
    mirrored = tuple(
        tuple((j + 6) % 12 if j % 6 in flip else j for j in range(12)) for flip in sorted(images, key=sorted)
    )
    columns = tuple(range(6))
    sorting = Action(6, (Factor(columns, mirrored, blocks),))
    doubled = tuple((*swap, *(j + 6 for j in swap)) for swap in swaps)
    written = Action(6, (Factor(columns, (*doubled, *mirrored)),))
    for comparison_order in ((0, 3, 1, 4, 2, 5), (3, 0, 4, 1, 5, 2), (5, 2, 3, 0, 4, 1)):
        assert sorted(walls(sorting, comparison_order)) == sorted(walls(written, comparison_order))


X, Y = [f"x{i}" for i in range(8)], [f"y{i}" for i in range(8)]


@pytest.mark.parametrize(
    "mirror",
    [
        pytest.param([], id="none"),
        pytest.param(mirrors(X), id="first slots"),
        pytest.param(mirrors(Y), id="last slots"),
        pytest.param([{"x0": 0.0, "y0": 0.0}], id="both slots together"),
        pytest.param([dict.fromkeys(X, 0.0)], id="all first slots together"),
        pytest.param([dict.fromkeys(X[:2], 0.0)], id="even signs"),
        pytest.param([dict.fromkeys(["x0", "z"], 0.0)], id="with an outsider"),
    ],
)
def test_walls_of_groups_too_large_to_write_out(mirror: list[dict[str, float]]) -> None:
    """Eight blocks of two slots: the representative is inside; what a swap or a mirror makes of it is outside."""
    config = {"blocks": [list(block) for block in zip(X, Y)], "mirror": mirror} if mirror else {"blocks": [*zip(X, Y)]}
    symmetry = Symmetry.from_config(config)
    action, comparison_order = symmetry.action, symmetry.comparison_order()
    found = walls(action, comparison_order)
    x = np.random.default_rng(7).normal(size=(5, action.width))
    least = gather_images(x, -x, range(5), action.canonical_points(x, -x, comparison_order))
    swaps = [[*range(i), i + 1, i, *range(i + 2, 8)] for i in range(7)]
    pair = {"blocks": config["blocks"], "group": swaps, "mirror": mirror}
    for row in least.tolist():
        assert holds(row, found)
        for element in brute_force.generators(pair, symmetry.parameters):
            assert not holds(brute_force.image(element, row, 0.0), found)


@groups
def test_distance_is_zero_in_the_closed_domain_alone(config: dict[str, Any], order: int) -> None:
    symmetry = Symmetry.from_config(config)
    action, comparison_order = symmetry.action, symmetry.comparison_order()
    found = walls(action, comparison_order)
    x = np.random.default_rng(1).integers(-2, 3, size=(8, action.width)) / 2
    least = action.canonical_points(x, -x, comparison_order)
    for i, z in enumerate(with_mirror_images(x, -x)):
        distances = distance_to_domain(z, found, action.elements)
        assert [d == 0.0 for d in distances] == [holds(image, found) for image in z[action.elements]]
        assert distance_to_domain(z, found, least[i]) == 0.0


def test_distance_is_the_norm_of_what_exceeds_the_walls() -> None:
    z = np.asarray([5.0, 1.0, 2.0, -5.0, -1.0, -2.0])
    points = np.asarray([[1, 2, 0], [0, 1, 2], [0, 2, 1], [3, 1, 2]])
    sorting = [(0, 1), (0, 2), (1, 2)]
    assert distance_to_domain(z, sorting, points) == pytest.approx([0.0, 5.0, np.sqrt(9 + 16 + 1), 0.0])
    assert distance_to_domain(z, [(0, 3)], points) == pytest.approx([2.0, 10.0, 10.0, 0.0])
    assert distance_to_domain(z, [], points).tolist() == [0.0] * 4
