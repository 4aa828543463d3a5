"""A Gaussian process that was trained on whole orbits, folded: the same posterior mean from one row of each orbit.

Let a model with a jointly invariant kernel k have, for each observation, all distinct images in its training data, each
with the variance v. Its posterior mean is that of a model with the averaged kernel k_G, one image of each observation,
and the variance v / (orbit size). That one costs (|G| n)^2 n less, and x and g x are one random variable in it, which
they are not in the first: there corr(f(x), f(g x)) < 1, and a batch of candidates holds twins.

Where the group moves an implied parameter, a kernel of the others is not jointly invariant. Neither model's mean is the
other's then; the folded one is still invariant, with the kernel averaged on both sides.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import torch
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.model import Model
from gpytorch.distributions import MultivariateNormal
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ConstantMean
from linear_operator.operators import DenseLinearOperator
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.covariance import normalized
from ax_symmetry.search.row_orbits import RowOrbits


def average_model(model: Model, action: ColumnAction) -> Model:
    """Return the model's counterpart with the averaged kernel; the model itself is left alone.

    Args:
        model: A `SingleTaskGP`, of one outcome or several, or a list of them, trained on whole orbits.
        action: The group, in the columns of the model.

    Returns:
        A model with the same posterior mean, the correlations of k_G, and n training rows where there were up to
        |G| n. Each of its covariances costs |G| entries of the kernel, |G|^2 if that is not jointly invariant.

    Raises:
        CannotFold: The model is of another kind, its training data are not whole orbits, or its kernel is not
            jointly invariant and the group has more than 24 elements.
    """
    if isinstance(model, ModelListGP):
        parts: list[Any] = [*model.models]
        parts = [average_model(part, action) for part in parts]
        return ModelListGP(*parts)
    kind = type(model).__name__
    if not isinstance(model, SingleTaskGP) or not isinstance(model.mean_module, ConstantMean):
        raise NotAveraged(f"a {kind} cannot be averaged over the group.")
    if not isinstance(model.likelihood, (FixedNoiseGaussianLikelihood, GaussianLikelihood)):
        raise NotAveraged(f"a {kind} with a {type(model.likelihood).__name__} cannot be averaged over the group.")
    folded: Any = deepcopy(model, {id(model.prediction_strategy): None})
    folded.train()  # back to the inputs before the model's own transform
    x, y, noise = folded.train_inputs[0], folded.train_targets, folded.likelihood.noise.detach()
    rows = x if x.ndim == 2 else x[0]
    orbits = RowOrbits(action, rows)
    if not orbits.is_complete:
        raise NotAveraged("the training data are not whole orbits.")
    orbit, kept = orbits.numbers, orbits.representatives(rows.new_ones(len(rows), dtype=torch.bool))
    # Images that only rounding tells apart may be kept together, or not: then each stands for as many fewer, or more.
    sizes = (orbit.bincount() / orbit[kept].bincount())[orbit[kept]]
    inputs = getattr(folded, "input_transform", None)
    if inputs is not None:
        del folded.input_transform
    folded.covar_module = AveragedKernel(folded.covar_module, action, inputs)
    if not _is_invariant(folded.covar_module, action, rows[kept][:3]):
        if action.order > 24:
            raise NotAveraged("the model's kernel changes when its columns trade places.")
        folded.covar_module.double_sum = True
    folded.likelihood = FixedNoiseGaussianLikelihood(noise.expand_as(y)[..., kept] / sizes)
    if hasattr(folded, "_subset_batch_dict"):  # where BoTorch finds what belongs to each of several outcomes
        folded._subset_batch_dict = {
            name.replace("covar_module", "covar_module.base_kernel"): dim
            for name, dim in folded._subset_batch_dict.items()
            if not name.startswith("likelihood")
        }
    folded.set_train_data(x[..., kept, :], y[..., kept], strict=False)
    folded.covar_module.freeze()
    folded.__class__ = with_mixin(AveragedGP, folded.__class__)
    return folded.eval()


class AveragedGP(SingleTaskGP):
    """A model with an averaged kernel, fixed, and the deviations of one that has the base kernel's prior variance.

    Its posterior is `N(mean, D C D)`: mean and covariance C of k_G, and D = diag(sqrt(k(x, x) / k_G(x, x))).
    """

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        found = super().__call__(*args, **keywords)
        if self.training:
            return found
        kernel: Any = self.covar_module
        covariance = kernel.covariance()
        scales = covariance.prior_scaling(covariance.points(kernel.rows(args[0])))
        entries = normalized(found.covariance_matrix, scales, scales)
        return MultivariateNormal(found.mean, DenseLinearOperator(entries))


@lru_cache(maxsize=None)
def with_mixin(own: type, kind: type) -> type:
    """Return the class of a model, with the methods of another one before its own."""
    return type(kind.__name__, (own, kind), {"__module__": kind.__module__})


def _is_invariant(kernel: AveragedKernel, action: ColumnAction, x: Tensor) -> bool:
    """Tell whether k_G(g x, x') = k_G(x, x') = k_G(x, g x') at some rows `n x d` and their images."""
    with torch.no_grad():
        images = action(x)[:, :100]
        flat = images.flatten(-3, -2)
        sides = kernel(flat, x).to_dense(), kernel(x, flat).to_dense().mT
        moved = torch.stack(sides).unflatten(-2, images.shape[:2])
        return bool((moved - moved[..., :1, :]).abs().max() <= 1e-6 * moved.abs().max())
