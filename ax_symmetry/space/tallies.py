"""How many configurations of some columns have each sum, those that differ in what is inert counted as one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Tally = npt.NDArray[np.object_]
"""How many configurations have each sum: exact integers by the steps of every simplex, one axis for each of these."""


class Cycle(NamedTuple):
    """Columns that have one value, as an element of the group that brings each to the next asks for it.

    Attributes:
        columns: The columns.
        mirrored: Whether it mirrors them an odd number of times, so that their value is the center.
    """

    columns: tuple[int, ...]
    mirrored: bool = False


class Rule(NamedTuple):
    """With some of its values, by their positions, a column makes others inert."""

    switch: int
    values: frozenset[int]
    inert: frozenset[int]


@dataclass(frozen=True)
class Columns:
    """The values of columns of a finite search space.

    Attributes:
        steps: For each column the steps that each of its values adds to each of s sums, `size x s`.
        totals: The sums, of which there are none without simplexes.
        rules: When which columns are inert. No inert column is in a sum.
    """

    steps: Sequence[npt.NDArray[np.intp]]
    totals: tuple[int, ...]
    rules: Sequence[Rule] = ()

    @property
    def one(self) -> Tally:
        """The tally of a single configuration that adds nothing."""
        return self._tally(np.zeros((1, len(self.totals)), dtype=np.intp))

    def tally(self, cycles: Sequence[Cycle]) -> Tally:
        """Tally the configurations with one value for each cycle."""
        parts = (sum(tally for *_, tally in self.combinations(part)) for part in self._independent(cycles))
        return reduce(joined, (np.asarray(part, dtype=object) for part in parts), self.one)

    def combinations(
        self, cycles: Sequence[Cycle], deciding: Collection[int] = ()
    ) -> Iterator[tuple[dict[int, int], frozenset[int], Tally]]:
        """Tally the configurations for each combination of values of the cycles that decide what is inert.

        Args:
            cycles: The cycles.
            deciding: Further columns for whose values there are tallies of their own.

        Yields:
            The positions of these values by column, the inert columns, and the tally. Inert columns have one value.
        """
        decide = {*deciding, *(rule.switch for rule in self.rules)}
        first = [cycle for cycle in cycles if decide & set(cycle.columns)]
        others = [cycle for cycle in cycles if cycle not in first]
        free: dict[frozenset[int], Tally] = {}  # of the others, by what is inert
        for values in product(*(range(len(self.steps[cycle.columns[0]])) for cycle in first)):
            position = {column: value for cycle, value in zip(first, values) for column in cycle.columns}
            inert = frozenset(c for rule in self.rules if position.get(rule.switch) in rule.values for c in rule.inert)
            if any(value and cycle.columns[0] in inert for cycle, value in zip(first, values)):
                continue
            if inert not in free:
                there = (self._of_cycle(cycle) for cycle in others if cycle.columns[0] not in inert)
                free[inert] = reduce(joined, there, self.one)
            decided = [self._of_cycle(cycle, value) for cycle, value in zip(first, values)]
            yield position, inert, reduce(joined, decided, free[inert])

    def _of_cycle(self, cycle: Cycle, value: int | None = None) -> Tally:
        """Tally the values of a cycle, or one of them."""
        steps = self.steps[cycle.columns[0]]
        if cycle.mirrored:  # its values are in no sum
            return np.asarray(self.one * (len(steps) % 2), dtype=object)
        return self._tally((steps if value is None else steps[[value]]) * len(cycle.columns))

    def _tally(self, steps: npt.NDArray[np.intp]) -> Tally:
        tally = np.zeros([total + 1 for total in self.totals], dtype=object)
        for step in steps:
            if (step <= self.totals).all():
                tally[tuple(step)] += 1
        return tally

    def _independent(self, cycles: Sequence[Cycle]) -> list[list[Cycle]]:
        """Split cycles where no rule ties them."""
        parts = [({*cycle.columns}, [cycle]) for cycle in cycles]
        for rule in self.rules:
            tied = [part for part in parts if part[0] & {rule.switch, *rule.inert}]
            parts = [part for part in parts if part not in tied]
            parts.append((set().union(*(own for own, _ in tied)), [cycle for _, some in tied for cycle in some]))
        return [part for _, part in parts]


def joined(one: Tally, other: Tally) -> Tally:
    """Tally all pairs of a configuration of one and of the other."""
    pairs = np.zeros_like(one)
    for sums in np.argwhere(one):
        add(pairs, other, sums, one[tuple(sums)])
    return pairs


def add(tally: Tally, other: Tally, sums: npt.NDArray[np.intp], times: int) -> None:
    """Add to a tally, in place, a number of times another whose sums are so much greater; those beyond are dropped."""
    tally[tuple(slice(s, None) for s in sums)] += times * other[tuple(slice(n - s) for s, n in zip(sums, tally.shape))]
