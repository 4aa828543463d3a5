"""Which symmetries a search space could have, by the domains of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, product

from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError
from ax_symmetry.space.bounds import numeric_bounds
from ax_symmetry.symmetry import Blocks, Mirror, Symmetry
from ax_symmetry.symmetry.kind import Kind
from ax_symmetry.symmetry.period import Period
from ax_symmetry.symmetry.scale import Scale
from ax_symmetry.symmetry.shift import Shift

MAX_SWAPS = 300
"""The most swaps of two blocks that are tried, those of the fewest slots."""
MAX_SETS = 300
"""The most sets of parameters that are tried for a common factor, and for a common shift, the largest first."""
MAX_TURNS = 4
"""How many periods a range may hold at most."""

BlockNames = Sequence[tuple[str, ...]]


def mirrors(search_space: SearchSpace) -> list[Kind]:
    """List the mirrors of single parameters about the middle of their domains."""
    bounds = {name: numeric_bounds(p) for name, p in search_space.parameters.items()}
    candidates = (Mirror(((name, sum(ends) / 2),)) for name, ends in bounds.items() if ends is not None)
    return [mirror for mirror in candidates if _fits(mirror, search_space)]


def swaps(search_space: SearchSpace) -> list[Kind]:
    """List pairs of blocks, of one slot or more, whose parameters have equal domains slot by slot."""
    pairs = [pair for pair in combinations(search_space.parameters, 2) if _are_alike(*pair, search_space)]
    return list(islice((Blocks(tuple(zip(*chosen))) for chosen in _disjoint(pairs)), MAX_SWAPS))


def endless(search_space: SearchSpace) -> list[Kind]:
    """List symmetries without end: common factors, common shifts, and periods.

    A common factor of any two or more ranges on a log scale; a common shift of any with equal domains on a linear one;
    periods that go into a range once, or up to `MAX_TURNS` times. All with exponents and weights of 1.
    """
    names = list(search_space.parameters)
    factors: list[Kind] = [Scale(tuple(dict.fromkeys(own, 1).items())) for own in _sets(names)]
    shifts: list[Kind] = [
        Shift(tuple(dict.fromkeys(own, 1).items())) for own in _sets(names)
        if all(_are_alike(own[0], other, search_space) for other in own[1:])
    ]
    bounds = {name: numeric_bounds(p) for name, p in search_space.parameters.items()}
    periods: list[Kind] = [
        Period(((name, (ends[1] - ends[0]) / turns),))
        for name, ends in bounds.items() if ends is not None and ends[0] < ends[1] for turns in range(1, MAX_TURNS + 1)
    ]
    fitting = ([part for part in parts if _fits(part, search_space)] for parts in (factors, shifts, periods))
    return [part for parts in fitting for part in parts[:MAX_SETS]]


def _sets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """List the sets of two or more names, large ones first; of many names those of two, and all, alone."""
    sizes = range(len(names), 1, -1) if 2 ** len(names) <= 4 * MAX_SETS else (len(names), 2)
    return (own for size in sizes for own in combinations(names, size))


def extended(blocks: BlockNames, search_space: SearchSpace) -> list[Kind]:
    """List the ways to let one more block trade places with others.

    Two blocks may be read in several ways, since (a b)(c d) swaps a, c with b, d as well as a, d with b, c. As parts of
    three blocks these are different groups.
    """
    names = list(search_space.parameters)
    free = [name for name in names if not any(name in block for block in blocks)]
    alike = [[name for name in free if _are_alike(slot, name, search_space)] for slot in blocks[0]]
    extensions: dict[Kind, None] = {}
    for reading in _readings(blocks):
        for added in product(*alike):
            if len(set(added)) == len(added):
                extensions[_sorted([*reading, added], names)] = None
    return list(extensions)


def _disjoint(pairs: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    """List the sets of pairs that share no name, small ones first."""
    for size in range(1, len(pairs) + 1):
        there_are_any = False
        for chosen in combinations(pairs, size):
            if len({name for pair in chosen for name in pair}) == 2 * size:
                there_are_any = True
                yield chosen
        if not there_are_any:
            return


def _readings(blocks: BlockNames) -> Iterator[BlockNames]:
    """List the pairs of blocks that are swapped by the same element, or the blocks, if there are more than two."""
    if len(blocks) > 2:
        yield blocks
        return
    (first, *others) = zip(*blocks)
    for flips in product((1, -1), repeat=len(others)):
        yield list(zip(first, *(slot[::flip] for slot, flip in zip(others, flips))))


def _sorted(blocks: BlockNames, names: Sequence[str]) -> Blocks:
    """Write blocks and their slots in the order of the search space, so that equal ones look alike."""
    first = min(blocks, key=lambda block: min(map(names.index, block)))
    slots = sorted(range(len(first)), key=lambda slot: names.index(first[slot]))
    ordered = (tuple(block[slot] for slot in slots) for block in blocks)
    return Blocks(tuple(sorted(ordered, key=lambda block: names.index(block[0]))))


def _are_alike(one: str, other: str, search_space: SearchSpace) -> bool:
    """Tell whether two parameters may trade places."""
    return _fits(Blocks(((one,), (other,))), search_space)


def _fits(part: Kind, search_space: SearchSpace) -> bool:
    """Tell whether a search space has a symmetry."""
    try:
        Symmetry((part,)).validate(search_space)
    except SymmetryError:
        return False
    return True
