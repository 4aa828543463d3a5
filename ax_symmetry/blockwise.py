"""The average over a group of any kernel that is a product over sets of columns, such as the blocks.

With k(x, x') = k(0, 0) times the product over the sets S of k(x_S, x'_S) / k(0, 0), where x_S is x with zeros in all
other columns, the average over a direct product of groups is the product of the averages over each, and the average
over the symmetric group on m blocks is a permanent, as for a Gaussian (see `gaussians`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Protocol

import torch
from torch import Tensor

from ax_symmetry.gaussians import Permanent, Sum
from ax_symmetry.permanents import permanent


class Base(Protocol):
    """A kernel at rows `... x n x d` and `... x n' x d`: entries `... x n x n'`; of n pairs of rows `... x n`."""

    def __call__(self, one: Tensor, other: Tensor, diag: bool = False) -> Tensor: ...


@dataclass(frozen=True)
class Blockwise:
    """The averages over a group of a kernel that is a product over the sets of columns of its parts.

    Cost per entry: m^2 entries of the kernel and m 2^m operations for the symmetric group on m blocks.

    Attributes:
        base: The kernel.
        parts: The group, see `gaussians.parts_of`.
        width: The number d of columns.
        paired: Evaluate n pairs of rows.
    """

    base: Base
    parts: Sequence[Sum | Permanent]
    width: int
    paired: bool = False

    def __call__(self, points: Tensor, rows: Tensor) -> Tensor:
        """Average k(g x, x') over the elements g.

        Args:
            points: Points of rows x, `... x n x P`.
            rows: Rows x', `... x n' x d`; they may be followed by further points.

        Returns:
            Entries `... x n x n'`, or `... x n` of pairs.
        """
        average = top = self._top(rows)
        for part in self.parts:
            if isinstance(part, Sum):
                average = average * self._entries(points, part.images, rows, part.columns, part.columns)[0] / top
                continue
            blocks = part.blocks
            matrices = torch.stack([  # K x m x m x ... x n x n'
                torch.stack([self._entries(points, own, rows, blocks, blocks[0]) for own in element])
                for element in part.images
            ])
            # Rounding of a Matern kernel's distance may leave a trace below zero.
            found = permanent((matrices / top).clamp(min=0).movedim(0, 2)) / factorial(len(blocks))
            if len(part.rest):
                rest = [self._entries(points, own[None], rows, part.rest, part.rest) for own in part.rest_images]
                found = found * (torch.cat(rest) / top)
            average = average * found.mean(dim=0)
        return average

    def holds(self) -> bool:
        """Tell whether the kernel is such a product, at some rows."""
        draw = torch.Generator().manual_seed(0)
        x, y = (torch.rand(4, self.width, generator=draw, dtype=torch.double) for _ in range(2))
        x[:2], y[:2] = (4 * x[:2]).round() / 4, (4 * y[:2]).round() / 4  # kernels of categories look at equality alone
        product = top = self._top(x)
        for part in self.parts:
            sets = [part.columns] if isinstance(part, Sum) else [*part.blocks, part.rest]
            for columns in sets:
                if len(columns):
                    product = product * self._entries(x, columns[None], y, columns, columns)[0] / top
        return bool(torch.allclose(product, self.base(x, y), rtol=1e-7, atol=1e-10))

    def _top(self, rows: Tensor) -> Tensor:
        """Return k(0, 0), of a shape that broadcasts to the entries'."""
        origin = rows.new_zeros(1, self.width)
        return self.base(origin, origin, diag=self.paired)

    def _entries(self, points: Tensor, images: Tensor, rows: Tensor, columns: Tensor, place: Tensor) -> Tensor:
        """Evaluate k(x_S, x'_S), averaged over F images of some columns of the first rows.

        Args:
            points: Points of the first rows.
            images: F images of the w columns S, as points: `F x w`.
            rows: The other rows.
            columns: The columns of these that are compared with the images, `w`, or J times: `J x w`.
            place: The w columns where the kernel finds either.

        Returns:
            Entries `J x ... x n x n'`, or `J x ... x n` of pairs; J = 1 for one set of columns.
        """
        a, b = self._placed(points, images, place), self._placed(rows, columns.view(-1, columns.shape[-1]), place)
        f, j = a.shape[-2], b.shape[-2]
        if self.paired:
            shape = *torch.broadcast_shapes(a.shape[:-2], b.shape[:-2]), f, j, self.width
            a, b = a.unsqueeze(-2).expand(shape), b.unsqueeze(-3).expand(shape)
            entries = self.base(a.flatten(-4, -2), b.flatten(-4, -2), diag=True).unflatten(-1, (-1, f, j))
            return entries.mean(dim=-2).movedim(-1, 0)
        entries = self.base(a.flatten(-3, -2), b.flatten(-3, -2))
        return entries.unflatten(-1, (-1, j)).unflatten(-3, (-1, f)).mean(dim=-3).movedim(-1, 0)

    def _placed(self, rows: Tensor, sources: Tensor, place: Tensor) -> Tensor:
        """Put F selections `F x w` of rows `... x n x P` into w columns, zeros elsewhere: `... x n x F x d`."""
        sources, place = sources.to(rows.device), place.to(rows.device)
        selected = rows.index_select(-1, sources.flatten()).unflatten(-1, sources.shape)
        return rows.new_zeros(*selected.shape[:-1], self.width).index_copy(-1, place, selected)
