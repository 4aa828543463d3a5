"""Ax's surrogates with an invariant kernel: what Ax's registries know of the kernels, and the specs for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models import MultiTaskGP, SingleTaskGP, SingleTaskMultiFidelityGP
from botorch.models.model import Model
from gpytorch.kernels import Kernel

from ax_symmetry._ax import backend
from ax_symmetry._ax.fitting import model_without_kernel
from ax_symmetry.errors import NotAveraged, SymmetryError
from ax_symmetry.kernels.invariant import ApproximatelyInvariantKernel, ColumnInvariantKernel, InvariantKernel
from ax_symmetry.models.model_columns import ModelColumns
from ax_symmetry.options import read_symmetrize
from ax_symmetry.space.bounds import is_unordered
from ax_symmetry.symmetry.symmetry import Symmetry


def surrogate_spec(
    symmetry: Symmetry | Mapping[str, Any], *, base_kernel: str = "matern", asymmetry: float | str | None = None
) -> Any:
    """Make a surrogate spec of Ax whose model has the invariant kernel.

    For your own `Generators.BOTORCH_MODULAR(surrogate_spec=...)`, `GenerationStep` or node (on Ax 0.4 one of
    `surrogate_specs`). It can be stored with a generation strategy, by Ax's JSON and SQL, and read again where this
    module or the transforms have been imported. Add `Canonicalize` to your transforms, which checks the symmetry
    against the search space, unless the symmetry holds only roughly. What `get_botorch` and
    `choose_generation_strategy` do with `method="kernel"` knows more: implied fractions, one-hot columns, and bounds
    that Ax widens.

    The model sees its search space as the unit cube, and every mirror must be about the middle of its range.

    Args:
        symmetry: A symmetry, or its dict.
        base_kernel: The base kernel, `"matern"`, `"rbf"`, `"embedding"` or `"mixture"`.
        asymmetry: The share of the variance that does not have the symmetry, `"learn"` to learn it; the symmetry is
            exact without it.

    Returns:
        Ax's `SurrogateSpec`.

    Raises:
        SymmetryError: The symmetry is none, or an option has a value that it cannot have; or, when the model is fitted,
            a parameter of the symmetry is not one of the columns.

    Example:
        >>> spec = surrogate_spec({"blocks": [["a"], ["b"]]})
    """
    shared = {} if asymmetry is None else {"asymmetry": asymmetry}
    chosen = read_symmetrize({"method": "kernel", "base_kernel": base_kernel, **shared})
    options: dict[str, Any] = {"symmetry": Symmetry.of(symmetry).to_config(), "base_kernel": chosen.base_kernel}
    if chosen.asymmetry is None:
        return backend.surrogate_spec(InvariantKernel, options)
    return backend.surrogate_spec(ApproximatelyInvariantKernel, {**options, "asymmetry": _share(chosen.asymmetry)})


class ChoicesGP(SingleTaskGP):
    """BoTorch's `SingleTaskGP`, whose kernel knows by itself which columns hold choices without an order."""

    @classmethod
    def construct_inputs(
        cls, training_data: Any, *, categorical_features: Sequence[int] = (), **options: Any
    ) -> dict[str, Any]:
        """Make the arguments of the constructor of a dataset."""
        return super().construct_inputs(training_data, **options)


@dataclass(frozen=True)
class InvariantKernelSpec:
    """Which invariant kernel an adapter's models are fitted with; its columns are found when Ax makes a model.

    Attributes:
        columns: The columns of the adapter's model.
        base_kernel: The name of the base kernel.
        asymmetry: The share of the variance that is not invariant, "learn" to learn it, None for the invariant kernel.
    """

    columns: ModelColumns
    base_kernel: str
    asymmetry: float | str | None = None

    @property
    def kind(self) -> type[Kernel]:
        """The kernel's class."""
        return ColumnInvariantKernel if self.asymmetry is None else ApproximatelyInvariantKernel

    @property
    def model(self) -> type[Model] | None:
        """A model of choices: Ax's own for columns of codes brings its kernel."""
        return ChoicesGP if any(map(is_unordered, self.columns.space.parameters.values())) else None

    def arguments(self, outcomes: int, unit_cube: bool) -> dict[str, Any]:
        """Return the arguments of the class, for a model of one outcome or several, each with its hyperparameters.

        Args:
            outcomes: How many outcomes the model has.
            unit_cube: Whether the kernel sees the model's columns scaled to the unit cube.

        Raises:
            SymmetryError: The group does not map the model's columns to each other.
        """
        try:
            action = self.columns.action()
        except NotAveraged as error:
            raise SymmetryError(f"method: 'kernel' cannot be used here: {error} Use 'augmentation'.") from error
        if unit_cube:
            action = action.scaled(*self.columns.bounds())
        of_kernel: dict[str, Any] = {"columns": action, "base_kernel": self.base_kernel}
        of_kernel["batch_shape"] = _batch_shape(outcomes)
        if self.asymmetry is None:
            return of_kernel
        return {"invariant": ColumnInvariantKernel(**of_kernel), "asymmetry": _share(self.asymmetry)}

    def check_fitted(self, model: Any) -> None:
        """Check that a fitted model has the kernel.

        Raises:
            SymmetryError: Ax chose a model that took no notice of it.
        """
        for part in getattr(model, "models", [model]):
            kernel = getattr(part, "covar_module", None)
            if not isinstance(kernel, self.kind):
                raise SymmetryError(
                    f"method: 'kernel' was asked for, but Ax fitted a {type(part).__name__} with "
                    f"{'no kernel' if kernel is None else type(kernel).__name__}; use method 'augmentation'."
                )


def kernel_arguments(
    covar_module_class: type[Kernel], dataset: Any = None, botorch_model_class: Any = None, **options: Any
) -> dict[str, Any]:
    """Return the arguments of a kernel for a model of a dataset; Ax calls this when it makes the model.

    Raises:
        SymmetryError: The options do not say how a group acts on the columns, or the model takes no such kernel.
    """
    if botorch_model_class is not None and issubclass(botorch_model_class, (MultiTaskGP, SingleTaskMultiFidelityGP)):
        raise model_without_kernel(botorch_model_class)
    if "kernel" in options:
        return options["kernel"].arguments(dataset.Y.shape[-1], options["unit_cube"])
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
    told = [part for part in declared.parts if part.moves or part.inert(declared)]
    scaled = Symmetry(tuple(part.in_unit_cube() for part in told))
    own: dict[str, Any] = {"symmetry": scaled, "feature_names": names}
    own["base_kernel"] = options.pop("base_kernel", None)
    own["batch_shape"] = _batch_shape(dataset.Y.shape[-1])
    own["transformed"] = True  # the model sees the unit cube, by Ax's transforms or by an input transform
    if approximate:
        return {"invariant": InvariantKernel(**own), **options}
    return {**own, **options}


def _share(asymmetry: float | str) -> float | None:
    return None if asymmetry == "learn" else float(asymmetry)


def _batch_shape(outcomes: int) -> torch.Size:
    return torch.Size([outcomes] if outcomes > 1 else [])


for _kind in (ColumnInvariantKernel, InvariantKernel, ApproximatelyInvariantKernel):
    backend.covar_module_argparse.register(_kind)(kernel_arguments)
    backend.register_kernel(_kind)  # by its name, for Ax's storage
