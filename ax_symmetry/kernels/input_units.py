"""Kernels whose symmetry is declared in the units of x, in models with an input transform.

A kernel sees what the input transform of its model makes of x, and is not told of the transform. So it is told here,
when the model registers both: `Normalize` and other transforms that are affine in each column are undone as far as the
symmetry needs it. Columns that trade places then have one range again, also where the transform has learnt one for each
of them, and centers, periods and totals are where they were declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from gpytorch.kernels import Kernel
from torch import Tensor
from torch.nn.modules.module import Module, register_module_module_registration_hook

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.column_action import ColumnAction

Line = tuple[Tensor, Tensor]
"""The offsets and the slopes of d columns, `x = offset + slope * column`."""


class InUnitsOfX(Kernel):
    """A kernel whose group acts on the columns of x before the input transform of its model."""

    columns: ColumnAction
    action: ColumnAction

    def declare(self, columns: ColumnAction, names: Sequence[str], transformed: bool) -> None:
        """Remember the declaration.

        Args:
            columns: The group's action on the d columns of x.
            names: Their names.
            transformed: Whether it is that on what the kernel sees, whatever the input transform.
        """
        self._declared, self._names, self._transformed = columns, list(names), transformed
        self._needed = [column for orbit in columns.classes for column in orbit if len(orbit) > 1]
        self._needed += [column for column in range(len(names)) if _is_computed_with(columns, column)]
        self.forget()

    def forget(self) -> None:
        """Take the kernel's inputs for x itself."""
        self._seen_through: list[Module] = []  # in a list it is no part of the kernel's own state
        self._line: Line | None = None
        self._to_common: Line | None = None
        self.columns, self.action = self._declared, self._declared.for_kernel()

    def see_through(self, transform: Module, x: Tensor) -> None:
        """Take notice of the model's input transform.

        Args:
            transform: The transform.
            x: A tensor with as many columns, of the type and on the device, of what it transforms.

        Raises:
            SymmetryError: It breaks the symmetry, and cannot be undone.
        """
        if self._transformed:
            return
        self._seen_through, self._width = [transform], x.shape[-1]
        self.refresh(x)
        if not list(transform.parameters()):
            return
        fitted = deepcopy(transform)  # to any parameters
        with torch.no_grad():
            for p in fitted.parameters():
                p.add_(torch.rand_like(p))
        line = self._line_of(fitted, x)
        if line is None or any((new != old)[self._needed].any() for new, old in zip(line, self._line or line)):
            raise self._breaks(transform, self._needed)

    def refresh(self, x: Tensor) -> None:
        """Follow a transform that has learnt other ranges; x is of the type, and on the device, of what it sees."""
        for transform in self._seen_through:
            line = self._line_of(transform, x)
            if line is None:
                self._check_alike(transform, x)
                line = x.new_zeros(len(self._names)), x.new_ones(len(self._names))
            if self._line is None or not all(torch.equal(new, old.to(new)) for new, old in zip(line, self._line)):
                self._line = line
                self._scale(*line)

    def common_units(self, x: Tensor) -> Tensor:
        """Give columns that trade places one range."""
        if self._to_common is None:
            return x
        offset, slope = self._to_common
        return offset.to(x) + slope.to(x) * x

    @property
    def _index(self) -> list[int]:
        """Where the named columns are in x."""
        return list(range(len(self._names))) if self.active_dims is None else self.active_dims.tolist()

    def _scale(self, offset: Tensor, slope: Tensor) -> None:
        """Put the group into the units of the columns, those of one class joined."""
        lower, upper = torch.minimum(offset, offset + slope), torch.maximum(offset, offset + slope)
        for columns in self._declared.classes:
            lower[columns], upper[columns] = lower[columns].min(), upper[columns].max()
        width = upper - lower
        self.columns = self._declared.scaled(lower.double().cpu(), width.double().cpu())
        self.action = self.columns.for_kernel()
        same = torch.equal(lower, offset) and torch.equal(width, slope)
        self._to_common = None if same else ((offset - lower) / width, slope / width)

    def _line_of(self, transform: Any, x: Tensor) -> Line | None:
        """Return the lines of the columns, by undoing the transform; None if one that is needed is on none.

        Columns that the symmetry leaves alone get an offset of 0 and a slope of 1.
        """
        draw = torch.rand(self._width, generator=torch.Generator().manual_seed(0), dtype=torch.double).to(x)
        probes = torch.stack([torch.zeros_like(draw), torch.ones_like(draw), draw])
        if getattr(transform, "transform_on_train", True) != getattr(transform, "transform_on_eval", True):
            return None
        try:
            with torch.no_grad():
                undone = transform.untransform(probes).reshape(-1, *probes.shape)
        except Exception:  # there is no way back, for whatever reason
            return None
        if not torch.equal(undone, undone[:1].expand_as(undone)):  # the batches have ranges of their own
            return None
        zero, one, other = undone[0][:, self._index]
        offset, slope = torch.zeros_like(zero), torch.ones_like(zero)
        offset[self._needed], slope[self._needed] = zero[self._needed], (one - zero)[self._needed]
        error = (offset + slope * draw[self._index] - other)[self._needed]
        near = 1e-6 if x.dtype == torch.double else 1e-3
        on_line = (error.abs() <= near * slope[self._needed].abs()) & (slope[self._needed] != 0.0)
        return (offset, slope) if on_line.all() else None

    def _check_alike(self, transform: Module, x: Tensor) -> None:
        """Check that a transform that is no straight line does the same to all columns that trade places.

        Raises:
            SymmetryError: It does not, or a mirror, a period or a sum needs a straight line.
        """
        index = self._index
        for columns in self._declared.classes:
            needs_line = any(_is_computed_with(self._declared, column) for column in columns)
            where = [index[column] for column in columns]
            if needs_line or (len(columns) > 1 and not _is_alike(transform, x.new_empty(self._width), where)):
                raise self._breaks(transform, columns)

    def _breaks(self, transform: Module, columns: Sequence[int]) -> SymmetryError:
        names = ", ".join(self._names[column] for column in sorted(set(columns)))
        return SymmetryError(
            f"input_transform: {type(transform).__name__} breaks the symmetry of {names}: what it makes of them is not "
            "linear, or not the same for all. Use Normalize, or transform x before the model and declare the symmetry "
            "of that, with transformed=True."
        )


def _is_computed_with(columns: ColumnAction, column: int) -> bool:
    """Tell whether mirror images, implied values, circles or what is inert are computed from a column."""
    mirrored = (columns.action.generators == column + columns.action.width).any()
    on_circle = columns.circles is not None and column in columns.circles.columns
    if columns.rotations is not None and (columns.rotations.pairs == column).any():
        return True
    if columns.translations is not None and columns.translations.span[:, column].any():
        return True
    if columns.inert is not None and any((switches.columns == column).any() for switches in columns.inert.switches):
        return True
    return bool(mirrored or on_circle or (columns.weights[column] != 0.0).any())


def _is_alike(transform: Module, x: Tensor, columns: Sequence[int]) -> bool:
    """Try out whether a transform does the same to some columns, whatever is in the others."""
    values = torch.tensor([0.15, 0.4, 0.8, 3.0]).to(x)
    rows = torch.stack([values, values.flip(0)]).unsqueeze(-1).repeat(1, 1, len(x))
    rows[1][:, list(columns)] = values.unsqueeze(-1)
    try:
        with torch.no_grad():
            seen = deepcopy(transform).eval().transform(rows)  # type: ignore[operator]
    except Exception:  # it does not take these, for whatever reason
        return False
    if seen.shape != rows.shape:
        return False
    seen = seen[..., list(columns)].nan_to_num()
    return bool((seen == seen[:1, :, :1]).all()) and bool((seen != seen[0, 0, 0]).any())


def _tell_kernels(model: Module, name: str, part: Module | None) -> None:
    """Tell the kernels of a model of its input transform, when it registers either."""
    if name == "input_transform" and part is not None:
        transform, kernels = part, model.modules()
    elif isinstance(part, Kernel) and not isinstance(model, Kernel):
        transform, kernels = model.__dict__.get("_modules", {}).get("input_transform"), part.modules()
    else:
        return
    inputs = getattr(model, "train_inputs", None)
    for kernel in kernels:
        if isinstance(kernel, InUnitsOfX):
            kernel.forget()
            if transform is not None:
                kernel.see_through(transform, inputs[0] if inputs else torch.empty(len(kernel._names)).double())


register_module_module_registration_hook(_tell_kernels)
