"""A group's action on columns: rows of tensors, as a model or a kernel sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Action, Factor
from ax_symmetry.groups.permutations import Permutation
from ax_symmetry.symmetry.symmetry import Symmetry

Implied = tuple[Tensor, float]
"""A column that d others imply: their weights and an offset."""


class ColumnAction:
    """The elements of a group as they act on rows of d columns.

    Every image of a row is a selection of its points (see `orbits`): the columns, the values of implied parameters, and
    the mirror images of all these, linear in the columns.

    Args:
        action: The action on the columns, those of implied parameters last.
        width: The number d of columns that there are.
        together: For every parameter its columns, several if it is one-hot; mirrored, they swap first with last.
        sums: For every column that stands alone what it and its mirror image add up to.
        implied: The columns of implied parameters.
    """

    def __init__(
        self,
        action: Action,
        width: int,
        together: Sequence[Sequence[int]],
        sums: Mapping[int, float],
        implied: Sequence[Implied] = (),
    ) -> None:
        self.action, self.width = action, width
        self.mirrors = any(
            point >= action.width
            for f in action.factors
            for point in action.to_row_points(f, f.coset_representatives).flat
        )
        partner, sign, shift = list(range(action.width)), torch.ones(action.width), torch.zeros(action.width)
        for own in together:
            for one, other in zip(own, reversed(own)):
                partner[one] = other
            if len(own) == 1:
                sign[own[0]], shift[own[0]] = -1.0, sums[own[0]]
        self.partner, self.sign, self.shift = torch.tensor(partner), sign.double(), shift.double()
        self.weights = torch.stack([w for w, _ in implied], dim=1) if implied else torch.zeros(width, 0).double()
        self.offsets = torch.tensor([offset for _, offset in implied], dtype=torch.double)

    @cached_property
    def elements(self) -> Tensor:
        """All elements `|G| x d` as points; of a group that can be written out."""
        return torch.from_numpy(self.action.elements[:, :self.width])

    @cached_property
    def generators(self) -> Tensor:
        """Elements that generate the group, as points of full rows."""
        found = []
        for factor in self.action.factors:
            k, blocks = len(factor.columns), factor.blocks
            local = [p[:k] for p in factor.generators]
            for one, other in zip(blocks, blocks[1:]):
                swap = {**dict(zip(one, other)), **dict(zip(other, one))}
                local.append(tuple(swap.get(j, j) for j in range(k)))
            for p in local:
                row = torch.arange(self.action.width)
                row[list(factor.columns)] = torch.from_numpy(self.action.to_row_points(factor, np.asarray(p)))
                found.append(row)
        return torch.stack(found)

    def including_implied(self) -> ColumnAction:
        """Return the same action where the columns of implied parameters are columns like others."""
        action = copy(self)
        action.width = self.action.width
        for cached in ("elements", "classes", "ties"):
            vars(action).pop(cached, None)
        return action

    def scaled(self, lower: Tensor, width: Tensor) -> ColumnAction:
        """Return the action on rows `(x - lower) / width`, given both for the d columns."""
        like = {j: min(alike) for alike in self._alike() for j in alike}
        full = [j if j < self.width else like[j] for j in range(self.action.width)]
        low, wide = lower[full], width[full]
        action = copy(self)
        action.shift = (self.sign * low[self.partner] + self.shift - low) / wide
        extra = slice(self.width, None)
        action.offsets = (lower @ self.weights + self.offsets - low[extra]) / wide[extra]
        action.weights = self.weights * width.unsqueeze(-1) / wide[extra]
        return action

    @property
    def has_implied(self) -> bool:
        """Whether the group moves implied parameters: then it maps the d columns to others than themselves."""
        return self.action.width > self.width

    @property
    def order(self) -> int:
        """The number |G| of elements."""
        return self.action.order

    def append_implied(self, x: Tensor) -> Tensor:
        """Add the columns of implied parameters to rows `... x n x d`."""
        return torch.cat([x, x @ self.weights.to(x) + self.offsets.to(x)], dim=-1) if self.has_implied else x

    def mirrored(self, x: Tensor) -> Tensor:
        """Mirror every column of full rows."""
        return x.index_select(-1, self.partner.to(x.device)) * self.sign.to(x) + self.shift.to(x)

    def points(self, x: Tensor) -> Tensor:
        """Put full rows beside their mirror images, if the group mirrors."""
        return torch.cat([x, self.mirrored(x)], dim=-1) if self.mirrors else x

    def __call__(self, x: Tensor) -> Tensor:
        """Return the images `... x n x |G| x d` of rows `... x n x d`."""
        return self.take(self.points(self.append_implied(x)), self.elements)

    def take(self, points: Tensor, elements: Tensor) -> Tensor:
        """Return the images `... x n x F x d` under some of the elements `F x d` of rows whose points are given."""
        return points.index_select(-1, elements.to(points.device).flatten()).unflatten(-1, elements.shape)

    @cached_property
    def classes(self) -> list[list[int]]:
        """The columns that the group moves to each other; one-hot, also those that a mirror swaps."""
        found = [[c for c in alike if c < self.width] for alike in self._alike()]
        return sorted(alike for alike in found if alike)

    def _alike(self) -> list[list[int]]:
        """List the classes of full rows."""
        joined = {j: {j} for j in range(self.action.width)}
        for factor in self.action.factors:
            for j, column in enumerate(factor.columns):
                points = self.action.to_row_points(factor, factor.reachable_points(j)).tolist()
                sources = [p if p < self.action.width else int(self.partner[p - self.action.width]) for p in points]
                alike = set.union(joined[column], *(joined[source] for source in sources))
                joined.update({other: alike for other in alike})
        return [sorted(alike) for alike in {frozenset(alike) for alike in joined.values()}]

    @cached_property
    def class_index(self) -> Tensor:
        """The class of each of the d columns, by number."""
        class_index = torch.zeros(self.width, dtype=torch.long)
        for number, alike in enumerate(self.classes):
            class_index[alike] = number
        return class_index


def action_on_features(symmetry: Symmetry, names: Sequence[str]) -> ColumnAction:
    """Return the group's action on columns that are the parameters themselves.

    Args:
        symmetry: The symmetry.
        names: What the d columns are; a parameter that a simplex implies may be missing.

    Raises:
        SymmetryError: A parameter of the symmetry is no column, or two columns have one name.
    """
    for name in names:
        if list(names).count(name) > 1:
            raise SymmetryError(f"feature_names: {name} is there twice; name every column of x once, in order.")
    implied = symmetry.implied(names)
    for name in symmetry.parameters:
        if name not in names and name not in implied:
            raise SymmetryError(f"feature_names: parameter {name} of the symmetry is missing; name all columns of x.")
    positions = {name: i for i, name in enumerate([*names, *implied])}
    columns = [(positions[name],) for name in symmetry.parameters]
    sums = {positions[n]: 2 * symmetry.centers.get(n, 0.0) for n in symmetry.parameters}
    rows = []
    for name, simplex in implied.items():
        others = [other for other in simplex.parameters if other != name]
        row = torch.zeros(len(names), dtype=torch.double)
        row[[positions[other] for other in others]] = -1.0
        rows.append((row, simplex.total))
    return ColumnAction(widened_action(symmetry.action, columns, len(positions)), len(names), columns, sums, rows)


def widened_action(action: Action, columns: Sequence[Sequence[int]], width: int) -> Action:
    """Translate an action on parameters to one on their columns.

    Args:
        action: The action on p parameters.
        columns: The columns of each of the parameters, as many for those that trade places.
        width: The number of columns.
    """
    return Action(width, tuple(_widened(factor, [columns[c] for c in factor.columns]) for factor in action.factors))


def _widened(factor: Factor, columns: Sequence[Sequence[int]]) -> Factor:
    k, total = len(columns), sum(map(len, columns))
    starts = [sum(map(len, columns[:i])) for i in range(k)]
    at = [list(range(start, start + len(own))) for start, own in zip(starts, columns)]

    def permutation(p: Permutation) -> Permutation:
        return tuple(at[point % k][t] + total * (point // k) for point in p for t in range(len(at[point % k])))

    return Factor(
        columns=tuple(c for own in columns for c in own),
        generators=tuple(permutation(p) for p in factor.generators),
        blocks=tuple(tuple(j for i in block for j in at[i]) for block in factor.blocks),
    )
