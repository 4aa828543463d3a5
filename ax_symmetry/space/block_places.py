"""The blocks of one row as contents and places: what each content is in each place, and what it adds there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Factor, Rows
from ax_symmetry.space.arrangement import Choice, Domain, Matrix, least_arrangement, sorted_among_alike

if TYPE_CHECKING:
    from ax_symmetry.space.feasible_region import FeasibleRegion


class BlockPlaces:
    """The places of blocks, in the order of comparison, and the contents that factors of the group move among them.

    A content moves among the places of its own factor alone. Every parameter constraint is a sum over places, so that
    those which tie blocks of several factors, or blocks and other parameters, count as they are.

    Args:
        region: Where the row must lie.
        factors: The factors that permute blocks.
        row: The row, `d`.
        comparison_order: The columns in the order of comparison.
        others: The parameters outside of the symmetry.
    """

    def __init__(
        self,
        region: FeasibleRegion,
        factors: Sequence[Factor],
        row: Rows,
        comparison_order: Sequence[int],
        others: Mapping[str, Any],
    ) -> None:
        self.region, self.others, self.row = region, others, region.gauge(row[None].copy(), others)[0]
        self.given = row
        rank = {column: i for i, column in enumerate(comparison_order)}
        listed = sorted(
            (rank[columns[0]], number, columns)
            for number, factor in enumerate(factors)
            for columns in (sorted((factor.columns[j] for j in block), key=rank.__getitem__) for block in factor.blocks)
        )
        self.owners, self.places = [number for _, number, _ in listed], [columns for _, _, columns in listed]
        here = [(number, *self.row[columns].tolist()) for _, number, columns in listed]
        compared = region.encoding.compared(self.row[None])[0]
        ranks = [(number, *compared[columns].tolist()) for _, number, columns in listed]
        ascending = sorted(range(len(here)), key=ranks.__getitem__)
        self.contents = [here[i] for i in ascending]
        self.current = np.argsort(np.asarray(ascending, dtype=np.intp))

    @cached_property
    def problem(self) -> tuple[npt.NDArray[np.intp], Domain, Matrix, npt.NDArray[np.float64]]:
        """The arguments of `Arrangement`: what the region allows."""
        n, d = len(self.places), len(self.row)
        self._placed = np.tile(self.given, (n, 1))  # each content in all places of its factor at once
        mine = [np.flatnonzero(np.equal(self.owners, number)) for number in range(max(self.owners) + 1)]
        columns = [np.asarray([self.places[j] for j in own]) for own in mine]
        movers = [np.flatnonzero([content[0] == k for content in self.contents]) for k in range(len(mine))]
        for moved, places in zip(movers, columns):
            values = np.asarray([self.contents[i][1:] for i in moved])
            self._placed[moved[:, None, None], places] = values[:, None]
        self._placed = self.region.gauge_each(self._placed)
        fits, counted = self.region.fits(self._placed), self.region.encoding.constraint_values(self._placed)
        compared = self.region.encoding.compared(self._placed)
        limits = np.asarray(self.region.limits(self.others))
        weights = np.zeros((len(limits), d))
        for k, (used, weight, _, _) in enumerate(self.region.constraints):
            weights[k, used] = weight
        still = np.setdiff1d(np.arange(d), np.concatenate(self.places))
        unmoved = self.region.encoding.constraint_values(self.row[None])[0, still]
        ranks, fitting = np.zeros((n, n), dtype=np.intp), np.zeros((n, n), dtype=bool)
        added = np.zeros((len(limits), n, n))
        for own, moved, places in zip(mine, movers, columns):
            block = np.ix_(moved, own)
            ranks[block] = _ranks(compared[moved][:, places])  # contents x places x slots
            fitting[block] = fits[moved][:, places].all(axis=2)
            added[:, block[0], block[1]] = np.einsum("cps,jps->jcp", counted[moved][:, places], weights[:, places])
        return ranks, fitting, added, limits - weights[:, still] @ unmoved

    def least(self) -> tuple[Rows | None, bool]:
        """Find the least row within the region; None if none was found. Tell whether that is settled."""
        if not self.places:
            return (self.row if self.region.contains(self.row[None], self.others)[0] else None), True
        still = np.setdiff1d(np.arange(len(self.row)), np.concatenate(self.places))
        if not self.region.fits(self.row[None])[0, still].all():
            return None, True
        choice, settled = least_arrangement(*self.problem)
        return (None if choice is None else self._row(choice)), settled

    def sorted_among_alike(self) -> Rows:
        """Sort the contents of places that the region does not tell apart; the rest of the row stays."""
        if not self.places:
            return self.row
        _, fitting, added, _ = self.problem
        return self._row(sorted_among_alike(self.current, fitting, added))

    def _row(self, choice: Choice) -> Rows:
        row = self.row.copy()
        for j, place in enumerate(self.places):
            row[place] = self._placed[choice[j], place]
        return row


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the ranks of contents in each place, `contents x places`, by their slots; equal contents have one."""
    ranks = np.empty(values.shape[:2], dtype=np.intp)
    for place in range(values.shape[1]):
        rows = values[:, place]
        if place and np.array_equal(rows, values[:, place - 1]):
            ranks[:, place] = ranks[:, place - 1]
            continue
        order = np.lexsort(rows.T[::-1])
        ranks[order, place] = np.append(0, (np.diff(rows[order], axis=0) != 0.0).any(axis=1).cumsum())
    return ranks
