"""The experiments next to a candidate: all of them, each once, the nearest first.

The oracle is brute force: all configurations that Ax's membership check admits, grouped by orbit.

One-line bugs that turn this file red: walk only through what is allowed; stop at the first shell; count images as
experiments; leave out the parameters that the group does not move, or the constraints on them; call a space finite that
has a continuous parameter; take as many configurations for as many experiments.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry
from ax_symmetry.space.asked import Asked
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.known_arms import experiment_keys
from ax_symmetry.space.lattice import Lattice
from support import choice, float_range, int_range, space

SYMMETRY = Symmetry.from_config({"blocks": [["n1", "c1"], ["n2", "c2"]]})
FULL = [int_range("n1", 0, 3), int_range("n2", 0, 3), choice("c1", ["x", "y"]), choice("c2", ["x", "y"])]
OTHER = [float_range("d", 0.0, 0.2, digits=1), choice("e", ["p", "q", "r"])]


def lattice(search_space: SearchSpace, fixed: Mapping[str, Any]) -> tuple[Lattice, Any]:
    encoding = ParameterEncoding(SYMMETRY, space([*FULL, *OTHER]))
    order = SYMMETRY.comparison_order()

    def key(point: Mapping[str, Any]) -> Any:
        return experiment_keys(encoding, order, encoding.encode_points([point])[1], [point])[0]

    return Asked(encoding, order, search_space, fixed).lattice, key


def configurations(search_space: SearchSpace, fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = [range(4), range(4), "xy", "xy", (0.0, 0.1, 0.2), "pqr"]
    points = [dict(zip(("n1", "n2", "c1", "c2", "d", "e"), row)) for row in product(*values)]
    return [
        p for p in points if search_space.check_membership(p) and all(p[name] == value for name, value in fixed.items())
    ]


CASES: list[tuple[list[Any], list[Any], dict[str, Any]]] = [
    ([*FULL, *OTHER], [], {}),
    ([*FULL, *OTHER], [({"n1": 1.0, "n2": 2.0}, 4.0)], {}),
    ([*FULL, *OTHER], [({"d": 1.0}, 0.1)], {}),
    ([int_range("n1", 1, 2), *FULL[1:], *OTHER], [], {"c2": "y"}),
    ([*FULL, *OTHER], [({"n1": 1.0, "d": 10.0}, 2.0)], {"n2": 3, "e": "q"}),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_all_experiments_are_found_and_no_others(case: int) -> None:
    parameters, constraints, fixed = CASES[case]
    search_space = space(parameters, constraints)
    found_lattice, key = lattice(search_space, fixed)
    expected = {key(p) for p in configurations(search_space, fixed)}
    found, are_all = found_lattice.nearest(found_lattice.somewhere(), set(), n=1000)
    assert are_all and len(found) == len(expected) and {key(p) for p in found} == expected
    assert all(search_space.check_membership(p, raise_error=True) for p in found)
    one, *others = found
    assert found_lattice.nearest(one, {key(p) for p in others}, n=2) == ([one], True)
    assert found_lattice.nearest(one, {key(p) for p in found}) == ([], True)
    assert found_lattice.may_have_fewer_than(len(found) + 1)  # although there are more configurations


def test_many_experiments_are_not_listed() -> None:
    assert not lattice(space([*FULL, *OTHER]), {})[0].may_have_fewer_than(64 * 9 // 2)


def test_the_nearest_comes_first() -> None:
    search_space = space([*FULL, *OTHER])
    found_lattice, key = lattice(search_space, {})
    start = {"n1": 1, "c1": "x", "n2": 1, "c2": "x", "d": 0.1, "e": "q"}
    found, are_all = found_lattice.nearest(start, {key(start)}, n=3)
    assert len(found) == 3 and not are_all
    assert all(sum(p[name] != start[name] for name in start) == 1 for p in found)


def test_a_space_with_a_continuous_parameter_is_never_used_up() -> None:
    search_space = space([*FULL, float_range("d")])
    found_lattice, key = lattice(search_space, {})
    found, are_all = found_lattice.nearest(found_lattice.somewhere(), set(), n=1000)
    assert not are_all and len(found) == 36 and not found_lattice.may_have_fewer_than(10**9)
