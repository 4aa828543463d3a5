"""Find arms on the same orbit as a candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.encoding import ParameterEncoding


def orbit_keys(encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows) -> list[bytes]:
    """Tell on which orbit rows `n x d` lie, by their canonical representatives to nine digits of the ranges."""
    canonical = encoding.canonical_rows(x, comparison_order)
    return [row.tobytes() for row in np.round(encoding.to_unit_cube(canonical), 9) + 0.0]


def experiment_keys(
    encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows, parameters: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """Tell which parameterizations, whose numbers are rows `n x d`, are the same experiment: equal keys."""
    orbits, moved = orbit_keys(encoding, comparison_order, x) if len(x) else [], encoding.parameters
    return [(orbit, *sorted((n, v) for n, v in p.items() if n not in moved)) for orbit, p in zip(orbits, parameters)]


class KnownArms:
    """The arms of an experiment, found by the orbit that they lie on.

    Args:
        encoding: Turns values into numbers.
        comparison_order: The columns in the order of comparison.
        arms: Returns the arms that there are now, by signature.
    """

    def __init__(
        self, encoding: ParameterEncoding, comparison_order: Sequence[int], arms: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.encoding, self.comparison_order, self.arms = encoding, comparison_order, arms
        self._read: set[str] = set()
        self._found: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def same_experiments(self, x: Rows, parameters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any] | None]:
        """Find the arms that are the same experiments.

        Args:
            x: The candidates' numbers, `n x d`.
            parameters: The candidates.

        Returns:
            The parameters of the first arm on each orbit, None where there is none.
        """
        new = [arm.parameters for signature, arm in self.arms().items() if signature not in self._read]
        self._read.update(self.arms())
        complete, known = self.encoding.encode_points(new)
        named = [new[i] for i in np.flatnonzero(complete)]
        for key, arm in zip(experiment_keys(self.encoding, self.comparison_order, known, named), named):
            self._found.setdefault(key, arm)
        if not self._found:
            return [None] * len(x)
        return [self._found.get(key) for key in experiment_keys(self.encoding, self.comparison_order, x, parameters)]
