"""What other projects do about symmetries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import torch
from experiments import stand_in, training_data
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry import Symmetry
from ax_symmetry.kernels.feature_action import action_on_features


def invariantkernels(base: Kernel, images: Callable[[Tensor], Tensor]) -> Kernel:
    """Average a kernel by the package `invariantkernels`, with its single sum, the faster one.

    Args:
        base: The kernel.
        images: Maps rows `... x n x d` to their images `... x |G| x n x d`.
    """
    import invariantkernels as peer

    if hasattr(peer, "GroupInvariantKernel"):
        return peer.GroupInvariantKernel(base, images, isotropic=True)
    return peer.InvariantKernel(base, images, is_isotropic=True)


def invariantkernels_of(base: Kernel, symmetry: Symmetry, names: list[str]) -> Kernel:
    """The same for a symmetry of named columns."""
    action = action_on_features(symmetry, names)
    return invariantkernels(base, lambda x: action(x).movedim(-2, -3))


def fit_to_rows_of_baybe(adapter: Any, symmetry: Mapping[str, Any]) -> None:
    """Fit plain Ax's model to the rows that BayBE's augmentation makes, each with the variance of its observation."""
    from baybe.utils.augmentation import df_apply_permutation_augmentation

    x, y, variance = training_data(adapter)
    columns = {"x": list(adapter.parameters), "y": ["y"], "variance": ["variance"]}
    table = pd.DataFrame(torch.cat([x, y, variance], dim=1).numpy(), columns=sum(columns.values(), []))
    rows = df_apply_permutation_augmentation(table, [list(slot) for slot in zip(*symmetry["blocks"])])
    stand_in(adapter, tuple(torch.tensor(rows[own].to_numpy(dtype=float)) for own in columns.values()))
