"""With which kernel an adapter's model is fitted. Alike on every Ax."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from ax.core.observation import ObservationFeatures
from ax.core.parameter import ChoiceParameter, RangeParameter
from ax.core.search_space import SearchSpace
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.invariant import ApproximatelyInvariantKernel, ColumnInvariantKernel, InvariantKernel
from ax_symmetry.symmetry.symmetry import Symmetry


def probe_of(adapter: Any, after: str | None = None, metadata: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Return what sends parameterizations through an adapter's transforms to the columns of its model.

    Args:
        adapter: The adapter (model bridge), its transforms made.
        after: The name of the transform that asks; those before it are left out. All are asked by default.
        metadata: Metadata of an observation, for transforms that read them.
    """

    def probe(parameters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        transforms = dict(adapter.transforms)
        features = [ObservationFeatures(parameters=dict(p), metadata=dict(metadata or {})) for p in parameters]
        for name in list(transforms)[0 if after is None else list(transforms).index(after) + 1:]:
            if name != "Canonicalize":
                features = transforms[name].transform_observation_features(features)
        return [f.parameters for f in features]

    return probe


class Fit:
    """Takes the place of an adapter's `_fit`: before it runs, the generator is told which kernel to fit.

    Args:
        adapter: The adapter (model bridge).
        tell: Called with the generator and the model's search space.
    """

    def __init__(self, adapter: Any, tell: Callable[[Any, SearchSpace], None]) -> None:
        self.adapter, self.tell = adapter, tell

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        generator = keywords.get("model") or getattr(self.adapter, "generator", None) or self.adapter.model
        self.tell(generator, keywords["search_space"])
        return type(self.adapter)._fit(self.adapter, *args, **keywords)


@dataclass(frozen=True)
class KernelSpec:
    """Which kernel a model is to be fitted with.

    Attributes:
        columns: The group's action on the columns of the model.
        base_kernel: The name of the base kernel.
        asymmetry: The share of the variance that is not invariant, "learn" to learn it, None for the invariant kernel.
    """

    columns: ColumnAction
    base_kernel: str
    asymmetry: float | str | None = None

    @property
    def kind(self) -> type[Kernel]:
        """The kernel's class."""
        return ColumnInvariantKernel if self.asymmetry is None else ApproximatelyInvariantKernel

    def arguments(self, outcomes: int) -> dict[str, Any]:
        """Return the arguments of the class, for a model of one outcome or several, each with its hyperparameters."""
        batch_shape = _batch_shape(outcomes)
        own: dict[str, Any] = {"columns": self.columns, "base_kernel": self.base_kernel, "batch_shape": batch_shape}
        if self.asymmetry is None:
            return own
        invariant = ColumnInvariantKernel(**own)
        return {"invariant": invariant, "asymmetry": None if self.asymmetry == "learn" else self.asymmetry}

    def scaled(self, search_space: SearchSpace) -> KernelSpec:
        """Return the spec for a kernel that sees the model's search space as the unit cube."""
        return replace(self, columns=self.columns.scaled(*_bounds(search_space)))


def configure(generator: Any, kernel: KernelSpec, spec: Any) -> None:
    """Put a kernel into all model configs of modular BoTorch.

    Args:
        generator: Ax's generator.
        kernel: The kernel, of columns as it will see them.
        spec: Ax's default surrogate spec.

    Raises:
        SymmetryError: A model config has a kernel already.
    """
    surrogate = getattr(generator, "_surrogate", None)
    given = generator.surrogate_spec or getattr(surrogate, "surrogate_spec", None) or spec
    changed = copy(given)
    configs = [_with_kernel(config, kernel) for config in given.model_configs]
    of_metrics = {m: [_with_kernel(c, kernel) for c in own] for m, own in given.metric_to_model_configs.items()}
    object.__setattr__(changed, "model_configs", configs)  # a frozen dataclass with arguments that are no fields
    object.__setattr__(changed, "metric_to_model_configs", of_metrics)
    generator.surrogate_spec = changed
    if surrogate is not None:
        surrogate.surrogate_spec = changed


def _with_kernel(config: Any, kernel: KernelSpec) -> Any:
    ours = isinstance((config.covar_module_options or {}).get("kernel"), KernelSpec)  # of an earlier fit
    if config.covar_module_class is not None and not ours:
        raise another_kernel("covar_module_class")
    return replace(config, covar_module_class=kernel.kind, covar_module_options={"kernel": kernel})


def another_kernel(argument: str) -> SymmetryError:
    """Make the error for a call that says which kernel to fit, by one of its arguments."""
    return SymmetryError(
        f"method: the call has a {argument} of its own, and 'kernel' brings another kernel; leave {argument} out, or "
        "use method 'augmentation'."
    )


def kernel_arguments(
    covar_module_class: type[Kernel], dataset: Any = None, botorch_model_class: Any = None, **options: Any
) -> dict[str, Any]:
    """Return the arguments of a kernel for a model of a dataset, whose rows it sees as the unit cube.

    Raises:
        SymmetryError: The options do not say how a group acts on the columns.
    """
    if "kernel" in options:
        return options["kernel"].arguments(dataset.Y.shape[-1])
    approximate = issubclass(covar_module_class, ApproximatelyInvariantKernel)
    other = "asymmetry" if approximate else "normalize"
    if not {"symmetry"} <= set(options) <= {"symmetry", "base_kernel", other}:
        raise SymmetryError(
            f"covar_module_options: got {sorted(options)}; a {covar_module_class.__name__} takes the dict of the "
            f'symmetry as "symmetry", "base_kernel" and "{other}".'
        )
    declared, names = Symmetry.from_config(options.pop("symmetry")), list(dataset.feature_names)
    for name in declared.implied(names):
        raise SymmetryError(
            f"symmetry: parameter {name} is implied by others, in units that a surrogate spec does not know; use "
            "method 'kernel' of get_botorch or choose_generation_strategy."
        )
    scaled = Symmetry(tuple(part.in_unit_cube() for part in declared.parts if part.moves))
    own: dict[str, Any] = {"symmetry": scaled, "feature_names": names}
    own["base_kernel"] = options.pop("base_kernel", None)
    own["batch_shape"] = _batch_shape(dataset.Y.shape[-1])
    if approximate:
        return {"invariant": InvariantKernel(**own), **options}
    return {**own, **options}


def _batch_shape(outcomes: int) -> torch.Size:
    return torch.Size([outcomes] if outcomes > 1 else [])


def _bounds(search_space: SearchSpace) -> tuple[Tensor, Tensor]:
    """Return the lower bounds and the widths of a model's columns."""
    ends = []
    for p in search_space.parameters.values():
        if isinstance(p, RangeParameter):
            ends.append((float(p.lower), float(p.upper)))
        else:
            options: Sequence[Any] = p.values if isinstance(p, ChoiceParameter) else [0.0, 1.0]
            values = [float(v) for v in options]
            ends.append((min(values), max(values)))
    lower, upper = torch.tensor(ends, dtype=torch.double).T
    return lower, torch.where(upper > lower, upper - lower, 1.0)
