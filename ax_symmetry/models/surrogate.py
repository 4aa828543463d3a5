"""Ax's surrogate spec with an invariant kernel, for those who put together modular BoTorch themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ax_symmetry import _ax
from ax_symmetry.kernels.invariant import ApproximatelyInvariantKernel, InvariantKernel
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
        base_kernel: The base kernel, `"matern"` or `"rbf"`.
        asymmetry: The share of the variance that does not have the symmetry, `"learn"` to learn it; the symmetry is
            exact without it.

    Returns:
        Ax's `SurrogateSpec`.

    Raises:
        SymmetryError: The symmetry is none; or, when the model is fitted, a parameter of it is not one of the columns.

    Example:
        >>> spec = surrogate_spec({"blocks": [["a"], ["b"]]})
    """
    declared = symmetry if isinstance(symmetry, Symmetry) else Symmetry.from_config(symmetry)
    options: dict[str, Any] = {"symmetry": declared.to_config(), "base_kernel": base_kernel}
    if asymmetry is None:
        return _ax.surrogate_spec(InvariantKernel, options)
    return _ax.surrogate_spec(
        ApproximatelyInvariantKernel, {**options, "asymmetry": None if asymmetry == "learn" else asymmetry}
    )
