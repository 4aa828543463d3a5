"""Invariant kernels for GPyTorch and BoTorch models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.base_kernels import as_ard_rbf, default_base, evaluate
from ax_symmetry.kernels.column_action import ColumnAction, action_on_features
from ax_symmetry.symmetry.symmetry import Symmetry


class ColumnInvariantKernel(AveragedKernel):
    """An invariant kernel of columns that need not be parameters themselves; see `InvariantKernel`.

    Args:
        columns: The group's action on the d columns.
        base_kernel: As for `InvariantKernel`; of d columns, and those of implied parameters.
        normalize: As for `InvariantKernel`.
        batch_shape: Batch shape of the default base kernel.
        active_dims: The d columns of x, all by default.
    """

    def __init__(
        self,
        columns: ColumnAction,
        base_kernel: Kernel | str | None = None,
        normalize: bool = True,
        batch_shape: torch.Size | None = None,
        active_dims: Sequence[int] | None = None,
    ) -> None:
        action = columns.for_kernel()
        if base_kernel is None or isinstance(base_kernel, str):
            base_kernel = default_base(action, batch_shape, base_kernel or "rbf")
        super().__init__(base_kernel, action, normalize=normalize, active_dims=active_dims)
        self.columns = columns

    def rows(self, x: Tensor) -> Tensor:
        return self.columns.kernel_rows(x)


class InvariantKernel(ColumnInvariantKernel):
    """k_G: the base kernel averaged over a group, k_G(x, x') = 1/|G| sum over g of k(x, g x').

    A function drawn from it does not change when the group acts on x (Haasdonk and Burkhardt, "Invariant kernel
    functions for pattern analysis and machine learning", Machine Learning 2007; for Bayesian optimisation Brown, Cioba
    and Bogunovic, "Sample-efficient Bayesian optimisation using known invariances", NeurIPS 2024). The lengthscales of
    columns that trade places are tied, each the geometric mean of its class; those of slots and of other columns are
    free.

    Cost per entry: O(m 2^m) for the symmetric group on m blocks under an RBF kernel or products of such, also where
    mirrors act in the blocks (a permanent; up to |G| = 24 the sum over all elements, which is faster) and under
    `"matern"`, and m^2 entries of the base kernel beside if that is another product over the blocks; |G| entries of the
    base kernel for other groups and kernels, held in chunks. Nothing is approximated.

    Args:
        symmetry: A symmetry, or its dict.
        feature_names: The names of the d columns of x, those of the symmetry among them; a parameter that a simplex
            implies may be missing. Mirrors are about the centers of the symmetry, in the units of x.
        base_kernel: The kernel k, which the group must leave alone when it acts on both arguments; or the name of one
            with a lengthscale per column and the priors of BoTorch's default, for x in the unit cube: `"rbf"`, which is
            that default and the one here, or `"matern"`, a product of Matern-5/2 kernels, one for each block (see
            `matern.ProductMaternKernel`).
        normalize: Keep the prior variance of the base kernel everywhere. The average alone lowers it away from the
            points that the group leaves alone (in S_3 to 1/6), where a search would then look first.
        batch_shape: Batch shape of the default base kernel.
        active_dims: The columns of x that are named, all by default.

    Raises:
        SymmetryError: A column is missing, the base kernel has no such name, the group changes it, or has too many
            elements for it.

    Example:
        >>> kernel = InvariantKernel({"blocks": [["a"], ["b"], ["c"]]}, ["a", "b", "c"])
        >>> x = torch.tensor([[0.1, 0.2, 0.9], [0.9, 0.1, 0.2]])
        >>> bool(kernel(x).to_dense()[0, 1] > 0.9999)
        True
    """

    def __init__(
        self,
        symmetry: Symmetry | Mapping[str, Any],
        feature_names: Sequence[str],
        base_kernel: Kernel | str | None = None,
        normalize: bool = True,
        *,
        batch_shape: torch.Size | None = None,
        active_dims: Sequence[int] | None = None,
    ) -> None:
        declared = Symmetry.of(symmetry)
        super().__init__(action_on_features(declared, feature_names), base_kernel, normalize, batch_shape, active_dims)
        _check_base(self, [*feature_names, *declared.implied(feature_names)])


class ApproximatelyInvariantKernel(Kernel):
    """(1 - e) k_G + e k: a function that is nearly invariant, with a share e of its variance that is not.

    The kernel of a group that holds only roughly (van der Wilk et al., "Learning invariances using the marginal
    likelihood", NeurIPS 2018, learn how roughly). With e = 0 it is the invariant kernel, with e = 1 its base kernel.

    Args:
        invariant (InvariantKernel): k_G, normalized, so that both have the same variance.
        asymmetry: e, between 0 and 1. Learnt with the other hyperparameters, from 0.1 on, if left out.

    Raises:
        SymmetryError: e is not between 0 and 1, or the invariant kernel is not normalized.
    """

    def __init__(self, invariant: ColumnInvariantKernel, asymmetry: float | None = None) -> None:
        super().__init__()
        if asymmetry is not None and not 0 <= asymmetry <= 1:
            raise SymmetryError(f"asymmetry: got {asymmetry!r}; give a number from 0 to 1, or None to learn it.")
        if not invariant.normalize:
            raise SymmetryError("invariant: the kernel is not normalized; make it with normalize=True.")
        self.invariant, self.fixed = invariant, asymmetry
        if asymmetry is None:
            self.register_parameter("raw_asymmetry", torch.nn.Parameter(torch.zeros(*self.batch_shape, 1, 1)))
            self.register_constraint("raw_asymmetry", Interval(0.0, 1.0))
            self.initialize(raw_asymmetry=self.raw_asymmetry_constraint.inverse_transform(torch.tensor(0.1)))

    @property
    def is_stationary(self) -> bool:
        return False

    @property
    def asymmetry(self) -> Tensor:
        """e, the share of the variance that is not invariant."""
        if self.fixed is not None:
            return torch.tensor(self.fixed)
        return self.raw_asymmetry_constraint.transform(self.raw_asymmetry)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        inside, columns = self.invariant, self.invariant.columns
        if inside.active_dims is not None:
            x1, x2 = x1.index_select(-1, inside.active_dims), x2.index_select(-1, inside.active_dims)
        full1, full2 = columns.kernel_rows(x1), columns.kernel_rows(x2)
        base = evaluate(inside.base_kernel, full1, full2, inside.action.class_index, diag=diag)
        share = self.asymmetry.to(base)
        share = share.squeeze(-1) if diag and share.ndim else share
        return (1 - share) * inside.forward(x1, x2, diag=diag, **params) + share * base


def _check_base(averaged: AveragedKernel, names: Sequence[str]) -> None:
    """Check that the group leaves a base kernel alone, whatever its hyperparameters, and that it can be averaged.

    Raises:
        SymmetryError: It does not, or it cannot.
    """
    kernel, action = averaged.base_kernel, averaged.action
    kind = type(kernel).__name__
    for part in kernel.modules():
        if isinstance(part, Kernel) and part.has_lengthscale and part.lengthscale.shape[-1] > 1:
            width = action.width if part.active_dims is None else len(part.active_dims)
            if part.lengthscale.shape[-1] != width:
                raise SymmetryError(
                    f"base_kernel: {type(part).__name__} has {part.lengthscale.shape[-1]} lengthscales for {width} "
                    f"columns; set ard_num_dims={width}, or leave it out for one lengthscale."
                )
    is_product = as_ard_rbf(kernel, action.class_index) is not None or averaged.is_block_product
    if action.order > ENUMERATION_LIMIT and not is_product:
        raise SymmetryError(
            f"base_kernel: a {kind} that is no product over the blocks cannot be averaged over {action.order:,} "
            "elements; use an RBF kernel, a product of kernels of single columns, or a smaller group."
        )
    draw = torch.Generator().manual_seed(0)
    other = deepcopy(kernel).to(torch.double)
    with torch.no_grad():
        for p in other.parameters():
            noise = torch.randn(p.shape, generator=draw, dtype=torch.double)
            p.copy_(p * (noise / 4).exp() + noise.abs() / 10)
        x = torch.rand(6, action.width, generator=draw, dtype=torch.double)
        x[:3] = (4 * x[:3]).round() / 4  # kernels of categories look at equality alone
        wanted = evaluate(other, x, x, action.class_index)
        for element in action.generators:
            moved = action.points(x).index_select(-1, element)
            if not torch.allclose(evaluate(other, moved, moved, action.class_index), wanted, rtol=1e-6, atol=1e-9):
                changed = [names[j] for j in range(action.width) if element[j] != j]
                raise SymmetryError(
                    f"base_kernel: the {kind} changes when the group moves {', '.join(changed[:6])}; use a kernel that "
                    "treats columns which trade places alike, such as RBFKernel or MaternKernel of all columns."
                )
