"""The action of a group on the columns of tensors, as a model or a kernel sees them.

A parameter is one column, or several if it is one-hot. The images of a row are selections of numbers: of its columns,
of the values of implied parameters, and of the mirror images of all these. Only mirror images and implied values are
computed; both are affine in the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from ax_symmetry.groups.actions import Action
from ax_symmetry.groups.induced_action import induced_action
from ax_symmetry.kernels.column_places import ColumnPlace, amounts_of, categories_of, circles_of, implied_column
from ax_symmetry.kernels.embeddings import Categories, Circles, Embedding
from ax_symmetry.kernels.inert_columns import InertColumns
from ax_symmetry.kernels.rotations import Rotations
from ax_symmetry.kernels.translations import Translations
from ax_symmetry.symmetry.inert import Inert
from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class ColumnAction:
    """A finite group that acts on rows of d columns.

    Rows `... x n x d` become full rows `... x n x D` by `append_implied`, and points `... x n x 2 D` by `points`. An
    element is a row of indices into these points.

    Attributes:
        action: The action on the D columns of full rows, those of implied parameters last.
        width: The number d of columns that rows have.
        partner, sign, shift: Mirrored, column j is `sign[j] * row[partner[j]] + shift[j]`, all `D`. The partner is the
            column itself if its parameter has no other one.
        weights, offsets: The columns of implied parameters are `row @ weights + offsets`, `d x (D - d)` and `D - d`.
        circles: The quotient map of periodic parameters, None without any.
        categories: The embedding of choices without an order, None without any; a kernel sees what both make of rows.
        inert: The quotient map of blocks that may be absent, None without any.
        translations: The quotient map of scalings and shifts, None without any.
        rotations: The pairs of columns that are turned together, None without any.
        joined: Sets of columns that have one lengthscale, whatever the group does.
        amounts: The columns that say how much of a block there is, and what stands there for nothing.
    """

    action: Action
    width: int
    partner: Tensor
    sign: Tensor
    shift: Tensor
    weights: Tensor
    offsets: Tensor
    circles: Circles | None = None
    categories: Categories | None = None
    inert: InertColumns | None = None
    translations: Translations | None = None
    rotations: Rotations | None = None
    joined: tuple[tuple[int, ...], ...] = ()
    amounts: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        symmetry: Symmetry,
        places: Mapping[str, ColumnPlace],
        width: int,
        categories: Mapping[int, Sequence[float]] | None = None,
        inert: Sequence[Inert] | None = None,
    ) -> ColumnAction:
        """Make the action of a symmetry on the columns of a model.

        Args:
            symmetry: The symmetry.
            places: Where its parameters are. A parameter that is missing is implied by its simplex.
            width: The number d of columns.
            categories: The values of every column, by its number, that holds a choice without an order.
            inert: The slots that change nothing while another has some value; those of the symmetry by default.

        Raises:
            NotAveraged: A parameter that implies another, has a period or is shifted, is not affine in its column.
        """
        implied = list(symmetry.implied(places))
        weights, offsets = torch.zeros(width, len(implied)).double(), torch.zeros(len(implied)).double()
        full = dict(places)
        for number, name in enumerate(implied):
            like = next((places[other] for other in symmetry.orbit_of(name) if other in places), ColumnPlace(()))
            full[name] = replace(like, columns=(width + number,))
            weights[:, number], offsets[number] = implied_column(symmetry, name, places, like, width)
        columns = [full[name].columns for name in symmetry.parameters]
        total = width + len(implied)
        partner, sign, shift = torch.arange(total), torch.ones(total).double(), torch.zeros(total).double()
        for place in (full[name] for name in symmetry.parameters):
            partner[list(place.columns)] = torch.tensor(place.columns[::-1])
            if len(place.columns) == 1:
                sign[place.columns[0]], shift[place.columns[0]] = -1.0, place.mirror_sum
        action = induced_action(symmetry.action, columns, total)
        embeddings = circles_of(symmetry, places), categories_of(categories)
        amounts = amounts_of(symmetry, full)
        quotient = InertColumns.of(symmetry.inert if inert is None else inert, symmetry, full, total, amounts)
        turned = Rotations.of(symmetry, full)
        moved = Translations.of(symmetry, full, total, turned)
        joined = () if turned is None else tuple(map(tuple, turned.pairs.tolist()))
        maps = *embeddings, quotient, moved, turned
        return cls(action, width, partner, sign, shift, weights, offsets, *maps, joined, amounts)

    @property
    def order(self) -> int:
        """The number |G| of elements."""
        return self.action.order

    @property
    def has_implied(self) -> bool:
        """Whether full rows have more columns than rows; then the group does not map the d columns to themselves."""
        return self.action.width > self.width

    @cached_property
    def mirrors(self) -> bool:
        """Whether an element takes the mirror image of a column."""
        return bool((self.action.generators >= self.action.width).any())

    @cached_property
    def commutes_with_rotations(self) -> bool:
        """Whether no element of the finite group changes the sense in which pairs are turned, as mirrors do."""
        if self.rotations is None:
            return True
        draw = torch.Generator().manual_seed(0)
        x, quarter = torch.rand(1, self.width, generator=draw).double(), torch.tensor([torch.pi / 2])
        first, then = self.points(self.rotations(x, quarter)), self.points(x)
        return all(torch.allclose(first[:, g], self.rotations(then[:, g], quarter)) for g in self.generators)

    @cached_property
    def elements(self) -> Tensor:
        """All elements `|G| x d` as points; of a group that can be written out."""
        return torch.from_numpy(self.action.elements[:, :self.width])

    @cached_property
    def generators(self) -> Tensor:
        """Elements that generate the group, as points of full rows."""
        return torch.from_numpy(self.action.generators)

    @cached_property
    def classes(self) -> list[list[int]]:
        """The columns that the group moves to each other; one-hot, also those that a mirror swaps."""
        classes = [[c for c in orbit if c < self.width] for orbit in self._column_orbits]
        return sorted(columns for columns in classes if columns)

    @cached_property
    def class_index(self) -> Tensor:
        """The number of the class of each column, `d`."""
        index = {column: i for i, columns in enumerate(self.classes) for column in columns}
        return torch.tensor([index[column] for column in range(self.width)])

    @cached_property
    def _column_orbits(self) -> list[list[int]]:
        """The classes of full rows."""
        joined = {j: {j} for j in range(self.action.width)}
        joined.update({j: set(columns) for columns in self.joined for j in columns})
        for factor in self.action.factors:
            for j, column in enumerate(factor.columns):
                points = self.action.to_row_points(factor, factor.reachable_points(j)).tolist()
                sources = [p if p < self.action.width else int(self.partner[p - self.action.width]) for p in points]
                orbit = set.union(joined[column], *(joined[source] for source in sources))
                joined.update({other: orbit for other in orbit})
        return [sorted(orbit) for orbit in {frozenset(orbit) for orbit in joined.values()}]

    @property
    def embeddings(self) -> list[Embedding]:
        """The maps that lead from full rows to those that a kernel sees, in order."""
        return [embedding for embedding in (self.circles, self.categories) if embedding is not None]

    def for_kernel(self) -> ColumnAction:
        """Return the action on rows as a kernel sees them: the columns that one column becomes move together."""
        width = self.action.width
        action = replace(self, width=width, circles=None, categories=None, inert=None, translations=None)
        for embedding in self.embeddings:
            action = action.embedded(embedding)
        return action

    def embedded(self, embedding: Embedding) -> ColumnAction:
        """Return the action on rows that an embedding has made of full rows."""
        places = embedding.places(self.width)
        extra = sum(embedding.sizes) - len(places)
        partner = torch.cat([self.partner, torch.arange(self.width, self.width + extra)])
        sign, shift = (torch.cat([x, x.new_zeros(extra)]) for x in (self.sign, self.shift))
        for place in places.values():
            turned, signs = embedding.mirror(len(place))
            partner[place] = torch.tensor(place)[turned]
            sign[place], shift[place] = sign.new_tensor(signs), 0.0
        columns = [places.get(j, [j]) for j in range(self.width)]
        return replace(
            self,
            action=induced_action(self.action, columns, self.width + extra),
            width=self.width + extra,
            partner=partner,
            sign=sign,
            shift=shift,
            joined=(*self.joined, *map(tuple, places.values())),
        )

    def kernel_rows(self, x: Tensor, weights: Tensor | None = None, quotient: bool = True) -> Tensor:
        """Make of rows `... x n x d` what a kernel sees.

        Args:
            x: The rows.
            weights: For the quotient by translations, `... x 1 x D`; see `Translations`.
            quotient: Put periodic columns on circles, and divide translations out; else they stay on their line.
        """
        rows = full = self.append_implied(x)
        if self.rotations is not None:
            rows = full = self.rotations.isotropic(full)
        if self.translations is not None:
            rows = self.translations.coordinates(full)
            shares = None if self.inert is None else self.inert.share(full)
            rows = self.translations(rows, weights, shares) if quotient else rows
        for embedding in self.embeddings:
            on_line = embedding is self.circles and not quotient
            rows = torch.nn.functional.pad(rows, (0, len(embedding.columns))) if on_line else embedding(rows)
        if self.inert is None:
            return rows
        return self.inert.quotient(full, rows, *self._constants)

    @cached_property
    def _constants(self) -> tuple[Tensor, Tensor]:
        """The full column that each column of a kernel's rows is made of, and what stands there if it is inert.

        That is the middle of everything: of a range, of a circle, and of the corners that choices are.
        """
        source = torch.arange(self.action.width)
        constants = source.new_zeros(0).double() if self.inert is None else self.inert.middle.nan_to_num(0.5)
        if self.translations is not None and self.inert is not None:
            moved = self.translations.span.any(dim=0)
            constants[moved] = self.translations.centers[moved]
        if self.rotations is not None and self.inert is not None:
            constants[self.rotations.pairs] = self.rotations.centers
        for embedding in self.embeddings:
            for column, own in embedding.places(len(source)).items():
                constants[column] = 0.0
                source = torch.cat([source, source.new_full((len(own) - 1,), column)])
        return source, torch.cat([constants, constants.new_zeros(len(source) - len(constants))])

    def one_experiment(self, full: Tensor) -> Tensor:
        """Give inert numbers of full rows the constant that mirrors leave alone."""
        return full if self.inert is None else torch.where(self.inert.mask(full), self.inert.middle.to(full), full)

    def at_lowest(self, x: Tensor) -> Tensor:
        """Give inert numbers of rows `... x n x d` their lowest values."""
        if self.inert is None:
            return x
        mask = self.inert.mask(self.append_implied(x))[..., : self.width]
        return torch.where(mask, self.inert.lowest[: self.width].to(x), x)

    def scaled(self, lower: Tensor, width: Tensor) -> ColumnAction:
        """Return the action on rows `(x - lower) / width`, given both for the d columns.

        Implied columns are scaled as those that they trade places with. With u = (x - l) / w, the mirror image
        x'_j = s_j x_p + t_j becomes u'_j = (s_j (w_p u_p + l_p) + t_j - l_j) / w_j, where w_p = w_j, as columns that
        are swapped are scaled alike; an implied x W + b becomes (u (w W) + l W + b - l_j) / w_j.
        """
        like = {j: orbit[0] for orbit in self._column_orbits for j in orbit}
        full = [j if j < self.width else like[j] for j in range(self.action.width)]
        extra = len(self.offsets)
        # An implied column that nothing moves is like no other: it keeps its units.
        low, wide = torch.cat([lower, lower.new_zeros(extra)])[full], torch.cat([width, width.new_ones(extra)])[full]
        return replace(
            self,
            shift=(self.sign * low[self.partner] + self.shift - low) / wide,
            weights=self.weights * width.unsqueeze(-1) / wide[self.width:],
            offsets=(lower @ self.weights + self.offsets - low[self.width:]) / wide[self.width:],
            circles=None if self.circles is None else self.circles.scaled(lower, width),
            categories=None if self.categories is None else self.categories.scaled(lower, width),
            inert=None if self.inert is None else self.inert.scaled(low, wide),
            translations=None if self.translations is None else self.translations.scaled(low, wide),
            rotations=None if self.rotations is None else self.rotations.scaled(low, wide),
            amounts={c: (zero - float(low[c])) / float(wide[c]) for c, zero in self.amounts.items()},
        )

    def append_implied(self, x: Tensor) -> Tensor:
        """Make full rows `... x n x D` of rows `... x n x d`."""
        return torch.cat([x, x @ self.weights.to(x) + self.offsets.to(x)], dim=-1) if self.has_implied else x

    def mirrored(self, x: Tensor) -> Tensor:
        """Mirror every parameter of full rows."""
        return x.index_select(-1, self.partner.to(x.device)) * self.sign.to(x) + self.shift.to(x)

    def points(self, x: Tensor) -> Tensor:
        """Put full rows beside their mirror images, if the group mirrors."""
        return torch.cat([x, self.mirrored(x)], dim=-1) if self.mirrors else x

    def take(self, points: Tensor, elements: Tensor) -> Tensor:
        """Return the images `... x n x F x w` of points `... x n x P` under elements `F x w`, indices into them."""
        return points.index_select(-1, elements.to(points.device).flatten()).unflatten(-1, elements.shape)

    def __call__(self, x: Tensor) -> Tensor:
        """Return all images `... x n x |G| x d` of rows `... x n x d`."""
        return self.take(self.points(self.append_implied(x)), self.elements)
