"""The models in which candidates are searched for: their kernel is averaged over the group, and nothing is learnt.

Let a model with a jointly invariant kernel k have all distinct images of each observation in its training data, each
with the variance v. Its posterior mean is that of a model with the averaged kernel k_G, one image of each observation,
and the variance v / (orbit size). That one costs n^3 in place of (|G| n)^3, and in it x and g x are one random
variable. In the first they are not: corr(f(x), f(g x)) < 1, and a batch of candidates holds twins.

Where the group moves an implied parameter, a kernel of the other columns is not jointly invariant. Then the means of
the two models differ; the averaged one is still invariant, with the kernel averaged on both sides.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.model import Model
from botorch.models.transforms.input import InputTransform
from botorch.models.transforms.outcome import OutcomeTransform
from botorch.settings import validate_input_scaling
from gpytorch.distributions import MultivariateNormal
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.settings import prior_mode
from linear_operator.operators import DenseLinearOperator
from torch import Tensor

from ax_symmetry.errors import NotAveraged, SymmetryError
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.covariance import scale_entries
from ax_symmetry.search.posterior import SearchPosterior
from ax_symmetry.search.row_orbits import RowOrbits

LARGEST_DOUBLE_SUM = 24
"""Up to this order a kernel that is not jointly invariant is averaged on both sides."""


def average_model(model: Model, action: ColumnAction) -> Model:
    """Return the model for the search that corresponds to one that was trained on whole orbits.

    Args:
        model: A `SingleTaskGP`, of one outcome or several, or a `ModelListGP` of such; it is left alone.
        action: The group, on the columns of the model.

    Returns:
        A model with the same posterior mean, the correlations of k_G, and n training rows where there were up to
        |G| n. Each of its covariances costs |G| entries of the kernel, |G|^2 if that is not jointly invariant.

    Raises:
        NotAveraged: The model is of another kind, its training data are not whole orbits, or its kernel is not
            jointly invariant and the group has more than 24 elements.
        SymmetryError: This BoTorch does not tell how to take outcomes out of a model.
    """
    if isinstance(model, ModelListGP):
        models: list[Any] = [AveragedGP.from_augmented(one, action) for one in _models(model)]
        return ModelListGP(*models).eval()
    return AveragedGP.from_augmented(model, action)


def search_model(model: Model) -> Model:
    """Return the model for the search that corresponds to one that was fitted with an invariant kernel.

    Args:
        model: The model, or a `ModelListGP` of such; it is left alone.

    Returns:
        A copy whose hyperparameters are constants. It is an `AveragedGP`, which is fast, if the model is a
        `SingleTaskGP` whose kernel is an `AveragedKernel`.
    """
    if isinstance(model, ModelListGP):
        models: list[Any] = [search_model(one) for one in _models(model)]
        return ModelListGP(*models).eval()
    if isinstance(model, SingleTaskGP) and isinstance(model.covar_module, AveragedKernel) and not _why_not(model):
        return AveragedGP.from_invariant(model)
    copied = deepcopy(model)
    for module in copied.modules():
        if isinstance(module, AveragedKernel):
            module.freeze()
    return copied.eval()


@dataclass(frozen=True)
class Representatives:
    """One image of each observation of a model that was trained on whole orbits, and what belongs to it.

    Attributes:
        rows: The n rows, before the input transform: `n x d`.
        targets: Their outcomes, `n x m`.
        sizes: The sizes of their orbits, `n`.
        noise: Their variances of measurement, those of the images divided by the size of the orbit: `... x n`.
        kernel: The model's own kernel, averaged.
    """

    rows: Tensor
    targets: Tensor
    sizes: Tensor
    noise: Tensor
    kernel: AveragedKernel

    @classmethod
    def of(cls, model: Any, action: ColumnAction) -> Representatives:
        """Choose them for a model in training mode.

        Raises:
            NotAveraged: The model is of another kind, its training data are not whole orbits, or its kernel is not
                jointly invariant and the group has more than 24 elements.
        """
        if reason := _why_not(model):
            raise NotAveraged(reason)
        rows, targets = _rows(model), model.train_targets
        orbits = RowOrbits(action, rows)
        if not orbits.is_complete:
            raise NotAveraged("the training data are not whole orbits.")
        orbit, kept = orbits.numbers, orbits.representatives(rows.new_ones(len(rows), dtype=torch.bool))
        # Images that only rounding tells apart may be kept together, or not: each stands for as many fewer, or more.
        sizes = (orbit.bincount() / orbit[kept].bincount())[orbit[kept]]
        kernel = AveragedKernel(model.covar_module, action, getattr(model, "input_transform", None))
        if not _is_invariant(kernel, action, rows[kept][:3]):
            if action.order > LARGEST_DOUBLE_SUM:
                raise NotAveraged("the model's kernel changes when its columns trade places.")
            kernel.double_sum = True
        noise = model.likelihood.noise.expand_as(targets)[..., kept] / sizes
        return cls(rows[kept], _by_outcome(targets[..., kept]), sizes, noise, kernel)


class AveragedGP(SingleTaskGP):
    """A Gaussian process with an averaged kernel whose hyperparameters are constants.

    Its posterior is `N(mean, C)` of k_G, or, with scaled deviations, `N(mean, D C D)` with
    D = diag(sqrt(k(x, x) / k_G(x, x))): the deviations of a process with the prior variance of the base kernel, as of
    the augmented model. Candidates of one outcome are evaluated by a `SearchPosterior`, everything else by GPyTorch.

    Args:
        train_X: Training rows `n x d`, before the input transform.
        train_Y: Targets `n x m`, after the outcome transform.
        likelihood: The likelihood.
        mean_module: The mean.
        covar_module: The averaged kernel; it is frozen.
        outcome_transform: What the targets have gone through.
        input_transform: What training rows and candidates go through.
        scale_deviations: See above.
    """

    def __init__(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        likelihood: GaussianLikelihood | FixedNoiseGaussianLikelihood,
        mean_module: ConstantMean,
        covar_module: AveragedKernel,
        outcome_transform: OutcomeTransform | None = None,
        input_transform: InputTransform | None = None,
        scale_deviations: bool = False,
    ) -> None:
        with validate_input_scaling(False):
            super().__init__(
                train_X,
                train_Y,
                likelihood=likelihood,
                covar_module=covar_module,
                mean_module=mean_module,
                outcome_transform=None,
                input_transform=input_transform,
            )
        if outcome_transform is not None:
            self.outcome_transform = outcome_transform
        self.scale_deviations = scale_deviations
        self._search_posterior: SearchPosterior | None = None
        self.requires_grad_(False)
        covar_module.freeze()
        self.eval()

    @classmethod
    def from_augmented(cls, model: Model, action: ColumnAction) -> AveragedGP:
        """Make the model that corresponds to one trained on whole orbits; see `average_model`."""
        if reason := _why_not(model):
            raise NotAveraged(reason)
        parts: Any = deepcopy(model).train()  # back to the rows before the input transform
        orbits = Representatives.of(parts, action)
        averaged = cls(
            orbits.rows,
            orbits.targets,
            FixedNoiseGaussianLikelihood(orbits.noise.detach()),
            parts.mean_module,
            orbits.kernel,
            outcome_transform=getattr(parts, "outcome_transform", None),
            scale_deviations=True,
        )
        if model.num_outputs > 1:
            _tell_dimensions(averaged, model)
        return averaged

    @classmethod
    def from_invariant(cls, model: SingleTaskGP) -> AveragedGP:
        """Make the model that corresponds to one fitted with an averaged kernel; see `search_model`."""
        parts: Any = deepcopy(model).train()
        return cls(
            _rows(parts),
            _by_outcome(parts.train_targets),
            parts.likelihood,
            parts.mean_module,
            parts.covar_module,
            outcome_transform=getattr(parts, "outcome_transform", None),
            input_transform=getattr(parts, "input_transform", None),
        )

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        x, search = args[0], None if keywords or len(args) > 1 else self._current_search_posterior()
        if search is not None and x.ndim == 2 and not x.requires_grad:
            search.set_baseline(x)
        # The first answer is GPyTorch's, which keeps what fantasies are made of.
        if search is not None and x.ndim == 3 and self.prediction_strategy is not None:
            return search(x)
        posterior = super().__call__(*args, **keywords)
        if self.training or not self.scale_deviations:
            return posterior
        covariance = self.covar_module.covariance()
        deviations = covariance.prior_scaling(covariance.prepare(self.covar_module.rows(x)))
        entries = scale_entries(posterior.covariance_matrix, deviations, deviations)
        return MultivariateNormal(posterior.mean, DenseLinearOperator(entries))

    def _current_search_posterior(self) -> SearchPosterior | None:
        """Return the posterior for the present training data; None in training, and for several outcomes."""
        if self.training or prior_mode.on() or self.train_targets.ndim > 1 or self.covar_module.active_dims is not None:
            return None
        if self._search_posterior is None or not self._search_posterior.is_of(self):
            self._search_posterior = SearchPosterior(self, self.scale_deviations)
        return self._search_posterior


def _models(model: ModelListGP) -> list[Any]:
    return list(model.models)


def _why_not(model: Model) -> str | None:
    """Say why a model has no counterpart with an averaged kernel, if that is so."""
    kind = type(model).__name__
    if not isinstance(model, SingleTaskGP) or not isinstance(model.mean_module, ConstantMean):
        return f"a {kind} cannot be averaged over the group."
    if not isinstance(model.likelihood, (FixedNoiseGaussianLikelihood, GaussianLikelihood)):
        return f"a {kind} with a {type(model.likelihood).__name__} cannot be averaged over the group."
    if model.batch_shape or type(model).posterior is not SingleTaskGP.posterior:
        return f"a {kind}, which is more than one Gaussian process, cannot be averaged over the group."
    return None


def _rows(model: SingleTaskGP) -> Tensor:
    """Return the training rows `n x d`, which all outcomes share."""
    x = model.train_inputs[0]
    return x if x.ndim == 2 else x[0]


def _by_outcome(targets: Tensor) -> Tensor:
    """Return targets `n` or `m x n` as `n x m`."""
    return targets.unsqueeze(-1) if targets.ndim == 1 else targets.mT


def _tell_dimensions(averaged: AveragedGP, model: Any) -> None:
    """Tell BoTorch which dimension of every parameter belongs to the outcomes, so that it can take out some of them.

    BoTorch knows it of its default kernel, in a private table. For other kernels it cannot, nor need we.

    Raises:
        SymmetryError: BoTorch can, but not by this table.
    """
    table = getattr(model, "_subset_batch_dict", None)
    if table is not None:
        averaged._subset_batch_dict = {
            name.replace("covar_module", "covar_module.base_kernel"): dimension
            for name, dimension in table.items()
            if not name.startswith("likelihood")
        }
        return
    try:
        model.subset_output([0])
    except NotImplementedError:
        return
    raise SymmetryError(
        "this BoTorch has no _subset_batch_dict, which ax_symmetry needs for models of several outcomes; use an older "
        "BoTorch, or fit a model for every outcome."
    )


def _is_invariant(kernel: AveragedKernel, action: ColumnAction, x: Tensor) -> bool:
    """Tell whether k_G(g x, x') = k_G(x, x') = k_G(x, g x') at some rows `n x d` and their images."""
    with torch.no_grad():
        images = action(x)[:, :100]
        flat = images.flatten(-3, -2)
        sides = kernel(flat, x).to_dense(), kernel(x, flat).to_dense().mT
        moved = torch.stack(sides).unflatten(-2, images.shape[:2])
        return bool((moved - moved[..., :1, :]).abs().max() <= 1e-6 * moved.abs().max())
