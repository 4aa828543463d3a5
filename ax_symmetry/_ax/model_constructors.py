"""Ax up to 1.0: what takes the place of the public `model_constructor` of a generator that is not modular."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from ax.models.torch.botorch_defaults import get_and_fit_model
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, MultiTaskGP, SingleTaskGP, SingleTaskMultiFidelityGP
from botorch.models.model import Model
from gpytorch.mlls import MarginalLogLikelihood

from ax_symmetry._ax.fitting import KernelSpec, model_without_kernel

MIN_VARIANCE = 1e-6
"""What Ax's own constructor takes for the least variance of a measurement."""


class ModelsWithKernel:
    """Ax's `get_and_fit_model`, with another kernel.

    Args:
        kernel: The kernel.
    """

    def __init__(self, kernel: KernelSpec) -> None:
        self.kernel = kernel

    def __call__(
        self,
        Xs: list[torch.Tensor],
        Ys: list[torch.Tensor],
        Yvars: list[torch.Tensor],
        metric_names: list[str],
        state_dict: Mapping[str, torch.Tensor] | None = None,
        **keywords: Any,
    ) -> Model:
        """Fit a model of all outcomes, or, where they have been observed at different points, one of each.

        Raises:
            SymmetryError: A column is a fidelity or a task, for which Ax has models with kernels of their own.
        """
        for role, kind in (("fidelity_features", SingleTaskMultiFidelityGP), ("task_features", MultiTaskGP)):
            if keywords.get(role):
                raise model_without_kernel(kind)
        if all(torch.equal(Xs[0], X) for X in Xs[1:]):
            kernel = self.kernel.kind(**self.kernel.arguments(len(Xs), unit_cube=False))
            return get_and_fit_model(
                Xs, Ys, Yvars, metric_names=metric_names, state_dict=state_dict, covar_module=kernel, **keywords
            )
        models: list[Any] = []
        for i, (X, Y, Yvar, name) in enumerate(zip(Xs, Ys, Yvars, metric_names)):
            start = f"models.{i}."
            own = None if state_dict is None else {
                key[len(start):]: value for key, value in state_dict.items() if key.startswith(start)
            }
            models.append(self([X], [Y], [Yvar], [name], own, **keywords))
        return ModelListGP(*models)


class ModelsByLikelihood:
    """Ax's `get_and_fit_model`, with another marginal likelihood; where a call asks for another model, as it is.

    Args:
        kind: The class of the likelihood.
        options: Its options.
    """

    def __init__(self, kind: type[MarginalLogLikelihood], options: Mapping[str, Any]) -> None:
        self.kind, self.options = kind, dict(options)

    def __call__(
        self,
        Xs: list[torch.Tensor],
        Ys: list[torch.Tensor],
        Yvars: list[torch.Tensor],
        state_dict: Mapping[str, torch.Tensor] | None = None,
        refit_model: bool = True,
        **keywords: Any,
    ) -> Model:
        """Fit a model of all outcomes, or, where they have been observed at different points, one of each."""
        plain = not any(value for name, value in keywords.items() if name != "metric_names")
        if not plain or state_dict is not None and not refit_model:
            return get_and_fit_model(Xs, Ys, Yvars, state_dict=state_dict, refit_model=refit_model, **keywords)
        if all(torch.equal(Xs[0], X) for X in Xs[1:]):
            model: Any = _plain_model(Xs[0], torch.cat(Ys, dim=-1), torch.cat(Yvars, dim=-1))
        else:
            model = ModelListGP(*(_plain_model(*data) for data in zip(Xs, Ys, Yvars)))
        if state_dict is not None:
            model.load_state_dict(state_dict)
        for part in getattr(model, "models", [model]):
            fit_gpytorch_mll(self.kind(part.likelihood, part, **self.options))
        return model


def _plain_model(X: torch.Tensor, Y: torch.Tensor, Yvar: torch.Tensor) -> SingleTaskGP:
    """Make the model that Ax's own constructor makes without fidelities, tasks, warping and priors."""
    variances = None if Yvar.isnan().all() else Yvar.clamp_min(MIN_VARIANCE)
    return SingleTaskGP(X, Y, variances, outcome_transform=None).to(X)
