"""Permutation groups against their definitions, against the axioms, and against orders that books give.

One-line bugs that turn this red: the breadth-first search stops after its first step (`frontier = []`); `len(seen) >=
limit` instead of `>`; the three-cycles of the alternating group made transpositions; the reversal missing from the
dihedral group; `is_permutation` taking True for 1; the identity not listed first; `compose` the other way round.
"""

from __future__ import annotations

from itertools import product
from math import factorial

import pytest
from brute_force import closure, named_group, steady
from hypothesis import given
from hypothesis import strategies as st

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.permutations import (
    NAMED_GROUPS, compose, generate, inverse, is_permutation, named_generators, order, too_large
)

Permutation = tuple[int, ...]

ORDERS = {
    "symmetric": factorial,
    "alternating": lambda m: factorial(m) // 2,
    "cyclic": lambda m: m,
    "dihedral": lambda m: 2 * m if m > 2 else 2,
}
# Every named group on up to six positions that moves something.
SMALL = [(name, m) for name in NAMED_GROUPS for m in range(2, 7) if (name, m) != ("alternating", 2)]


@steady
@given(st.permutations(range(5)), st.permutations(range(5)))
def test_composition_and_inverse(p: list[int], q: list[int]) -> None:
    """Moved by p, then by q."""
    by_p = ["abcde"[i] for i in p]
    assert [by_p[i] for i in q] == ["abcde"[i] for i in compose(tuple(p), tuple(q))]
    assert compose(tuple(p), inverse(tuple(p))) == compose(inverse(tuple(p)), tuple(p)) == tuple(range(5))


def written_out(generators: list[Permutation]) -> list[Permutation]:
    return [tuple(row) for row in generate(generators).tolist()]


def cycles(m: int, *moved: tuple[int, ...]) -> Permutation:
    """Write a permutation of 0 ... m - 1 in one-line notation, given its cycles of 1-based positions."""
    p = list(range(m))
    for cycle in moved:
        for i, j in zip(cycle, (*cycle[1:], cycle[0])):
            p[i - 1] = j - 1
    return tuple(p)


def is_group(elements: set[Permutation], m: int) -> bool:
    """Check the axioms one by one; composition of permutations is associative by itself."""
    compositions = {tuple(p[i] for i in q) for p, q in product(elements, repeat=2)}
    inverses = {tuple(p.index(i) for i in range(m)) for p in elements}
    return tuple(range(m)) in elements and compositions <= elements and inverses <= elements


@pytest.mark.parametrize(
    "elements",
    [
        pytest.param({(1, 0, 2)}, id="no identity"),
        pytest.param({(0, 1, 2), (1, 2, 0)}, id="no inverse"),
        pytest.param({(0, 1, 2), (1, 0, 2), (0, 2, 1)}, id="not closed"),
        pytest.param(set(), id="empty"),
    ],
)
def test_the_check_of_the_axioms_can_fail(elements: set[Permutation]) -> None:
    assert not is_group(elements, 3)


@pytest.mark.parametrize("name, m", SMALL)
def test_named_groups_are_what_their_names_say(name: str, m: int) -> None:
    generators = list(named_generators(name, m))
    elements = written_out(generators)
    assert set(elements) == named_group(name, m)
    assert len(elements) == len(set(elements)) == order(generators) == ORDERS[name](m)
    assert elements[0] == tuple(range(m))
    assert all(p != tuple(range(m)) for p in generators)


@pytest.mark.parametrize("name, m", [(name, m) for name, m in SMALL if m < 6])
def test_named_groups_satisfy_the_axioms(name: str, m: int) -> None:
    assert is_group(set(written_out(list(named_generators(name, m)))), m)


def test_the_trivial_group() -> None:
    assert named_generators("alternating", 2) == ()
    assert written_out([(0, 1, 2)]) == [(0, 1, 2)]
    assert order([(0,)]) == 1


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SymmetryError, match="'simetric'; use one of symmetric, alternating, cyclic, dihedral"):
        named_generators("simetric", 3)


@steady
@given(st.integers(1, 5).flatmap(lambda m: st.lists(st.permutations(range(m)).map(tuple), min_size=1, max_size=3)))
def test_generated_groups_are_closed_by_brute_force(generators: list[Permutation]) -> None:
    m = len(generators[0])
    brute = closure([tuple((i, 1) for i in p) for p in generators], m)
    elements = written_out(generators)
    assert set(elements) == {tuple(i for i, _ in element) for element in brute}
    assert len(elements) == len(set(elements)) == order(generators)
    assert elements[0] == tuple(range(m))
    assert is_group(set(elements), m)
    assert factorial(m) % len(elements) == 0


def test_subgroups_of_four_positions() -> None:
    assert len(generate([(1, 0, 3, 2), (2, 3, 0, 1)])) == 4  # Klein's four-group
    assert len(generate([(1, 0, 2, 3), (0, 1, 3, 2)])) == 4  # another group of four elements
    assert len(generate([(1, 2, 3, 0), (2, 1, 0, 3)])) == 8
    assert len(generate([(1, 2, 0, 3), (0, 2, 3, 1)])) == 12


MATHIEU = [cycles(11, tuple(range(1, 12))), cycles(11, (3, 7, 11, 8), (4, 10, 5, 6))]
LARGER_MATHIEU = [
    *((*p, 11) for p in MATHIEU),
    cycles(12, (1, 12), (2, 11), (3, 6), (4, 8), (5, 9), (7, 10)),
]


@pytest.mark.parametrize(
    "generators, expected",
    [
        pytest.param(named_generators("symmetric", 20), factorial(20), id="S20"),
        pytest.param(named_generators("alternating", 12), factorial(12) // 2, id="A12"),
        pytest.param(named_generators("cyclic", 2_003), 2_003, id="C2003"),
        pytest.param(named_generators("dihedral", 700), 1_400, id="D700"),
        pytest.param(MATHIEU, 7_920, id="M11"),
        pytest.param(LARGER_MATHIEU, 95_040, id="M12"),
    ],
)
def test_large_groups_are_counted(generators: list[Permutation], expected: int) -> None:
    assert order(generators) == expected


def test_generate_writes_out_what_order_counts() -> None:
    assert len(generate(MATHIEU)) == 7_920


def test_the_limit_is_the_largest_group_that_is_written_out() -> None:
    generators = named_generators("symmetric", 4)
    assert len(generate(generators, limit=24)) == 24
    with pytest.raises(
        SymmetryError, match=r"24 elements, more than the 23 .* max_images .* invariant kernel"
    ) as error:
        generate(generators, limit=23)
    assert str(error.value) == str(too_large(24, 23))
    with pytest.raises(SymmetryError, match="40,320 elements, more than the 10,000"):
        generate(named_generators("symmetric", 8))


@pytest.mark.parametrize(
    "p, m, expected",
    [
        ((0,), 1, True),
        ((2, 0, 1), 3, True),
        ([1, 0], 2, True),
        ((0, 1), 3, False),
        ((0, 1, 2), 2, False),
        ((0, 0), 2, False),
        ((1, 2), 2, False),
        ((-1, 0), 2, False),
        ((False, True), 2, False),
        ((0.0, 1.0), 2, False),
        (("0", "1"), 2, False),
        ((), 0, True),
    ],
)
def test_is_permutation(p: Permutation, m: int, expected: bool) -> None:
    assert is_permutation(p, m) is expected


def test_generators_are_not_changed() -> None:
    generators = [(1, 0, 2), (1, 2, 0)]
    generate(generators)
    order(generators)
    assert generators == [(1, 0, 2), (1, 2, 0)]
