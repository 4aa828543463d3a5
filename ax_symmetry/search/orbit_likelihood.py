"""The marginal likelihood by which a model of whole orbits is fitted: that of k_G, on one image of each observation.

Exact copies add residuals of zero to the likelihood of the augmented data, |G| - 1 for each observation. They pull an
inferred noise to zero and lengthscales up, and a fit to |G| n rows takes |G|^3 times as long. The averaged model has
the same posterior mean, n rows, and the same hyperparameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botorch.models import MixedSingleTaskGP, SingleTaskGP
from botorch.settings import validate_input_scaling
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from linear_operator.operators import DiagLinearOperator
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.search.averaged_model import Representatives


class OrbitMarginalLogLikelihood(ExactMarginalLogLikelihood):
    """The exact marginal log likelihood of the averaged model, whose hyperparameters are those of an augmented one.

    For a model that has no averaged counterpart it is the augmented model's own.

    Args:
        likelihood: The likelihood of the augmented model.
        model: The augmented model, in training mode.
        action: Finds the group's action on the columns of the model.
    """

    def __init__(self, likelihood: Any, model: Any, action: Callable[[], ColumnAction]) -> None:
        try:
            model = averaged_for_fit(model, action())
            likelihood = model.likelihood
        except NotAveraged:
            pass
        super().__init__(likelihood, model)


def averaged_for_fit(model: Any, action: ColumnAction) -> SingleTaskGP:
    """Return the averaged model that shares its mean, kernel and noise with one that was trained on whole orbits.

    Raises:
        NotAveraged: There is none, its kernel is not jointly invariant, or BoTorch fits its class in another way.
    """
    if type(model) not in (SingleTaskGP, MixedSingleTaskGP):
        raise NotAveraged(f"a {type(model).__name__} may be fitted in a way of its own.")
    orbits = Representatives.of(model, action)
    if orbits.kernel.double_sum:
        raise NotAveraged("the model's kernel changes when its columns trade places.")
    if isinstance(model.likelihood, FixedNoiseGaussianLikelihood):
        likelihood: Any = FixedNoiseGaussianLikelihood(orbits.noise)
    else:
        likelihood = OrbitLikelihood(model.likelihood, orbits.sizes)
    with validate_input_scaling(False):
        return SingleTaskGP(
            orbits.rows, orbits.targets, likelihood=likelihood, covar_module=orbits.kernel,
            mean_module=model.mean_module, outcome_transform=None,
        )


class OrbitLikelihood(GaussianLikelihood):
    """The likelihood of observations, given that of their images: an orbit of k images has 1/k of the variance.

    Args:
        of_images: The likelihood of the images; its noise is shared.
        sizes: The sizes of the n orbits, `n`.
    """

    def __init__(self, of_images: GaussianLikelihood, sizes: Tensor) -> None:
        super().__init__()
        self.noise_covar, self.sizes = of_images.noise_covar, sizes

    def _shaped_noise_covar(self, *args: Any, **keywords: Any) -> Any:
        of_images = super()._shaped_noise_covar(*args, **keywords).diagonal(dim1=-1, dim2=-2)
        return DiagLinearOperator(of_images / self.sizes)
