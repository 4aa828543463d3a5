"""With which kernel an adapter's models are fitted. The same on every Ax with modular BoTorch."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Protocol

from gpytorch.kernels import Kernel

from ax_symmetry._ax import private
from ax_symmetry.errors import SymmetryError


class KernelSpec(Protocol):
    """Which kernel an adapter's models are to be fitted with; it is asked when a model is made."""

    @property
    def kind(self) -> type[Kernel]:
        """The class of the kernel."""

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
    surrogate = private.surrogate_of(generator)
    spec = private.read(generator, "surrogate_spec") or getattr(surrogate, "surrogate_spec", None) or default
    configs = [_with_kernel(config, kernel) for config in spec.model_configs]
    of_metrics = {m: [_with_kernel(c, kernel) for c in given] for m, given in spec.metric_to_model_configs.items()}
    kept = {field.name: getattr(spec, field.name) for field in fields(spec)}
    changed = type(spec)(**{**kept, "model_configs": configs, "metric_to_model_configs": of_metrics})
    generator.surrogate_spec = changed
    if surrogate is not None:  # it may be the user's own, and stays as it is
        private.use_surrogate(generator, private.replaced(surrogate, surrogate_spec=changed))


def _with_kernel(config: Any, kernel: KernelSpec) -> Any:
    """Return a model config with a kernel; one that another transform of ours has put there is replaced."""
    if config.covar_module_class is not None and "kernel" not in (config.covar_module_options or {}):
        raise another_kernel("covar_module_class")
    options = {"kernel": kernel, "unit_cube": True}
    return replace(config, covar_module_class=kernel.kind, covar_module_options=options)


def has_own_kernel(generator: Any) -> bool:
    """Tell whether modular BoTorch was told which surrogate or kernel to fit, which may know a symmetry by itself."""
    spec = getattr(generator, "surrogate_spec", None)
    if spec is None:
        return private.surrogate_of(generator) is not None
    configs = [*spec.model_configs, *(c for given in spec.metric_to_model_configs.values() for c in given)]
    return any(config.covar_module_class is not None for config in configs)


def another_kernel(argument: str) -> SymmetryError:
    """Make the error for a call that says which kernel to fit, by one of its arguments."""
    return SymmetryError(
        f"method: the call has a {argument} of its own, and 'kernel' brings another kernel; leave {argument} out, or "
        "use method 'augmentation'."
    )


def no_kernel(generator: Any) -> SymmetryError:
    """Make the error for a generator whose models take no kernel."""
    return SymmetryError(
        f"method: 'kernel' needs a model of BoTorch, but this one is fitted by Ax's {type(generator).__name__}; use "
        "method 'augmentation'."
    )
