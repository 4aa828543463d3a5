"""A covariance function, split into what it makes of rows and what it makes of pairs of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Covariance(ABC):
    """A symmetric covariance function with given hyperparameters.

    Rows are prepared once (scaled, mirrored, their implied values appended), also where they take part in many pairs.

    Args:
        normalize: Scale the covariances such that the variance is the prior variance everywhere.
    """

    def __init__(self, normalize: bool) -> None:
        self.normalize = normalize

    @abstractmethod
    def prepare(self, x: Tensor) -> Tensor:
        """Prepare rows `... x n x d`; returns `... x n x P`."""

    @abstractmethod
    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the covariances `... x n x n'`, not normalized, of prepared rows; let the first be the fewer."""

    @abstractmethod
    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the covariances of n prepared rows with their counterparts, `... x n`, not normalized."""

    @abstractmethod
    def prior_variance(self, prepared: Tensor) -> Tensor:
        """Return the variance that normalized covariances have, of a shape that broadcasts to `... x n`."""

    def row_scaling(self, prepared: Tensor, variance: Tensor | None = None) -> Tensor | None:
        """Return by what the covariances of each row are multiplied, `... x n`; None if they are not."""
        return self.prior_scaling(prepared, variance) if self.normalize else None

    def prior_scaling(self, prepared: Tensor, variance: Tensor | None = None) -> Tensor:
        """Return sqrt(prior variance / variance) of each row, `... x n`; a variance that is not given is computed."""
        variance = self.diagonal(prepared, prepared) if variance is None else variance
        return (self.prior_variance(prepared) / variance).sqrt()


def scale_entries(entries: Tensor, left: Tensor | None, right: Tensor | None) -> Tensor:
    """Multiply entries `... x n x n'` by `left` of their row, `... x n`, and `right` of their column, `... x n'`."""
    if left is None or right is None:
        return entries
    return entries * (left.unsqueeze(-1) * right.unsqueeze(-2))
