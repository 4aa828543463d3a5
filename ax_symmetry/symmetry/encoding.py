"""Values of parameters as rows of numbers, without a search space; `space.encoding` adds what a search space tells."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.groups.actions import Rows
from ax_symmetry.symmetry.simplex import Simplex, simplex_hint

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


class Encoding:
    """Encodes values of a symmetry's parameters as rows of numbers.

    A number stays itself, to the last bit; any other value becomes its position in a list of values.

    Attributes:
        symmetry: The symmetry, whose `parameters` are the columns.
        choices: The values, in the order of comparison, of parameters that are encoded by position.
        implied: The parameters that others imply, and the simplexes that imply them.
        free: The other parameters.
        columns: The column of every parameter.
        lower: The lower bounds of the columns, `d`, for the gauge; 0 where there are none.
    """

    def __init__(
        self, symmetry: Symmetry, choices: Mapping[str, Sequence[Any]], implied: Mapping[str, Simplex]
    ) -> None:
        self.symmetry, self.choices, self.implied = symmetry, choices, implied
        self.free = [name for name in symmetry.parameters if name not in implied]
        self.columns = {name: i for i, name in enumerate(symmetry.parameters)}
        self.lower = np.zeros(len(self.columns))
        self._positions = {n: {v: i for i, v in enumerate(values)} for n, values in choices.items()}
        middles = {n: (len(choices[n]) - 1) / 2 if n in choices else c for n, c in symmetry.centers.items()}
        self._centers = np.asarray([middles.get(name, np.nan) for name in symmetry.parameters])

    def encode(self, table: Mapping[str, Sequence[Any]]) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Encode a table of values.

        Args:
            table: For every free parameter the values of n observations.

        Returns:
            Which of the n observations have a value of every parameter, implied ones too, and the numbers `k x d` of
            those k.
        """
        numbers = {n: np.asarray([self.encode_value(n, v) for v in table[n]], dtype=float) for n in self.free}
        complete = ~np.any([np.isnan(c) for c in numbers.values()], axis=0)
        numbers = {name: column[complete] for name, column in numbers.items()}
        for name in self.implied:
            numbers[name] = self.imply(name, numbers)
        rows = np.stack([numbers[name] for name in self.symmetry.parameters], axis=1)
        there = ~np.isnan(rows).any(axis=1)
        complete[complete] = there
        return complete, rows[there]

    def with_implied(self, x: Rows) -> Rows:
        """Compute the implied parameters of rows `n x d` again from the others."""
        x = x.copy()
        for name in self.implied:
            x[:, self.columns[name]] = self.imply(name, {n: x[:, i] for n, i in self.columns.items()})
        return x

    def encode_points(self, points: Sequence[Mapping[str, Any]]) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Encode n parameterizations; see `encode`."""
        return self.encode({name: [point.get(name) for point in points] for name in self.free})

    def encode_value(self, name: str, value: Any) -> float:
        """Encode one value; nan if it is missing, or not among the values."""
        if name in self.choices:
            return float(self._positions[name].get(value, np.nan)) if value is not None and value == value else np.nan
        return np.nan if value is None else float(value)

    def imply(self, name: str, numbers: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Compute an implied parameter, `n`, from the numbers of the others; nan where it has no such value."""
        simplex = self.implied[name]
        return simplex.imply({n: numbers[n] for n in simplex.parameters if n != name})

    def rounded(self, x: Rows) -> Rows:
        """Round rows `n x d` to the values that the parameters can have."""
        return x

    def gauge(self, x: Rows, lower: Rows | None = None) -> Rows:
        """Replace rows `n x d` by the points that stand for their infinite orbits; the rows themselves if G is finite.

        A rounded number stays rounded.

        Args:
            x: The rows.
            lower: Other lower bounds of the columns, `d`, to count from.
        """
        chosen = self.symmetry.gauge(x, self.columns, self.lower if lower is None else lower)
        return x if chosen is x else np.where((x == self.rounded(x)) & (x != chosen), self.rounded(chosen), chosen)

    def mirrored(self, x: Rows) -> Rows:
        """Mirror every column of rows `n x d`; nan where the group does not mirror it.

        The image of a rounded number is rounded; that of a number between the steps is not.
        """
        images = 2 * self._centers - x
        return self.gauge(np.where(x == self.rounded(x), self.rounded(images), images))

    def canonical_rows(self, x: Rows, comparison_order: Sequence[int]) -> Rows:
        """Return the canonical representatives `n x d` of rows; see `Action.canonical_points`."""
        x = self.gauge(x)
        return self.symmetry.action.canonical_rows(x, self.mirrored(x), comparison_order)


def encode_values(symmetry: Symmetry, point: Mapping[str, Any]) -> tuple[Encoding, dict[str, Any], Rows]:
    """Encode one parameterization by the types of its values: numbers as they are, others by their rank.

    Returns:
        The encoding, the values with those of implied parameters, and the row `1 x d`.

    Raises:
        SymmetryError: A parameter is missing, or has a value that it cannot have.
    """
    implied = symmetry.implied(point)
    values = {**point, **dict.fromkeys(implied, 0.0)}
    for name in symmetry.parameters:
        if not isinstance(values.get(name), Hashable):
            raise SymmetryError(f"parameter {name}: expected one value; got {shown(values[name])}.")
        if values.get(name) is None or values[name] != values[name]:
            hint = f"give every parameter a value. {simplex_hint(symmetry, name, point)}".rstrip()
            raise SymmetryError(f"parameter {name} of the symmetry is missing; {hint}")
    choices: dict[str, Sequence[Any]] = {}
    for names in symmetry.parameter_orbits:
        present = {values[name] for name in names}
        if all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in present):
            continue
        if any(name in symmetry.centers for name in names):
            raise SymmetryError(f"mirror: {names[0]} has the value {values[names[0]]!r}; a mirror needs numbers.")
        try:
            choices.update(dict.fromkeys(names, sorted(present)))
        except TypeError:
            raise SymmetryError(f"parameters {', '.join(names)} share a slot but not a type of values.") from None
    encoding = Encoding(symmetry, choices, implied)
    x = encoding.encode_points([values])[1]
    for name, simplex in implied.items():
        value, others = float(x[0, encoding.columns[name]]), [values[n] for n in simplex.parameters if n != name]
        whole = value.is_integer() and all(isinstance(v, (int, np.integer)) for v in others)
        values[name] = int(value) if whole else value
    return encoding, values, x
