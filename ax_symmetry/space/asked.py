"""What one call of `gen` asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ax.core.parameter import ChoiceParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.distinct import repeats, without_repeats
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from ax_symmetry.space.lattice import Lattice


@dataclass(frozen=True, eq=False)
class Asked:
    """What one call of `gen` asked for.

    Attributes:
        encoding: Turns values into rows.
        comparison_order: The columns in the order of comparison.
        space: Where candidates may lie.
        fixed: The fixed features.
    """

    encoding: ParameterEncoding
    comparison_order: tuple[int, ...]
    space: SearchSpace
    fixed: Mapping[str, Any]

    @cached_property
    def region(self) -> FeasibleRegion:
        """The rows that candidates may have."""
        return FeasibleRegion(self.encoding, self.space, self.fixed)

    @cached_property
    def lattice(self) -> Lattice:
        """The experiments, as far as parameters have finitely many values."""
        return Lattice(self.encoding, self.comparison_order, self.space, self.region, self.fixed)

    def images(self, x: Rows, others: Sequence[Mapping[str, Any]]) -> tuple[Any, Rows]:
        """Return which rows `n x d` have an image inside, and the least ones; see `FeasibleRegion.least_image`."""
        return self.region.least_image(self.encoding.symmetry.action, x, self.comparison_order, others)

    def candidates(self, x: Rows, others: Sequence[Mapping[str, Any]]) -> Rows:
        """Return the least images inside; where there is none, those of the nearest choices that are allowed.

        Raises:
            SymmetryError: Blocks that must differ in a slot cannot.
        """
        inside, y = self.images(x, others)
        if inside.all():
            return y
        # Ax has kept constraints, except of random points that it will draw again.
        must_move = repeats(self.encoding, x)
        for i in np.flatnonzero(must_move).tolist():
            must_move[i] = self.region.contains(x[[i]], others[i])[0]
        allowed = np.where(inside[:, None], x, self._allowed(x))
        x = without_repeats(self.region, allowed)
        inside, y = self.images(x, others)
        for i in np.flatnonzero(~inside & (must_move | repeats(self.encoding, x))).tolist():
            y[i] = self._next_to(allowed[i], others[i])
        return y

    def _next_to(self, row: Rows, others: Mapping[str, Any]) -> Rows:
        """Return the row of the nearest experiment in which blocks differ that must."""
        decoded = self.encoding.decode(row[None])
        found, _ = self.lattice.nearest({**others, **{name: values[0] for name, values in decoded.items()}}, ())
        if not found:
            slots = " and ".join(", ".join(names) for names in self.encoding.symmetry.distinct)
            raise SymmetryError(
                f"distinct: gen's fixed features, search space and constraints leave no candidate in which {slots} "
                "differ; fix fewer of them, or leave them more values."
            )
        return self.encoding.encode_points(found)[1][0]

    def _allowed(self, x: Rows) -> Rows:
        """Replace choices in rows `n x d` that are not allowed by the nearest that are, in the order of comparison."""
        x = x.copy()
        for name in self.encoding.choices:
            p = self.space.parameters.get(name)
            if isinstance(p, ChoiceParameter):
                allowed = np.asarray([self.encoding.encode_value(name, v) for v in p.values])
                column = x[:, self.encoding.columns[name]]
                column[:] = allowed[np.abs(column[:, None] - allowed).argmin(axis=1)]
        return x
