"""The posterior of a model as a search evaluates it: of candidates, and of rows before them that stay the same.

An acquisition function such as qLogNoisyExpectedImprovement first evaluates the posterior of its baseline, training
rows and pending trials, then, many times, that of the baseline followed by candidates, in a batch of restarts. Model
and baseline are constants in this, so that whatever depends on them alone is computed once, and a step evaluates the
kernel for the candidates alone. GPyTorch would join all rows, and solve for the training rows, in every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from botorch.models import SingleTaskGP
from gpytorch.distributions import MultivariateNormal
from linear_operator.operators import DenseLinearOperator
from torch import Tensor

from ax_symmetry.kernels.covariance import scale_entries


@dataclass(frozen=True)
class BaselinePosterior:
    """The posterior of the s rows of a baseline, given n training rows.

    Attributes:
        prepared: The training rows and those of the baseline, as the kernel prepares them, `(n + s) x P`.
        scaling: By what their covariances are multiplied, `n + s`; None for an average that is not normalized.
        weights: `[K^-1 (y - m), K^-1 k(X, baseline)]`, `n x (1 + s)`.
        mean: The posterior means, `s`.
        covariance: The posterior covariances, `s x s`.
        deviations: By what the posterior deviations are multiplied, `s`; None if they are not.
    """

    prepared: Tensor
    scaling: Tensor | None
    weights: Tensor
    mean: Tensor
    covariance: Tensor
    deviations: Tensor | None


class SearchPosterior:
    """The posterior of a Gaussian process with an averaged kernel, a constant mean, one outcome, and nothing to learn.

    Cost: n^3 once and n^2 s for a baseline of s rows; for q candidates, q (n + s + q) entries of the kernel and a
    product with an n x n matrix.

    Args:
        model: The model, in evaluation mode.
        scale_deviations: Multiply the deviations by sqrt(k(x, x) / k_G(x, x)), see `AveragedGP`.
    """

    def __init__(self, model: SingleTaskGP, scale_deviations: bool) -> None:
        self.x, self.y, self.scale_deviations = model.train_inputs[0], model.train_targets, scale_deviations
        self.kernel, self.covariance = model.covar_module, model.covar_module.covariance()
        with torch.no_grad():
            self.prior_mean = model.mean_module(self.x)[0]
            entries = self.kernel(self.x).to_dense() + model.likelihood.noise.expand(len(self.x)).diag()
            root = torch.linalg.cholesky(entries)
            self.inverse_root = torch.linalg.solve_triangular(root, torch.eye(len(root)).to(root), upper=False)
            self.mean_cache = self.inverse_root.mT @ (self.inverse_root @ (self.y - self.prior_mean))
        self.set_baseline(self.x[:0])

    def is_of(self, model: SingleTaskGP) -> bool:
        """Tell whether a model still has the training data that this was made for."""
        return model.train_inputs[0] is self.x and model.train_targets is self.y

    def set_baseline(self, rows: Tensor) -> None:
        """Take rows `s x d` for the baseline of what is evaluated next."""
        self.baseline_rows = rows.detach()
        vars(self).pop("_of_baseline", None)

    def __call__(self, x: Tensor) -> MultivariateNormal:
        """Return the posterior at rows `b x n x d`, with gradients by all of them but those of the baseline.

        The baseline is told by its position: it comes first, equal in all b, and something follows. All rows of a leaf
        of the autograd graph are variables, as a baseline would have been concatenated with them.
        """
        s, variables = len(self.baseline_rows), x.requires_grad and x.is_leaf
        known = not variables and s < x.shape[1] and bool((x[:, :s] == self.baseline_rows).all())
        baseline = self._of_baseline if known else self._of_nothing
        s = len(baseline.mean)
        mean, rows = self._of_candidates(x[:, s:], baseline)
        mean = torch.cat([baseline.mean.expand(len(x), -1), mean], dim=-1)
        above = torch.cat([baseline.covariance.expand(len(x), -1, -1), rows[..., :s].mT], dim=-1)
        return MultivariateNormal(mean, DenseLinearOperator(torch.cat([above, rows], dim=-2)))

    @cached_property
    def _of_baseline(self) -> BaselinePosterior:
        return self._evaluate(self.baseline_rows)

    @cached_property
    def _of_nothing(self) -> BaselinePosterior:
        return self._evaluate(self.x[:0])

    @torch.no_grad()
    def _evaluate(self, rows: Tensor) -> BaselinePosterior:
        """Compute all that candidates do not change."""
        n, covariance = len(self.x), self.covariance
        prepared = covariance.prepare(self.kernel.rows(torch.cat([self.x, rows])))
        scaling = covariance.row_scaling(prepared)
        entries = scale_entries(
            covariance(prepared[n:], prepared), None if scaling is None else scaling[n:], scaling
        )
        half = entries[:, :n] @ self.inverse_root.mT
        weights = torch.cat([self.mean_cache.unsqueeze(-1), self.inverse_root.mT @ half.mT], dim=-1)
        mean = self.prior_mean + entries[:, :n] @ self.mean_cache
        deviations = covariance.prior_scaling(prepared[n:]) if self.scale_deviations else None
        posterior = scale_entries(entries[:, n:] - half @ half.mT, deviations, deviations)
        return BaselinePosterior(prepared, scaling, weights, mean, posterior, deviations)

    def _of_candidates(self, x: Tensor, baseline: BaselinePosterior) -> tuple[Tensor, Tensor]:
        """Return means `b x q`, and covariances with the baseline and each other `b x q x (s + q)`."""
        n, (b, q) = len(self.x), x.shape[:2]
        prepared = self.covariance.prepare(self.kernel.rows(x))
        entries = self.covariance(prepared, torch.cat([baseline.prepared.expand(b, -1, -1), prepared], dim=1))
        variance = entries[..., -q:].diagonal(dim1=-2, dim2=-1)
        if baseline.scaling is not None:
            scaling = self.covariance.prior_scaling(prepared, variance)
            entries = scale_entries(entries, scaling, torch.cat([baseline.scaling.expand(b, -1), scaling], dim=-1))
        with_training, rest = entries[..., :n], entries[..., n:]
        half, weighted = with_training @ self.inverse_root.mT, with_training @ baseline.weights
        covariance = rest - torch.cat([weighted[..., 1:], half @ half.mT], dim=-1)
        if baseline.deviations is not None:
            deviations = self.covariance.prior_scaling(prepared, variance)
            every = torch.cat([baseline.deviations.expand(b, -1), deviations], dim=-1)
            covariance = scale_entries(covariance, deviations, every)
        return self.prior_mean + weighted[..., 0], covariance
