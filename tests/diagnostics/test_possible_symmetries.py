"""Which symmetries a search space could have: against all permutations that map domains to equal domains.

One-line bugs that turn this file red: list only swaps of single parameters; forget that (a b)(c d) can be read in two
ways, and (a b)(c d)(e f) in four, when a third block is added; let a block use a parameter twice; compare names instead
of domains; mirror about zero.
"""

from __future__ import annotations

from itertools import permutations, product

from ax_symmetry.symmetry import Blocks, Mirror
from ax_symmetry.symmetry.kind import Kind
from ax_symmetry.diagnostics.possible_symmetries import endless, extended, mirrors, swaps
from brute_force import closure, generators
from support import boolean, choice, fixed, float_range, int_range, space

NAMES = list("abcdef")
SIX = space([float_range(name) for name in NAMES])
TWO_KINDS = space([float_range("a"), float_range("b"), float_range("c"), *(int_range(n, 0, 9) for n in "def")])
KINDS = {name: "abc".find(name) >= 0 for name in NAMES}


def group(part: Kind, names: list[str] = NAMES) -> frozenset[object]:
    """Return all elements of a part's group."""
    assert isinstance(part, Blocks)
    config = {"blocks": [list(block) for block in part.blocks]}
    return frozenset(closure(generators(config, names), len(names)))


def grown(made: object) -> list[Kind]:
    """Add blocks until there is no room for more."""
    found = level = swaps(made)
    while level:
        level = list(dict.fromkeys(part for blocks in level for part in extended(blocks.symmetric_blocks, made)))
        found = found + level
    return found


def all_groups(kinds: dict[str, bool] | None) -> set[frozenset[object]]:
    """List the groups of m blocks of s slots by trying all arrangements of the parameters."""
    found = set()
    for s in (1, 2, 3):
        for m in range(2, 6 // s + 1):
            for names in permutations(NAMES, m * s):
                blocks = [names[i * s:(i + 1) * s] for i in range(m)]
                firsts = [block[0] for block in blocks]
                if firsts != sorted(firsts) or list(blocks[0]) != sorted(blocks[0]):
                    continue  # the same group, written in another order
                if kinds is None or all(len({kinds[n] for n in slot}) == 1 for slot in zip(*blocks)):
                    found.add(group(Blocks(tuple(blocks))))
    return found


def test_swaps_are_all_involutions() -> None:
    involutions = {
        p for p in permutations(range(6)) if all(p[p[i]] == i for i in range(6)) and p != tuple(range(6))
    }
    found = swaps(SIX)
    assert len(found) == len(involutions) == 75
    elements = {tuple(source for source, _ in element) for part in found for element in group(part)}
    assert elements - {tuple(range(6))} == involutions
    sizes = [len(part.parameters) for part in found]
    assert sizes == sorted(sizes)


def test_all_blocks_are_found_once() -> None:
    for made, kinds in ((SIX, None), (TWO_KINDS, KINDS)):
        found = grown(made)
        groups = [group(part) for part in found]
        assert len(groups) == len(set(groups))
        assert set(groups) == all_groups(kinds)


def test_domains_decide() -> None:
    made = space([
        float_range("a"), float_range("b", 0, 2), float_range("c", 0.1, 1, log_scale=True), choice("d", [1, 2, 4]),
        choice("e", [1, 2, 3]), choice("f", ["x", "y"]), choice("g", ["x", "y"]), boolean("h"), fixed("i", 1.0),
    ])
    assert swaps(made) == [Blocks((("f",), ("g",)))]
    assert mirrors(made) == [Mirror((("a", 0.5),)), Mirror((("b", 1.0),)), Mirror((("e", 2.0),))]


def test_a_third_block_joins_in_every_way() -> None:
    parts = extended((("a", "c"), ("b", "d")), SIX)
    found = {group(part) for part in parts}
    wanted = set()
    for first, second in product(([("a", "c"), ("b", "d")], [("a", "d"), ("b", "c")]), permutations("ef")):
        wanted.add(group(Blocks((*first, second))))
    assert found == wanted and len(wanted) == len(parts) == 4
    assert all(sorted(part.parameters) == NAMES for part in parts)
    assert extended((("a", "b"), ("c", "d"), ("e", "f")), SIX) == []


def test_a_third_block_of_three_slots_joins_in_every_way() -> None:
    """(a b)(c d)(e f) swaps a, c, e with b, d, f as well as a, d, e with b, c, f, and so on: four readings."""
    names = list("abcdefghi")
    parts = extended((("a", "c", "e"), ("b", "d", "f")), space([float_range(name) for name in names]))
    wanted = set()
    for (c, d), (e, f) in product(permutations("cd"), permutations("ef")):
        for third in permutations("ghi"):
            wanted.add(group(Blocks((("a", c, e), ("b", d, f), third)), names))
    assert {group(part, names) for part in parts} == wanted and len(wanted) == len(parts) == 24


def test_factors_shifts_and_periods() -> None:
    """Sets of two or more, of log scales or of equal domains; periods that keep whole numbers."""
    given = space([
        float_range("s", 1.0, 9.0, log_scale=True), float_range("t", 0.1, 9.0, log_scale=True),
        float_range("a"), float_range("b"), float_range("c"), int_range("n", 0, 8), choice("m", [1, 2, 3]),
        fixed("f", 1),
    ])
    found = [part.write() for part in endless(given)]
    assert found[0] == {"scale": {"s": 1, "t": 1}}
    shifts = {frozenset(part["shift"]) for part in found if "shift" in part}
    assert shifts == {frozenset("abc"), frozenset("ab"), frozenset("ac"), frozenset("bc")}
    periods = [tuple(part["period"].items()) for part in found if "period" in part]
    assert {(name, length) for ((name, length),) in periods if name == "n"} == {("n", 8.0), ("n", 4.0), ("n", 2.0)}
    assert {(name, length) for ((name, length),) in periods if name == "a"} == {("a", 1 / k) for k in (1, 2, 3, 4)}
    many = space([float_range(f"x{k}") for k in range(15)])
    sizes = [len(part.parameters) for part in endless(many) if part.KEYS == ("shift",)]
    assert sizes[0] == 15 and sizes[1:] == [2] * 105
