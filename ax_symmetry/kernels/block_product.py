"""Any kernel that is a product over sets of columns, such as the blocks, averaged over images.

k(x, x') = k(0, 0) times the product over the sets S of k(x_S, x'_S) / k(0, 0), where x_S is x with zeros in all other
columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ax_symmetry.kernels.group_average import PermanentAverage, ElementAverage


class Base(Protocol):
    """A kernel at rows `... x n x d` and `... x n' x d`: entries `... x n x n'`; of n pairs of rows `... x n`."""

    def __call__(self, one: Tensor, other: Tensor, diag: bool = False) -> Tensor: ...


@dataclass(frozen=True)
class Blockwise:
    """k(x_S, x'_S) / k(0, 0), as `parts.Entries`.

    Attributes:
        base: The kernel k.
        width: The number d of columns.
        paired: Evaluate n pairs of rows: entries `I... x J... x ... x n`.
    """

    base: Base
    width: int
    paired: bool = False

    def top(self, rows: Tensor) -> Tensor:
        """Return k(0, 0), of a shape that broadcasts to the entries'."""
        origin = rows.new_zeros(1, self.width)
        return self.base(origin, origin, diag=self.paired)

    def holds(self, parts: Sequence[ElementAverage | PermanentAverage]) -> bool:
        """Tell whether the kernel is a product over the sets of columns of the parts, at some rows."""
        draw = torch.Generator().manual_seed(0)
        x, y = (torch.rand(4, self.width, generator=draw, dtype=torch.double) for _ in range(2))
        x[:2], y[:2] = (4 * x[:2]).round() / 4, (4 * y[:2]).round() / 4  # kernels of categories look at equality alone
        product = self.top(x)
        for part in parts:
            for columns in part.sets:
                product = product * self(x, y, columns[None], columns)
        return bool(torch.allclose(product, self.base(x, y), rtol=1e-7, atol=1e-10))

    def __call__(self, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
        """Evaluate the kernel; the columns of other blocks are put where the first block's are."""
        place = columns.view(-1, columns.shape[-1])[0]
        b = self._placed(rows, columns.view(-1, len(place)), place)
        entries = torch.stack([  # I x J x ... x n x n'
            self._of_images(self._placed(points, own, place), b) for own in images.view(-1, *images.shape[-2:])
        ])
        return entries.view(*images.shape[:-2], *columns.shape[:-1], *entries.shape[2:]) / self.top(rows)

    def _placed(self, rows: Tensor, sources: Tensor, place: Tensor) -> Tensor:
        """Put F selections `F x w` of rows `... x n x P` into w columns, zeros elsewhere: `... x n x F x d`."""
        sources, place = sources.to(rows.device), place.to(rows.device)
        selected = rows.index_select(-1, sources.flatten()).unflatten(-1, sources.shape)
        return rows.new_zeros(*selected.shape[:-1], self.width).index_copy(-1, place, selected)

    def _of_images(self, a: Tensor, b: Tensor) -> Tensor:
        """Average over F images of each of n rows, `... x n x F x d` and `... x n' x J x d`: `J x ... x n x n'`."""
        f, j = a.shape[-2], b.shape[-2]
        if self.paired:
            shape = *torch.broadcast_shapes(a.shape[:-2], b.shape[:-2]), f, j, self.width
            a, b = a.unsqueeze(-2).expand(shape), b.unsqueeze(-3).expand(shape)
            entries = self.base(a.flatten(-4, -2), b.flatten(-4, -2), diag=True).unflatten(-1, (-1, f, j))
            return entries.mean(dim=-2).movedim(-1, 0)
        entries = self.base(a.flatten(-3, -2), b.flatten(-3, -2))
        return entries.unflatten(-1, (-1, j)).unflatten(-3, (-1, f)).mean(dim=-3).movedim(-1, 0)
