"""Which symmetries a search space could have, by the domains of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, product

from ax.core.parameter import ChoiceParameter, Parameter, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry.declaration import Blocks, Mirror, Part
from ax_symmetry.symmetry.symmetry import Symmetry

MAX_SWAPS = 300
"""Of swaps of two blocks at most so many are tried, those of the fewest slots."""


def mirrors(search_space: SearchSpace) -> list[Part]:
    """List the mirrors of single parameters about the middle of their domains."""
    found: list[Part] = []
    for name, p in search_space.parameters.items():
        ends = _ends(p)
        if ends is not None:
            mirror = Mirror(((name, (ends[0] + ends[1]) / 2),))
            found += [mirror] if _fits(mirror, search_space) else []
    return found


def swaps(search_space: SearchSpace) -> list[Part]:
    """List pairs of blocks, of one slot or more, whose parameters have equal domains slot by slot."""
    names = list(search_space.parameters)
    pairs = [pair for pair in combinations(names, 2) if _fits(Blocks(((pair[0],), (pair[1],))), search_space)]
    return list(islice((Blocks(tuple(zip(*chosen))) for chosen in _disjoint(pairs)), MAX_SWAPS))


def extended(blocks: Blocks, search_space: SearchSpace) -> list[Part]:
    """List the ways to let one more block trade places with others.

    Two blocks may be read in several ways, since (a b)(c d) swaps a, c with b, d as well as a, d with b, c. As parts of
    three blocks these are different groups.
    """
    names = list(search_space.parameters)
    free = [name for name in names if name not in blocks.parameters]
    like = [[name for name in free if _fits(Blocks(((slot,), (name,))), search_space)] for slot in blocks.blocks[0]]
    found: dict[Part, None] = {}
    for own in _readings(blocks):
        for added in product(*like):
            if len(set(added)) == len(added):
                found[_sorted([*own, added], names)] = None
    return list(found)


def _disjoint(pairs: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    """List the sets of pairs that share no name, small ones first."""
    for size in range(1, len(pairs) + 1):
        found = False
        for chosen in combinations(pairs, size):
            if len({name for pair in chosen for name in pair}) == 2 * size:
                found = True
                yield chosen
        if not found:
            return


def _readings(blocks: Blocks) -> Iterator[list[tuple[str, ...]]]:
    """List the pairs of blocks that are swapped by the same element, or the blocks, if there are more than two."""
    if len(blocks.blocks) > 2:
        yield list(blocks.blocks)
        return
    (first, *others) = zip(*blocks.blocks)
    for flips in product((1, -1), repeat=len(others)):
        yield list(zip(first, *(slot[::flip] for slot, flip in zip(others, flips))))


def _sorted(blocks: Sequence[tuple[str, ...]], names: Sequence[str]) -> Blocks:
    """Write blocks and their slots in the order of the search space, so that equal ones look alike."""
    first = min(blocks, key=lambda block: min(map(names.index, block)))
    slots = sorted(range(len(first)), key=lambda slot: names.index(first[slot]))
    ordered = (tuple(block[slot] for slot in slots) for block in blocks)
    return Blocks(tuple(sorted(ordered, key=lambda block: names.index(block[0]))))


def _ends(p: Parameter) -> tuple[float, float] | None:
    """Return the ends of a domain of numbers."""
    if isinstance(p, RangeParameter):
        return float(p.lower), float(p.upper)
    if isinstance(p, ChoiceParameter):
        numbers = [float(v) for v in p.values if isinstance(v, (int, float))]
        return (min(numbers), max(numbers)) if len(numbers) == len(p.values) else None
    return None


def _fits(part: Part, search_space: SearchSpace) -> bool:
    """Tell whether a search space has a symmetry."""
    try:
        Symmetry((part,)).validate(search_space)
    except SymmetryError:
        return False
    return True
