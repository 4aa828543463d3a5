"""The posterior of a model as a search evaluates it: at many places at once, most rows of which all places share.

What GPyTorch does for any model at every step, from joining training rows to solving for their inverse, is done once
here: the model, its training rows and those of running trials are constants. A step evaluates the kernel for the rows
of each place alone.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models import ModelListGP, SingleTaskGP
from gpytorch.distributions import MultivariateNormal
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.settings import prior_mode
from linear_operator.operators import DenseLinearOperator
from torch import Tensor

from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.covariance import joined, normalized, pick, split, with_own
from ax_symmetry.search.averaged_model import AveragedGP, with_mixin


@dataclass(frozen=True)
class Block:
    """The posterior of s rows that all places share, with n training rows.

    Attributes:
        rows: The rows, `s x d`.
        points: Points of the training rows and of these, `(n + s) x P`.
        factors: By what their entries are multiplied, `n + s`.
        weights: Covariances with the training rows times these are the means, and what the training data take off the
            covariances with the rows, `n x (1 + s)`.
        mean: Their means, `s`.
        covariance: Their covariances, `s x s`.
        scales: By what their deviations are multiplied, `s`, of a folded model.
    """

    rows: Tensor
    points: Tensor
    factors: Tensor | None
    weights: Tensor
    mean: Tensor
    covariance: Tensor
    scales: Tensor | None


class Constants:
    """Rows that are no variables of a search, and the blocks of them that it evaluated last.

    Rows that are the same in all restarts need not be constants: candidates may meet in a corner, even in one that was
    measured. They are taken for such if each was evaluated by itself before (rows `n x d`, without a gradient), as
    training rows and those of trials are, and if as many rows never were as different as now.

    Args:
        rows: Rows `n x d` that are known.
    """

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows
        self.fewest: dict[int, int] = {}
        self.blocks: list[Block] = []

    def learn(self, rows: Tensor) -> None:
        """Remember rows `n x d`."""
        if not self.are(rows):
            self.rows = torch.cat([self.rows, rows.detach()])

    def may_be(self, shared: int, n: int) -> bool:
        """Tell whether of n rows no fewer were shared before."""
        self.fewest[n] = min(shared, self.fewest.get(n, n))
        return shared == self.fewest[n]

    def are(self, rows: Tensor) -> bool:
        """Tell whether all of some rows `n x d` are known."""
        return bool((rows.unsqueeze(1) == self.rows).all(dim=-1).any(dim=-1).all())

    def find(self, rows: Tensor) -> Block | None:
        """Look up a block."""
        return next((block for block in self.blocks if torch.equal(block.rows, rows)), None)

    def keep(self, block: Block) -> None:
        """Keep a block."""
        self.blocks = [block, *self.blocks[:1]]


class SearchPosterior:
    """The posterior of a Gaussian process with an averaged kernel whose hyperparameters are constants.

    Cost per step: the entries of each place's own rows with all rows, and their product with a matrix of n x n.

    Args:
        model: The model, of one outcome, with a constant mean.
    """

    def __init__(self, model: SingleTaskGP) -> None:
        self.x, self.y = model.train_inputs[0], model.train_targets
        self.kernel, self.covariance = model.covar_module, model.covar_module.covariance()
        with torch.no_grad():
            self.prior_mean = model.mean_module(self.x)[0]
            entries = self.kernel(self.x).to_dense() + model.likelihood.noise.expand(len(self.x)).diag()
            root = torch.linalg.cholesky(entries)
            self.inverse_root = torch.linalg.solve_triangular(root, torch.eye(len(root)).to(root), upper=False)
            self.mean_cache = self.inverse_root.mT @ (self.inverse_root @ (self.y - self.prior_mean))
        self.constants, self.folded = Constants(self.x), isinstance(model, AveragedGP)

    def is_of(self, model: SingleTaskGP) -> bool:
        """Tell whether a model still has the training data that this was made for."""
        return model.train_inputs[0] is self.x and model.train_targets is self.y

    def __call__(self, x: Tensor) -> MultivariateNormal | None:
        """Return the posterior at rows `b x n x d`; None if which of them are constants is not certain."""
        shared, own, order = split(x)
        if len(x) < 2 or not self.constants.may_be(shared.shape[1], x.shape[1]):
            return None
        rows = shared[0].detach()
        block = self.constants.find(rows)
        if block is None:
            if not self.constants.are(rows):
                return None
            block = self._block(rows)
            self.constants.keep(block)
        mean, covariance = block.mean.expand(len(x), -1), block.covariance.expand(len(x), -1, -1)
        if own.shape[1]:
            of_own, covariance_of_own = self._of_own(own, block)
            mean, covariance = torch.cat([mean, of_own], dim=1), joined(covariance_of_own, block.covariance)
        covariance = pick(pick(covariance, 1, order), 2, order)
        return MultivariateNormal(pick(mean, 1, order), DenseLinearOperator(covariance))

    @torch.no_grad()
    def _block(self, rows: Tensor) -> Block:
        """Find out all that is the same in every step."""
        n, points = len(self.x), self.covariance.points(self.kernel.rows(torch.cat([self.x, rows])))
        factors = self.covariance.row_scaling(points)
        entries = normalized(self.covariance(points[n:], points), None if factors is None else factors[n:], factors)
        half = entries[:, :n] @ self.inverse_root.mT
        weights = torch.cat([self.mean_cache.unsqueeze(-1), self.inverse_root.mT @ half.mT], dim=-1)
        mean = self.prior_mean + entries[:, :n] @ self.mean_cache
        scales = self.covariance.prior_scaling(points[n:]) if self.folded else None
        return Block(
            rows, points, factors, weights, mean, normalized(entries[:, n:] - half @ half.mT, scales, scales), scales
        )

    def _of_own(self, own: Tensor, block: Block) -> tuple[Tensor, Tensor]:
        """Return means `b x q` and covariances `b x q x (s + q)` of rows `b x q x d`."""
        points = self.covariance.points(self.kernel.rows(own))
        entries = with_own(self.covariance, points, block.points, block.factors)
        of_training, rest = entries.split([len(self.x), entries.shape[-1] - len(self.x)], dim=-1)
        half, less = of_training @ self.inverse_root.mT, of_training @ block.weights
        covariance = rest - torch.cat([less[..., 1:], half @ half.mT], dim=-1)
        if block.scales is not None:
            scales = self.covariance.prior_scaling(points)
            covariance = normalized(covariance, scales, torch.cat([block.scales.expand(len(own), -1), scales], dim=-1))
        return self.prior_mean + less[..., 0], covariance


class _Searched(SingleTaskGP):
    """A model whose posterior at many places is evaluated as a `Posterior`."""

    _posterior: SearchPosterior

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        x, posterior = args[0], self._posterior
        usual = keywords or len(args) > 1 or self.training or prior_mode.on() or self.prediction_strategy is None
        if not usual and posterior.is_of(self):
            if x.ndim == 2 and not x.requires_grad:
                posterior.constants.learn(x)
            found = posterior(x) if x.ndim == 3 else None
            if found is not None:
                return found
        return super().__call__(*args, **keywords)


def use_search_posterior(model: Any) -> Any:
    """Let a model's posterior be evaluated faster where a search asks for it; other models are left as they are.

    Args:
        model: A `SingleTaskGP` of one outcome whose kernel is an `AveragedKernel`, fixed, or a list of such; its class
            is changed in place.

    Returns:
        The model.
    """
    if isinstance(model, ModelListGP):
        for one in model.models:
            use_search_posterior(one)
    elif (
        isinstance(model, SingleTaskGP)
        and isinstance(model.mean_module, ConstantMean)
        and isinstance(model.likelihood, (FixedNoiseGaussianLikelihood, GaussianLikelihood))
        and isinstance(model.covar_module, AveragedKernel)
        and model.covar_module.active_dims is None
        and model.train_targets.ndim == 1
    ):
        setattr(model, "_posterior", SearchPosterior(model))
        kind: Any = type(model)
        model.__class__ = with_mixin(_Searched, kind)
    return model


def search_model(model: Any) -> Any:
    """Return a copy of a model whose invariant kernels are frozen, for a search; see `use_search_posterior`."""
    frozen = deepcopy(model)
    for part in frozen.modules():
        if isinstance(part, AveragedKernel):
            part.freeze()
    return use_search_posterior(frozen.eval())
