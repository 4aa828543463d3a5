"""The blocks of one row as contents and places: what each content is in each place, and what it adds there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Factor, Rows
from ax_symmetry.space.arrangement import Arrangement, Choice, sorted_among_alike

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
        self.region, self.others, self.row = region, others, region.gauge(row[None].copy())[0]
        rank = {column: i for i, column in enumerate(comparison_order)}
        listed = [
            (number, np.asarray(sorted((factor.columns[j] for j in block), key=rank.__getitem__)))
            for number, factor in enumerate(factors)
            for block in factor.blocks
        ]
        listed.sort(key=lambda entry: rank[int(entry[1][0])])
        self.owners, self.places = [number for number, _ in listed], [place for _, place in listed]
        here = [(number, *self.row[place].tolist()) for number, place in listed]
        ascending = sorted(range(len(here)), key=here.__getitem__)
        self.contents = [here[i] for i in ascending]
        self.current = np.argsort(np.asarray(ascending, dtype=np.intp))
        self.given = row

    @cached_property
    def arrangement(self) -> Arrangement:
        """The arrangements that the region allows."""
        n, d = len(self.places), len(self.row)
        trial = np.tile(self.given, (n, 1))  # each content in all places of its factor at once
        own = np.equal.outer([content[0] for content in self.contents], self.owners)
        for i, j in np.argwhere(own).tolist():
            trial[i, self.places[j]] = self.contents[i][1:]
        self._placed = self.region.gauge(trial)
        fits, counted = self.region.fits(self._placed), self.region.encoding.constraint_values(self._placed)
        fitting = np.stack([fits[:, place].all(axis=1) for place in self.places], axis=1) & own
        still = np.setdiff1d(np.arange(d), np.concatenate(self.places))
        unmoved = self.region.encoding.constraint_values(self.row[None])[0]
        added, limits = np.zeros((len(self.region.constraints), n, n)), np.zeros(len(self.region.constraints))
        for k, ((used, weights, _, _), limit) in enumerate(
            zip(self.region.constraints, self.region.limits(self.others))
        ):
            weight = np.zeros(d)
            weight[used] = weights
            for j, place in enumerate(self.places):
                added[k, :, j] = counted[:, place] @ weight[place]
            limits[k] = limit - float(weight[still] @ unmoved[still])
        ranks = np.stack([_ranks(self._placed[:, place]) for place in self.places], axis=1)
        return Arrangement(ranks, fitting, np.where(own, added, 0.0), limits)

    def least(self) -> tuple[Rows | None, bool]:
        """Find the least row within the region; None if none was found. Tell whether that is settled."""
        if not self.places:
            return (self.row if self.region.contains(self.row[None], self.others)[0] else None), True
        still = np.setdiff1d(np.arange(len(self.row)), np.concatenate(self.places))
        if not self.region.fits(self.row[None])[0, still].all():
            return None, True
        choice = self.arrangement.solve()
        return (None if choice is None else self._row(choice)), self.arrangement.settled

    def sorted_among_alike(self) -> Rows:
        """Sort the contents of places that the region does not tell apart; the rest of the row stays."""
        if not self.places:
            return self.row
        return self._row(sorted_among_alike(self.current, self.arrangement.fitting, self.arrangement.added))

    def _row(self, choice: Choice) -> Rows:
        row = self.row.copy()
        for j, place in enumerate(self.places):
            row[place] = self._placed[choice[j], place]
        return row


def _ranks(rows: Rows) -> npt.NDArray[np.intp]:
    """Return the ranks of rows in lexicographic order; equal rows have one."""
    order = np.lexsort(rows.T[::-1])
    ranks = np.zeros(len(rows), dtype=np.intp)
    ranks[order[1:]] = (np.diff(rows[order], axis=0) != 0.0).any(axis=1).cumsum()
    return ranks
