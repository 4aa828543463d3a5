"""What a kernel sees of columns whose differences are no distances: angles on circles, choices as indicators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Embedding(ABC):
    """A map of rows of D columns to rows of D + e: each of some columns becomes several, the first in its place.

    Attributes:
        columns: The c columns.
    """

    columns: list[int]

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Map rows `... x n x D` to `... x n x (D + e)`; the e new columns come last, those of a column together."""

    @abstractmethod
    def scaled(self, lower: Tensor, width: Tensor) -> Embedding:
        """Return the map of rows `(x - lower) / width`, given both for the D columns."""

    @property
    @abstractmethod
    def sizes(self) -> Sequence[int]:
        """How many columns each of the c columns becomes."""

    @abstractmethod
    def mirror(self, size: int) -> tuple[list[int], list[float]]:
        """Return what a mirror makes of the columns of one column: which takes the place of each, and its sign."""

    def places(self, start: int) -> dict[int, list[int]]:
        """Return the columns that each column becomes, the new ones counted from a number on."""
        places = {}
        for column, size in zip(self.columns, self.sizes):
            places[column] = [column, *range(start, start + size - 1)]
            start += size - 1
        return places


@dataclass(frozen=True, eq=False)
class Circles(Embedding):
    """The quotient map of periodic parameters, onto circles.

    With r = period / (2 pi) and a = (u - origin) / r, a column u becomes r cos a, and r sin a in a new one. The
    distance of two points is the chord, period / pi * sin(pi |u - u'| / period).

    Attributes:
        periods: Their periods, `c`.
        origins: Where a mirror leaves them alone, `c`; it changes the sign of the sine.
    """

    periods: Tensor
    origins: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        index, radius = torch.tensor(self.columns, device=x.device), self.periods.to(x) / (2 * torch.pi)
        angle = (x.index_select(-1, index) - self.origins.to(x)) / radius
        return torch.cat([x.index_copy(-1, index, radius * angle.cos()), radius * angle.sin()], dim=-1)

    def scaled(self, lower: Tensor, width: Tensor) -> Circles:
        wide = width[self.columns]
        return Circles(self.columns, self.periods / wide, (self.origins - lower[self.columns]) / wide)

    @property
    def sizes(self) -> Sequence[int]:
        return [2] * len(self.columns)

    def mirror(self, size: int) -> tuple[list[int], list[float]]:
        return [0, 1], [1.0, -1.0]


@dataclass(frozen=True, eq=False)
class Categories(Embedding):
    """The embedding of choices without an order, as corners of a simplex.

    A column becomes one indicator for each of its k values, each 0 or sqrt(1/2), so that any two values differ by the
    distance 1. A stationary kernel of it is a categorical one: it looks at equality alone.

    Attributes:
        values: The values of each column, in order.
    """

    values: list[Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        index = torch.tensor(self.columns, device=x.device)
        indicators = [self._indicators(x[..., c], values) for c, values in zip(self.columns, self.values)]
        first = torch.stack([own[..., 0] for own in indicators], dim=-1)
        return torch.cat([x.index_copy(-1, index, first), *(own[..., 1:] for own in indicators)], dim=-1)

    @staticmethod
    def _indicators(x: Tensor, values: Tensor) -> Tensor:
        """Tell for entries `...` which of k values each is nearest to, `... x k`."""
        nearest = (x.unsqueeze(-1) - values.to(x)).abs().argmin(dim=-1)
        return torch.nn.functional.one_hot(nearest, len(values)).to(x) * 0.5**0.5

    def scaled(self, lower: Tensor, width: Tensor) -> Categories:
        own = zip(self.columns, self.values)
        return Categories(self.columns, [(values - lower[c]) / width[c] for c, values in own])

    @property
    def sizes(self) -> Sequence[int]:
        return [len(values) for values in self.values]

    def mirror(self, size: int) -> tuple[list[int], list[float]]:
        return list(range(size))[::-1], [1.0] * size
