"""With which kernel an adapter's models are fitted. The same on every Ax with modular BoTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from inspect import signature
from typing import Any, Protocol

from botorch.models import MixedSingleTaskGP, SingleTaskGP
from botorch.models.model import Model
from gpytorch.kernels import Kernel
from gpytorch.mlls import ExactMarginalLogLikelihood, MarginalLogLikelihood

from ax_symmetry._ax import private
from ax_symmetry.errors import SymmetryError


class KernelSpec(Protocol):
    """Which kernel an adapter's models are to be fitted with; it is asked when a model is made."""

    @property
    def kind(self) -> type[Kernel]:
        """The class of the kernel."""

    @property
    def model(self) -> type[Model] | None:
        """The class of model that takes the kernel; None for the one that Ax chooses."""

    def arguments(self, outcomes: int, unit_cube: bool) -> dict[str, Any]:
        """Return the arguments of the class.

        Args:
            outcomes: How many outcomes the model has; each gets hyperparameters of its own.
            unit_cube: Whether the kernel sees the model's columns scaled to the unit cube.
        """


def put_kernel(generator: Any, kernel: KernelSpec, default: Any) -> None:
    """Put a kernel into all model configs of modular BoTorch, by the generator's public `surrogate_spec`.

    Args:
        generator: Ax's generator.
        kernel: The kernel.
        default: Ax's default surrogate spec, for a generator that has none.

    Raises:
        SymmetryError: A model config has a kernel already.
    """
    _change_configs(generator, default, lambda config: _with_kernel(config, kernel))


def put_likelihood(generator: Any, kind: type[MarginalLogLikelihood], options: dict[str, Any], default: Any) -> None:
    """Let modular BoTorch fit its models by a marginal likelihood, where the user has chosen neither them nor one."""
    _change_configs(generator, default, lambda config: _with_likelihood(config, kind, options))


def _with_likelihood(config: Any, kind: type[MarginalLogLikelihood], options: dict[str, Any]) -> Any:
    is_of_ax = config.botorch_model_class in (None, SingleTaskGP, MixedSingleTaskGP)
    if not is_of_ax or config.mll_class not in (None, ExactMarginalLogLikelihood, kind):
        return config  # a fully Bayesian model, for one, takes other options
    return replace(config, mll_class=kind, mll_options=options)


def _change_configs(generator: Any, default: Any, changed: Callable[[Any], Any]) -> None:
    """Change all model configs of a generator of modular BoTorch, by its public `surrogate_spec`."""
    surrogate = private.surrogate_of(generator)
    spec = private.read(generator, "surrogate_spec") or getattr(surrogate, "surrogate_spec", None) or default
    configs = [changed(config) for config in spec.model_configs]
    of_metrics = {m: [changed(config) for config in given] for m, given in spec.metric_to_model_configs.items()}
    kept = {field.name: getattr(spec, field.name) for field in fields(spec)}
    spec = type(spec)(**{**kept, "model_configs": configs, "metric_to_model_configs": of_metrics})
    generator.surrogate_spec = spec
    if surrogate is not None:  # it may be the user's own, and stays as it is
        private.use_surrogate(generator, private.replaced(surrogate, surrogate_spec=spec))


def kernel_refusal(keywords: Mapping[str, Any]) -> SymmetryError | None:
    """Return why the models that a generator's keywords ask for take no kernel of ours; None if they take it."""
    spec = keywords.get("surrogate_spec")
    configs = [] if spec is None else _configs_of(spec)
    return next((refusal for config in configs if (refusal := _refusal(config))), None)


def _configs_of(spec: Any) -> list[Any]:
    """Return all model configs of a surrogate spec, also those of one metric."""
    of_metrics = spec.metric_to_model_configs.values()
    return [*spec.model_configs, *(config for given in of_metrics for config in given)]


def _refusal(config: Any) -> SymmetryError | None:
    """Return why a model config takes no kernel; one that another transform of ours has put there is replaced."""
    if config.covar_module_class is not None and "kernel" not in (config.covar_module_options or {}):
        return another_kernel("covar_module_class")
    given = config.botorch_model_class
    if given is not None and "covar_module" not in signature(given).parameters:
        return model_without_kernel(given)
    return None


def _with_kernel(config: Any, kernel: KernelSpec) -> Any:
    """Return a model config with a kernel."""
    if refusal := _refusal(config):
        raise refusal
    return replace(
        config,
        covar_module_class=kernel.kind,
        covar_module_options={"kernel": kernel, "unit_cube": True},
        botorch_model_class=config.botorch_model_class or kernel.model,
    )


def has_own_kernel(generator: Any) -> bool:
    """Tell whether modular BoTorch was told which surrogate or kernel to fit, which may know a symmetry by itself."""
    spec = getattr(generator, "surrogate_spec", None)
    if spec is None:
        return private.surrogate_of(generator) is not None
    return any(config.covar_module_class is not None for config in _configs_of(spec))


def another_kernel(argument: str) -> SymmetryError:
    """Make the error for a call that says which kernel to fit, by one of its arguments."""
    return SymmetryError(
        f"method: the call has a {argument} of its own, and 'kernel' brings another kernel; leave {argument} out, or "
        "use method 'augmentation'."
    )


def model_without_kernel(kind: type[Model]) -> SymmetryError:
    """Make the error for a class of models that take no kernel, or one of a part of their columns."""
    return SymmetryError(
        f"method: 'kernel' needs a model that takes any kernel, and a {kind.__name__} does not; use method "
        "'augmentation', or leave the class of the model to Ax."
    )


def no_kernel(generator: Any) -> SymmetryError:
    """Make the error for a generator whose models take no kernel."""
    return SymmetryError(
        f"method: 'kernel' needs a model of BoTorch, but this one is fitted by Ax's {type(generator).__name__}; use "
        "method 'augmentation'."
    )
