"""From declared parts to the group that they generate together, as a direct product of factors.

Parts that share no parameter commute and are factors of their own. The symmetric group on blocks is never written out,
also where mirrors act on its blocks: with N the group of the mirrors and of their images under the permutations, the
whole is the semidirect product of N and S_m (for one mirror in every block, the wreath product).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ax_symmetry.groups.actions import Action, Factor
from ax_symmetry.groups.permutations import Permutation
from ax_symmetry.symmetry.declaration import Blocks, Mirror, Part


def build_action(parts: Sequence[Part], parameters: Sequence[str]) -> Action:
    """Build the action of the group that the parts generate, on rows with `parameters` as columns."""
    return Action(len(parameters), tuple(_factor(connected, parameters) for connected in _connected(parts)))


def _connected(parts: Sequence[Part]) -> list[list[Part]]:
    """Collect the parts that share parameters; the groups of different collections commute."""
    collections: list[list[Part]] = []
    for part in parts:
        touching = [c for c in collections if any(set(part.parameters) & set(other.parameters) for other in c)]
        rest = [c for c in collections if c not in touching]
        collections = [*rest, [*(other for c in touching for other in c), part]]
    return collections


def _factor(parts: Sequence[Part], parameters: Sequence[str]) -> Factor:
    """Build the direct factor that connected parts generate."""
    names = [name for name in parameters if any(name in part.parameters for part in parts)]
    columns = tuple(parameters.index(name) for name in names)
    permuting = [part for part in parts if isinstance(part, Blocks)]
    flips = {frozenset(names.index(n) for n in part.parameters) for part in parts if isinstance(part, Mirror)}
    if len(permuting) == 1 and permuting[0].group == "symmetric":
        blocks = tuple(tuple(names.index(n) for n in block) for block in permuting[0].blocks)
        frontier = flips
        while frontier:
            swaps = [dict([*zip(a, b), *zip(b, a)]) for a, b in zip(blocks, blocks[1:])]
            frontier = {frozenset(swap.get(j, j) for j in flip) for flip in frontier for swap in swaps} - flips
            flips = flips | frontier
        return Factor(columns, _mirrors(flips, len(names)), blocks)
    generators = [_permutation(part, p, names) for part in permuting for p in part.generators]
    return Factor(columns, (*generators, *_mirrors(flips, len(names))))


def _permutation(part: Blocks, p: Permutation, names: Sequence[str]) -> Permutation:
    """Write a permutation of blocks as one of the 2 k points of the columns `names`."""
    k = len(names)
    sources = {names.index(a): names.index(b) for i, j in enumerate(p) for a, b in zip(part.blocks[i], part.blocks[j])}
    return tuple(sources.get(j % k, j % k) + k * (j // k) for j in range(2 * k))


def _mirrors(flips: Iterable[frozenset[int]], k: int) -> tuple[Permutation, ...]:
    """Write mirrors, each a set of columns, as permutations of the 2 k points of k columns."""
    ordered = sorted(flips, key=sorted)
    return tuple(tuple((j + k) % (2 * k) if j % k in flip else j for j in range(2 * k)) for flip in ordered)
