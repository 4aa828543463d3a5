"""Kernels that are invariant under a declared symmetry, exactly or approximately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.base_kernels import as_ard_rbf, column_weights, default_base, evaluate
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.kernels.input_units import InUnitsOfX
from ax_symmetry.kernels.sets import SetKernel
from ax_symmetry.options import plain
from ax_symmetry.symmetry.kind import is_finite_number
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
        if not isinstance(base_kernel, Kernel):
            name = "rbf" if base_kernel is None else base_kernel
            base_kernel = default_base(action, batch_shape, name, columns.action.width)
        super().__init__(base_kernel, action, normalize=normalize, active_dims=active_dims)
        weighs = isinstance(base_kernel, SetKernel) and any(one.weights for one in base_kernel.sets)
        if weighs and columns.inert is not None:
            columns = replace(columns, inert=columns.inert.at_once())  # else amounts would count twice
        self.columns = columns
        self._frozen_weights: Tensor | None = None

    def rows(self, x: Tensor, quotient: bool = True) -> Tensor:
        return self.columns.kernel_rows(x, self._weights(), quotient)

    def freeze(self) -> None:
        super().freeze()
        self._frozen_weights = None if self.batch_shape else self._weights()

    def _weights(self) -> Tensor | None:
        """Return the weights of columns `... x 1 x D` by which translations are divided out; None without any."""
        if self.columns.translations is None:
            return None
        if self._frozen_weights is not None:
            return self._frozen_weights
        weights = column_weights(self.base_kernel, self.action.class_index)
        return None if weights is None else weights[..., : self.columns.action.width]


class InvariantKernel(InUnitsOfX, ColumnInvariantKernel):
    r"""The base kernel averaged over the group of a symmetry.

    .. math::
        k_G(x, x') = \frac{1}{|G|} \sum_{g \in G} k(x, g x')
        \qquad \text{normalized:} \quad
        k_G(x, x') \sqrt{\frac{k(x, x) \, k(x', x')}{k_G(x, x) \, k_G(x', x')}}

    A function drawn from it does not change when the group acts on x (Haasdonk and Burkhardt, "Invariant kernel
    functions for pattern analysis and machine learning", Machine Learning 2007; for Bayesian optimisation Brown, Cioba
    and Bogunovic, "Sample-efficient Bayesian optimisation using known invariances", NeurIPS 2024). Columns that trade
    places share a lengthscale, the geometric mean of theirs; different slots, and columns outside of the symmetry, have
    lengthscales of their own.

    Cost per entry: |G| entries of the base kernel, in bounded memory. O(m 2^m) operations for the symmetric group on m
    blocks, also with mirrors in the blocks, from |G| = 24 on, if the base kernel is a product over the blocks: an RBF
    kernel, `"matern"`, or, with m^2 entries of it besides, a product of kernels of single columns or single blocks.
    Nothing is approximated.

    Args:
        symmetry: A symmetry, or its dict.
        feature_names: The names of the d columns of x, those of the symmetry among them; a parameter that a simplex
            implies may be missing. Centers of mirrors, periods and totals are in the units of x, before the input
            transform of a BoTorch model, which the kernel takes into account (`Normalize`, with bounds that it learns,
            too).
        base_kernel: The kernel k, which must not change when the group acts on both arguments. Or a name, of a kernel
            with a lengthscale for each column and BoTorch's default priors, for x in the unit cube: `"rbf"` (default);
            `"matern"`, a product of Matern-5/2 kernels, one for each block (`ProductMaternKernel`); or, for blocks that
            trade places in every way, `"embedding"`, and with amounts `"mixture"`, a `SetKernel`.
        normalize: Keep the prior variance of the base kernel everywhere. The average alone has less of it, in S_3 as
            little as 1/6, away from the points that the group leaves alone, so that a search would look at these first.
        batch_shape: Batch shape of the kernel that a name stands for.
        active_dims: The columns of x that are named, all by default.
        transformed: The symmetry is declared for what the kernel sees, after the input transform of its model.

    Raises:
        SymmetryError: A column is missing, there is no base kernel of that name, the group changes the base kernel, or
            the group has more than 10,000 elements and the base kernel is no product over the blocks. And when a model
            is made of the kernel and an input transform that breaks the symmetry, such as `Warp`.

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
        transformed: bool = False,
    ) -> None:
        declared = Symmetry.of(symmetry)
        columns = action_on_features(declared, feature_names)
        super().__init__(columns, base_kernel, normalize, batch_shape, active_dims)
        self.declare(self.columns, feature_names, transformed)
        _check_base(self, [*feature_names, *declared.implied(feature_names)])

    def rows(self, x: Tensor, quotient: bool = True) -> Tensor:
        return super().rows(self.common_units(x), quotient)

    def forward(self, x1: Tensor, x2: Tensor, *args: Any, **params: Any) -> Tensor:
        self.refresh(x1)
        return super().forward(x1, x2, *args, **params)


class ApproximatelyInvariantKernel(Kernel):
    r"""The covariance of a function that is invariant but for a share e of its variance.

    .. math::
        (1 - e) \, k_G(x, x') + e \, k(x, x')

    For a symmetry that holds approximately. The degree can be learnt by the marginal likelihood (van der Wilk et al.,
    "Learning invariances using the marginal likelihood", NeurIPS 2018). Cost: that of both kernels.

    Args:
        invariant (InvariantKernel): k_G, normalized, so that both kernels have the same prior variance.
        asymmetry: The share e, from 0 to 1. Without it e is a hyperparameter, with the initial value 0.1.

    Raises:
        SymmetryError: e is not between 0 and 1, or the invariant kernel is not normalized.
    """

    def __init__(self, invariant: ColumnInvariantKernel, asymmetry: float | None = None) -> None:
        super().__init__()
        if not isinstance(invariant, ColumnInvariantKernel):
            raise SymmetryError(f"invariant: expected an InvariantKernel; got {shown(invariant)}.")
        asymmetry = plain(asymmetry)
        if asymmetry is not None and not (is_finite_number(asymmetry) and 0 <= asymmetry <= 1):
            raise SymmetryError(f"asymmetry: got {shown(asymmetry)}; give a number from 0 to 1, or None to learn it.")
        if type(invariant.base_kernel) is SetKernel:
            raise SymmetryError("invariant: a kernel of sets has no order that could matter; use another base kernel.")
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
        """The share e of the variance that is not invariant."""
        if self.fixed is not None:
            return torch.tensor(self.fixed)
        return self.raw_asymmetry_constraint.transform(self.raw_asymmetry)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        invariant = self.invariant
        if invariant.active_dims is not None:
            x1, x2 = x1.index_select(-1, invariant.active_dims), x2.index_select(-1, invariant.active_dims)
        averaged = invariant.forward(x1, x2, diag=diag, **params)
        plain1, plain2 = (invariant.rows(x, quotient=False) for x in (x1, x2))
        base = evaluate(invariant.base_kernel, plain1, plain2, invariant.action.class_index, diag=diag)
        share = self.asymmetry.to(base)
        share = share.squeeze(-1) if diag and share.ndim else share
        return (1 - share) * averaged + share * base


def _check_base(averaged: AveragedKernel, names: Sequence[str]) -> None:
    """Check that a base kernel is jointly invariant, whatever its hyperparameters, and that it can be averaged.

    Joint invariance is tested under every generator, at some rows and with other hyperparameters than the given ones.

    Args:
        averaged: The kernel with this base kernel.
        names: The names of its columns.

    Raises:
        SymmetryError: It is not, or it cannot.
    """
    kernel, action = averaged.base_kernel, averaged.action
    kind = type(kernel).__name__
    for module in kernel.modules():
        if isinstance(module, Kernel) and module.has_lengthscale and module.lengthscale.shape[-1] > 1:
            width = action.width if module.active_dims is None else len(module.active_dims)
            if module.lengthscale.shape[-1] != width:
                raise SymmetryError(
                    f"base_kernel: {type(module).__name__} has {module.lengthscale.shape[-1]} lengthscales for {width} "
                    f"columns; set ard_num_dims={width}, or leave it out for one lengthscale."
                )
    if type(kernel) is SetKernel:
        return  # invariant by itself
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
        rotations = action.rotations
        if rotations is not None:
            moved = rotations(x, torch.tensor([0.7]))
            if not torch.allclose(evaluate(other, moved, moved, action.class_index), wanted, rtol=1e-6, atol=1e-9):
                raise SymmetryError(
                    f"base_kernel: the {kind} changes when pairs are turned; use a kernel of the distance of all "
                    "columns, such as RBFKernel, or 'rbf'."
                )
        for element in action.generators:
            moved = action.points(x).index_select(-1, element)
            if not torch.allclose(evaluate(other, moved, moved, action.class_index), wanted, rtol=1e-6, atol=1e-9):
                changed = [names[j] for j in range(action.width) if element[j] != j]
                raise SymmetryError(
                    f"base_kernel: the {kind} changes when the group moves {', '.join(changed[:6])}; use a kernel that "
                    "treats columns which trade places alike, such as RBFKernel or MaternKernel of all columns."
                )
