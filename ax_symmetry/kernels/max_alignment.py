"""The max-alignment kernel of blocks of one slot: an RBF kernel of the sorted values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.averaged import WrapsBaseKernel
from ax_symmetry.kernels.base_kernels import as_ard_rbf, default_base, evaluate
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.kernels.input_units import InUnitsOfX
from ax_symmetry.symmetry.symmetry import Symmetry


class MaxAlignmentKernel(InUnitsOfX, WrapsBaseKernel):
    r"""The kernel of the best alignment, for blocks of one slot that trade places in every way.

    .. math::
        \max_{g \in G} k(x, g x') = k(\operatorname{sort} x, \operatorname{sort} x')

    (Fröhlich et al., "Optimal assignment kernels for attributed molecular graphs", ICML 2005.) Of all orders, sorting
    brings two rows closest to each other. A maximum of kernels need not be positive semidefinite; this one is, as a
    kernel of the sorted rows. Cost per entry: that of the base kernel.

    Args:
        symmetry: A symmetry whose blocks have one slot each and trade places in every way, or its dict.
        feature_names: The names of the d columns of x.
        base_kernel: An RBF kernel, as for `InvariantKernel`.
        batch_shape: Batch shape of the default base kernel.
        active_dims: The columns of x that are named, all by default.
        transformed: As for `InvariantKernel`.

    Raises:
        SymmetryError: The symmetry is of another kind, a column is missing, or the base kernel is no RBF kernel.
    """

    def __init__(
        self,
        symmetry: Symmetry | Mapping[str, Any],
        feature_names: Sequence[str],
        base_kernel: Kernel | None = None,
        *,
        batch_shape: torch.Size | None = None,
        active_dims: Sequence[int] | None = None,
        transformed: bool = False,
    ) -> None:
        super().__init__(active_dims=tuple(active_dims) if active_dims is not None else None)
        declared = Symmetry.of(symmetry)
        for part in declared.parts:
            if part.moves and {len(block) for block in part.symmetric_blocks} != {1}:
                raise SymmetryError(
                    f"symmetry: {part} cannot be sorted; the max-alignment kernel is for blocks of one slot that trade "
                    "places in every way. Use InvariantKernel."
                )
        self.declare(action_on_features(declared, feature_names), feature_names, transformed)
        if base_kernel is None:
            base_kernel = default_base(self.action, batch_shape)
        self.base_kernel = base_kernel
        if not isinstance(base_kernel, Kernel) or as_ard_rbf(base_kernel, self.action.class_index) is None:
            raise SymmetryError("base_kernel: sorted values need an RBF kernel; use InvariantKernel with this one.")

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        self.refresh(x1)
        return evaluate(
            self.base_kernel, self._sorted(x1), self._sorted(x2), self.action.class_index, diag=diag, **params
        )

    def _sorted(self, x: Tensor) -> Tensor:
        """Sort the values of every class of columns."""
        x = self.columns.kernel_rows(self.common_units(x))
        for orbit in self.action.classes:
            if len(orbit) > 1:
                columns = torch.tensor(orbit, device=x.device)
                x = x.index_copy(-1, columns, x.index_select(-1, columns).sort(dim=-1).values)
        return x
