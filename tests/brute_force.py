"""Groups by brute force, written without the package: all permutations and signs, closed by composing them.

An element is a tuple with a pair (source, sign) for every column: the column takes the number of its source, mirrored
at the center of the source if the sign is -1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any

from hypothesis import settings

Element = tuple[tuple[int, int], ...]

# Repeatable examples, no clock, nothing written to disk.
steady = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def is_even(p: Sequence[int]) -> bool:
    """Tell whether a permutation has an even number of inversions."""
    return sum(p[i] > p[j] for i in range(len(p)) for j in range(i + 1, len(p))) % 2 == 0


def named_group(name: str, m: int) -> set[tuple[int, ...]]:
    """Return all elements of a named group, by its definition."""
    if name == "symmetric":
        return set(permutations(range(m)))
    if name == "alternating":
        return {p for p in permutations(range(m)) if is_even(p)}
    rotations = {tuple((i + k) % m for i in range(m)) for k in range(m)}
    if name == "cyclic":
        return rotations
    return rotations | {tuple((k - i) % m for i in range(m)) for k in range(m)}


def then(first: Element, second: Element) -> Element:
    """Compose two elements: the second acts on what the first has made."""
    return tuple((first[j][0], first[j][1] * sign) for j, sign in second)


def closure(generators: Iterable[Element], width: int) -> frozenset[Element]:
    """Compose until nothing new appears."""
    return _closure(tuple(generators), width)


@cache
def _closure(generators: tuple[Element, ...], width: int) -> frozenset[Element]:
    found = frontier = frozenset({tuple((j, 1) for j in range(width))})
    while frontier:
        frontier = frozenset(then(a, b) for a in frontier for b in generators) - found
        found = found | frontier
    return found


def generators(config: Mapping[str, Any], names: Sequence[str]) -> list[Element]:
    """Read the dict of a symmetry: every element of a named group, every mirror."""
    found: list[Element] = []
    if "blocks" in config:
        blocks, group = config["blocks"], config.get("group", "symmetric")
        for p in named_group(group, len(blocks)) if isinstance(group, str) else group:
            source = {blocks[i][s]: blocks[j][s] for i, j in enumerate(p) for s in range(len(blocks[0]))}
            found.append(tuple((names.index(source.get(name, name)), 1) for name in names))
    mirrors = config.get("mirror", [])
    for centers in [mirrors] if isinstance(mirrors, Mapping) else mirrors:
        found.append(tuple((j, -1 if name in centers else 1) for j, name in enumerate(names)))
    for inner in config.get("symmetries", []):
        found += generators(inner, names)
    return found


def elements(config: Mapping[str, Any], names: Sequence[str]) -> set[Element]:
    """Return the whole group that a dict describes, as it acts on these names."""
    return closure(generators(config, names), len(names))


def image(element: Element, x: Sequence[Any], center: float) -> tuple[Any, ...]:
    """Apply an element to a row; every mirror has the same center."""
    return tuple(x[j] if sign > 0 else 2 * center - x[j] for j, sign in element)


def orbit(
    config: Mapping[str, Any], names: Sequence[str], x: Sequence[Any], center: float = 0.0
) -> set[tuple[Any, ...]]:
    """Return the distinct images of a row."""
    return {image(element, x, center) for element in elements(config, names)}


def mirrors(names: Iterable[str], center: float = 0.0) -> list[dict[str, float]]:
    """Write an independent mirror for every name."""
    return [{name: center} for name in names]


A = ["a1", "a2", "a3", "a4"]
SINGLES = [[name] for name in A]
PAIRS = [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]

# Dicts of symmetries, with the order of the group as books give it; all mirrors have the center 0.
GROUPS: dict[str, tuple[dict[str, Any], int]] = {
    "S2 on triples": ({"blocks": [["a1", "b1", "c1"], ["a2", "b2", "c2"]]}, 2),
    "S3 on pairs": ({"blocks": PAIRS}, 6),
    "S4": ({"blocks": SINGLES}, 24),
    "A4": ({"blocks": SINGLES, "group": "alternating"}, 12),
    "C4": ({"blocks": SINGLES, "group": "cyclic"}, 4),
    "C3 on pairs": ({"blocks": PAIRS, "group": "cyclic"}, 3),
    "D4": ({"blocks": SINGLES, "group": "dihedral"}, 8),
    "Klein four": ({"blocks": SINGLES, "group": [[1, 0, 3, 2], [2, 3, 0, 1]]}, 4),
    "one mirror": ({"mirror": {"a1": 0.0}}, 2),
    "one mirror of two": ({"mirror": {"a1": 0.0, "a2": 0.0}}, 2),
    "two mirrors": ({"mirror": mirrors(["a1", "a2"])}, 4),
    "overlapping mirrors": ({"mirror": [{"a1": 0.0, "a2": 0.0}, {"a2": 0.0, "a3": 0.0}]}, 4),
    "B3": ({"blocks": SINGLES[:3], "mirror": mirrors(A[:3])}, 48),
    "B3 from one mirror": ({"blocks": SINGLES[:3], "mirror": {"a2": 0.0}}, 48),
    "B3 from the first mirror": ({"blocks": SINGLES[:3], "mirror": {"a1": 0.0}}, 48),
    "even signs": ({"blocks": SINGLES[:3], "mirror": {"a1": 0.0, "a2": 0.0}}, 24),
    "all signs at once": ({"blocks": SINGLES[:3], "mirror": {"a1": 0.0, "a2": 0.0, "a3": 0.0}}, 12),
    "mirror of one slot": ({"blocks": PAIRS[:2], "mirror": {"b1": 0.0}}, 8),
    "mirror of both slots": ({"blocks": PAIRS[:2], "mirror": {"a1": 0.0, "b1": 0.0}}, 8),
    "mirrors of both slots": ({"blocks": PAIRS[:2], "mirror": mirrors(["a1", "b2"])}, 32),
    "mirror shared with an outsider": ({"blocks": SINGLES[:2], "mirror": {"a1": 0.0, "z": 0.0}}, 8),
    "mirror of an outsider": ({"blocks": SINGLES[:3], "mirror": {"z": 0.0}}, 12),
    "mirror named first": ({"symmetries": [{"mirror": {"a2": 0.0}}, {"blocks": SINGLES[:2]}]}, 8),
    "C3 with mirrors": ({"blocks": SINGLES[:3], "group": "cyclic", "mirror": {"a1": 0.0}}, 24),
    "S2 x S3": ({"symmetries": [{"blocks": [["x"], ["y"]]}, {"blocks": PAIRS}]}, 12),
    "S2 wr S2": ({"symmetries": [{"blocks": SINGLES[:2]}, {"blocks": SINGLES[2:]}, {"blocks": [A[:2], A[2:]]}]}, 8),
    "rows and columns": ({"symmetries": [{"blocks": [A[:2], A[2:]]}, {"blocks": [A[::2], A[1::2]]}]}, 4),
}
