"""From declared parts to the finite group that they generate together, as a direct product of factors.

Parts that share no parameter commute and are factors of their own. The symmetric group on blocks is never written out,
also where mirrors act on its blocks: with N the group of the mirrors and of their images under the permutations, the
whole is the semidirect product of N and S_m (for one mirror in every block, the wreath product).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ax_symmetry.groups.actions import Action, Factor
from ax_symmetry.groups.permutations import Permutation
from ax_symmetry.symmetry.kind import Kind


def build_action(parts: Sequence[Kind], parameters: Sequence[str]) -> Action:
    """Build the action of the finite group that the parts generate, on rows with `parameters` as columns."""
    moving = [part for part in parts if part.exchanges or part.flips]
    return Action(len(parameters), tuple(_factor(connected, parameters) for connected in _connected(moving)))


def _connected(parts: Sequence[Kind]) -> list[list[Kind]]:
    """Collect the parts that share parameters; the groups of different collections commute."""
    collections: list[list[Kind]] = []
    for part in parts:
        touching = [c for c in collections if any(set(part.parameters) & set(other.parameters) for other in c)]
        rest = [c for c in collections if c not in touching]
        collections = [*rest, [*(other for c in touching for other in c), part]]
    return collections


def _factor(parts: Sequence[Kind], parameters: Sequence[str]) -> Factor:
    """Build the direct factor that connected parts generate."""
    names = [name for name in parameters if any(name in part.parameters for part in parts)]
    columns = tuple(parameters.index(name) for name in names)
    exchanging = [part for part in parts if part.exchanges]
    flips = {frozenset(map(names.index, flip)) for part in parts for flip in part.flips}
    if len(exchanging) == 1 and exchanging[0].symmetric_blocks:
        blocks = tuple(tuple(map(names.index, block)) for block in exchanging[0].symmetric_blocks)
        swaps = Factor(columns, (), blocks).all_generators
        conjugates = flips  # of the mirrors under the permutations
        while conjugates:
            conjugates = {frozenset(swap[j] for j in flip) for flip in conjugates for swap in swaps} - flips
            flips = flips | conjugates
        return Factor(columns, _mirrors(flips, len(names)), blocks)
    generators = [generator for part in exchanging for generator in part.point_generators(names)]
    return Factor(columns, (*generators, *_mirrors(flips, len(names))))


def _mirrors(flips: Iterable[frozenset[int]], k: int) -> tuple[Permutation, ...]:
    """Write mirrors, each a set of columns, as permutations of the 2 k points of k columns."""
    ordered = sorted(flips, key=sorted)
    return tuple(tuple((j + k) % (2 * k) if j % k in flip else j for j in range(2 * k)) for flip in ordered)
