"""Find arms on the same orbit as a candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.encoding import ParameterEncoding


def orbit_keys(encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows) -> list[bytes]:
    """Return a key of the orbit of each row `n x d`: its canonical representative, to nine digits of the ranges."""
    canonical = encoding.canonical_rows(x, comparison_order)
    return [row.tobytes() for row in np.round(encoding.to_unit_cube(canonical), 9) + 0.0]


def experiment_keys(
    encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows, parameters: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """Return a key of each of n parameterizations with rows `n x d`; the same experiments have equal keys."""
    orbits, moved = orbit_keys(encoding, comparison_order, x) if len(x) else [], encoding.parameters
    return [(orbit, *sorted((n, v) for n, v in p.items() if n not in moved)) for orbit, p in zip(orbits, parameters)]


class KnownArms:
    """The arms of an experiment, indexed by orbit.

    Args:
        encoding: Turns values into numbers.
        comparison_order: The columns in the order of comparison.
        arms: Returns the current arms by signature.
    """

    def __init__(
        self, encoding: ParameterEncoding, comparison_order: Sequence[int], arms: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.encoding, self.comparison_order, self.arms = encoding, comparison_order, arms
        self._keys: dict[str, tuple[Any, ...] | None] = {}
        self._by_key: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def same_experiments(self, x: Rows, parameters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any] | None]:
        """Find the arms that are the same experiments as candidates.

        Args:
            x: The rows of the candidates, `n x d`.
            parameters: The candidates.

        Returns:
            The parameters of the first arm on each orbit, None where there is none.
        """
        self._read()
        if not self._by_key:
            return [None] * len(x)
        return [self._by_key.get(key) for key in experiment_keys(self.encoding, self.comparison_order, x, parameters)]

    def keys_of(self, signatures: Iterable[str]) -> set[tuple[Any, ...]]:
        """Return the keys of some of the arms, by signature; those that lack a parameter have none."""
        self._read()
        return {key for signature in signatures if (key := self._keys.get(signature)) is not None}

    @property
    def latest(self) -> Mapping[str, Any] | None:
        """The parameters of the latest experiment; None before the first."""
        self._read()
        return next(reversed(self._by_key.values()), None)

    def _read(self) -> None:
        """Index the arms that are new."""
        new = {signature: arm.parameters for signature, arm in self.arms().items() if signature not in self._keys}
        points = list(new.values())
        complete, known = self.encoding.encode_points(points)
        points = [points[i] for i in np.flatnonzero(complete)]
        keys = iter(experiment_keys(self.encoding, self.comparison_order, known, points))
        for (signature, arm), has_key in zip(new.items(), complete):
            key = self._keys[signature] = next(keys) if has_key else None
            if key is not None:
                self._by_key.setdefault(key, arm)
