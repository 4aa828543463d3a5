"""Kernels that are averaged over rotations: the mean over enough angles, as cosets of the finite part of the group.

    k(x, x') = 1/N sum over angles of k_F(x, R x'),    angle = 2 pi j / N

For a smooth kernel the mean over N equal angles converges exponentially to that over the circle (Trefethen and
Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 2014). N is chosen for each evaluation from the
present lengthscales and from how far the points are from the center, so that the error stays below `TOLERANCE`: 8 to 20
angles where lengthscales are long. A Matern-5/2 kernel is not smooth where two points meet, and takes more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels.chunks import sum_over_images
from ax_symmetry.kernels.column_places import ColumnPlace
from ax_symmetry.kernels.covariance import Covariance
from ax_symmetry.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from ax_symmetry.kernels.averaged import AveragedKernel

TOLERANCE = 1e-8
"""How far covariances of a normalized kernel may be from those of the mean over the circle."""
ANGLES = (8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512)
"""How many angles there may be, all even."""


@dataclass(frozen=True, eq=False)
class Rotations:
    """Pairs of columns that are turned together.

    Attributes:
        pairs: The columns of the p pairs, `p x 2`.
        centers: What they are turned about, `p x 2`.
        ratios: By what the second column of each pair is multiplied, about the center, to be in units of the first.
    """

    pairs: Tensor
    centers: Tensor
    ratios: Tensor

    @classmethod
    def of(cls, symmetry: Symmetry, places: Mapping[str, ColumnPlace]) -> Rotations | None:
        """Find the columns; None if there is no rotation.

        Raises:
            NotAveraged: A parameter is bent in its column.
        """
        part = symmetry.turned
        if part is None:
            return None
        pairs, centers, ratios = [], [], []
        for pair in part.pairs:
            slopes, about = [], []
            for name, center in zip(pair, part.center or (None, None)):
                place = places[name]
                if place.slope is None or len(place.columns) > 1:
                    raise NotAveraged(f"parameter {name} is not linear in the model, but is turned.")
                slopes.append(place.slope)
                about.append(place.mirror_sum / 2 if center is None else place.offset + place.slope * center)
            pairs.append([places[name].columns[0] for name in pair])
            centers.append(about)
            ratios.append(abs(slopes[0] / slopes[1]))
        return cls(torch.tensor(pairs), *(torch.tensor(own, dtype=torch.double) for own in (centers, ratios)))

    def isotropic(self, rows: Tensor) -> Tensor:
        """Give both columns of each pair one unit, in rows `... x n x D`."""
        if bool((self.ratios == 1.0).all()):
            return rows
        along, (center, ratio) = self.pairs[:, 1].to(rows.device), (self.centers[:, 1].to(rows), self.ratios.to(rows))
        return rows.index_copy(-1, along, center + (rows.index_select(-1, along) - center) * ratio)

    def __call__(self, rows: Tensor, angles: Tensor) -> Tensor:
        """Turn rows `... x n x D` by A angles: `... x A n x D`, all rows at the first angle, then at the next."""
        across, along = self.pairs.to(rows.device).T
        x, y = self.centers.to(rows).T
        u, v = rows.index_select(-1, across) - x, rows.index_select(-1, along) - y
        cosine, sine = angles.to(rows).cos()[:, None, None], angles.to(rows).sin()[:, None, None]
        turned = torch.cat([rows] * len(angles), dim=-2)
        u, v = u.unsqueeze(-3), v.unsqueeze(-3)  # ... x A x n x p
        turned = turned.index_copy(-1, across, x + (cosine * u - sine * v).flatten(-3, -2))
        return turned.index_copy(-1, along, y + (sine * u + cosine * v).flatten(-3, -2))

    def arms(self, rows: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted distances from the center `... x n x p` of pairs in rows, given weights `... x 1 x D`."""
        pairs, centers = self.pairs.to(rows.device), self.centers.to(rows)
        squares = (rows[..., pairs] - centers).square().sum(dim=-1)
        return (squares * weights.index_select(-1, self.pairs[:, 0].to(rows.device))).sqrt()

    def scaled(self, lower: Tensor, width: Tensor) -> Rotations:
        """Return the pairs in rows `(x - lower) / width`, given both for the D columns."""
        wide = width[self.pairs]
        centers = (self.centers - lower[self.pairs]) / wide
        return replace(self, centers=centers, ratios=self.ratios * wide[:, 1] / wide[:, 0])


class Turned(Covariance):
    """A covariance averaged over rotations. Prepared: the rows as they are.

    Args:
        inner: The covariance that is averaged over the finite part of the group.
        kernel: The kernel.
        rotations: The rotations.
        weights: 1 / lengthscale^2 of every column, `... x 1 x d`; None if the base kernel has no such thing.
        is_smooth: Whether the kernel is as smooth as an RBF kernel, not a Matern-5/2 one.
    """

    def __init__(
        self, inner: Covariance, kernel: AveragedKernel, rotations: Rotations, weights: Tensor | None, is_smooth: bool
    ) -> None:
        super().__init__(inner.normalize)
        self.inner, self.action, self.rotations, self.is_smooth = inner, kernel.action, rotations, is_smooth
        self.is_symmetric = kernel.action.commutes_with_rotations
        self.weights = None if weights is None else weights.detach()

    def prepare(self, x: Tensor) -> Tensor:
        return x

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        n = self._number(one, other)
        angles, straight = _even(n), self.inner.prepare(other)
        if one is not other or not self.is_symmetric:
            return self._total(one, straight, angles) / n
        # The entries at an angle are those at its opposite, transposed, as k_F(R x, R x') = k_F(x, x').
        half = self._total(one, straight, angles[1 : n // 2])
        both = self.inner(straight, straight) + self._total(one, straight, angles[n // 2 : n // 2 + 1])
        return (both + half + half.mT) / n

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        n = self._number(one, other)
        turned = self.inner.prepare(self.rotations(one, _even(n)))
        others = torch.cat([self.inner.prepare(other)] * n, dim=-2)
        return self.inner.diagonal(turned, others).unflatten(-1, (n, -1)).mean(dim=-2)

    def prior_variance(self, prepared: Tensor) -> Tensor:
        return self.inner.prior_variance(self.inner.prepare(prepared))

    def _total(self, one: Tensor, other: Tensor, angles: Tensor) -> Tensor:
        """Add up the entries of rows at some angles with prepared ones; if they are too many at once, in chunks."""

        def total(chunk: Tensor) -> Tensor:  # f x 1
            entries = self.inner(self.inner.prepare(self.rotations(one, chunk.squeeze(-1))), other)
            return entries.unflatten(-2, (len(chunk), -1)).sum(dim=-3)

        numbers = one.shape[:-1].numel() * other.shape[-2] * self.action.width**2
        return sum_over_images(total, angles.unsqueeze(-1), numbers)

    def _number(self, one: Tensor, other: Tensor) -> int:
        """Choose how many angles keep the error below the tolerance."""
        if self.weights is None or 0 in (one.numel(), other.numel()):
            return ANGLES[-1]
        arms = [self.rotations.arms(rows.detach(), self.weights.to(rows)) for rows in (one, other)]
        longest = [float(own.square().sum(dim=-1).max().sqrt()) for own in arms]
        wanted = _angles_of_rbf(longest[0] * longest[1])
        if not self.is_smooth:
            furthest = max(float(own.max()) for own in arms)
            wanted = max(wanted, _angles_of_matern(furthest, len(self.rotations.pairs)))
        return next((n for n in ANGLES if n >= wanted), ANGLES[-1])


def _even(n: int) -> Tensor:
    """Return n even angles, from 0 on."""
    return torch.arange(n, dtype=torch.double) * (2 * torch.pi / n)


def _angles_of_rbf(z: float) -> int:
    """Return the least N with 2 I_N / I_0 at z below the tolerance.

    An RBF kernel depends on the angle as exp(z' cos(angle + ...)), with z' at most z for every element of the finite
    group, so that its mean over N angles is off by 2 I_N(z') for I_0(z'). That ratio grows with z', so that of a
    normalized kernel no entry is off by more than 2 I_N(z) / I_0(z).
    """
    from scipy.special import ive

    numbers = np.asarray(ANGLES)
    good = numbers[2 * ive(numbers, z) <= TOLERANCE / 2 * ive(0, z)]
    return int(good[0]) if len(good) else ANGLES[-1]


def _angles_of_matern(r: float, pairs: int) -> int:
    """Return the least N at which the fifth derivative's jump, where two points meet, errs by less than the tolerance.

    The Matern-5/2 kernel of the chord of a circle of radius r has the term -(5^(1/2) r |angle|)^5 / 45, whose Fourier
    coefficients are 120 / (pi N^6) times that factor.
    """
    return ceil((2 * 120 / np.pi * pairs * (5**0.5 * r) ** 5 / 45 / (TOLERANCE / 10)) ** (1 / 6))
