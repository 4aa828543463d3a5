"""Which arm of an experiment is the same experiment as a candidate, in whatever order its blocks are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ax_symmetry.codec import Codec
from ax_symmetry.orbits import Rows, take


def orbit_keys(codec: Codec, priority: Sequence[int], x: Rows) -> list[bytes]:
    """Tell on which orbit rows `n x d` lie, by their canonical representatives to nine digits of the ranges."""
    mirrored = codec.mirrored(x)
    points = codec.symmetry.action.least(x, mirrored, priority)
    canonical = take(x, mirrored, np.arange(len(x)), points)
    return [row.tobytes() for row in np.round(codec.units(canonical), 9) + 0.0]


def experiment_keys(
    codec: Codec, priority: Sequence[int], x: Rows, parameters: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """Tell which parameterizations, whose numbers are rows `n x d`, are the same experiment: equal keys."""
    orbits, moved = orbit_keys(codec, priority, x) if len(x) else [], codec.parameters
    return [(orbit, *sorted((n, v) for n, v in p.items() if n not in moved)) for orbit, p in zip(orbits, parameters)]


class KnownArms:
    """The arms of an experiment, found by the orbit that they lie on.

    Args:
        codec: Turns values into numbers.
        priority: The columns in the order of comparison.
        arms: Returns the arms that there are now, by signature.
    """

    def __init__(self, codec: Codec, priority: Sequence[int], arms: Callable[[], Mapping[str, Any]]) -> None:
        self.codec, self.priority, self.arms = codec, priority, arms
        self._read: set[str] = set()
        self._found: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def twins(self, x: Rows, parameters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any] | None]:
        """Find the arms that are the same experiments.

        Args:
            x: The candidates' numbers, `n x d`.
            parameters: The candidates.

        Returns:
            The parameters of the first arm on each orbit, None where there is none.
        """
        new = [arm.parameters for signature, arm in self.arms().items() if signature not in self._read]
        self._read.update(self.arms())
        complete, known = self.codec.encode({n: [p.get(n) for p in new] for n in self.codec.parameters})
        own = [new[i] for i in np.flatnonzero(complete)]
        for key, arm in zip(experiment_keys(self.codec, self.priority, known, own), own):
            self._found.setdefault(key, arm)
        if not self._found:
            return [None] * len(x)
        return [self._found.get(key) for key in experiment_keys(self.codec, self.priority, x, parameters)]
