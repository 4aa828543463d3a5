"""Values of parameters as rows of numbers, without a search space; `space.encoding` adds what a search space tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Rows, with_mirror_images
from ax_symmetry.symmetry.box import Box
from ax_symmetry.symmetry.critical_angles import turned_rows
from ax_symmetry.symmetry.inert import Inert, InertRows
from ax_symmetry.symmetry.simplex import Simplex

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
        box: Where the points that stand for infinite orbits lie.
        inert: The slots that change nothing while another has some value.
        inert_rows: Which numbers of rows that makes inert; None if there are none.

    Args:
        widths: The widths of ranges, by name, where they are known.
    """

    def __init__(
        self,
        symmetry: Symmetry,
        choices: Mapping[str, Sequence[Any]],
        implied: Mapping[str, Simplex],
        inert: Sequence[Inert],
        widths: Mapping[str, float] | None = None,
    ) -> None:
        self.symmetry, self.choices, self.implied = symmetry, choices, implied
        self.free = [name for name in symmetry.parameters if name not in implied]
        self.columns = {name: i for i, name in enumerate(symmetry.parameters)}
        self.box = Box.unbounded(len(self.columns))
        self._positions = {n: {v: i for i, v in enumerate(values)} for n, values in choices.items()}
        middles = {n: (len(choices[n]) - 1) / 2 if n in choices else c for n, c in symmetry.centers.items()}
        self._centers = np.asarray([middles.get(name, np.nan) for name in symmetry.parameters])
        self.inert = tuple(inert)
        self.inert_rows = InertRows(inert, symmetry, self.encode_value, widths) if inert else None

    def encode(self, table: Mapping[str, Sequence[Any]]) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Encode a table of values.

        Args:
            table: For every free parameter the values of n observations.

        Returns:
            Which of the n observations have a value of every parameter, implied ones too and inert ones aside, and the
            numbers `k x d` of those k; an inert number that is missing is the lowest.
        """
        numbers = {n: np.asarray([self.encode_value(n, v) for v in table[n]], dtype=float) for n in self.free}
        may_lack = {name for one in self.inert for name in one.names}
        needed = [column for name, column in numbers.items() if name not in may_lack]
        complete = ~np.any([np.isnan(column) for column in needed or numbers.values()], axis=0)
        numbers = {name: column[complete] for name, column in numbers.items()}
        for name in self.implied:
            numbers[name] = self.imply(name, numbers)
        rows = np.stack([numbers[name] for name in self.symmetry.parameters], axis=1)
        rows = np.where(np.isnan(rows), self.with_lowest(rows), rows)
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

    def gauge(self, x: Rows, box: Box | None = None, each: bool = False) -> Rows:
        """Replace rows `n x d` by the points that stand for their infinite orbits; the rows themselves if G is finite.

        A rounded number stays rounded, and inert numbers do not count.

        Args:
            x: The rows.
            box: Where the points are to lie, if that is not `box`.
            each: Leave numbers alone that only move together with others.
        """
        box = self.box if box is None else box
        inert = None if self.inert_rows is None or self.symmetry.is_finite else self.inert_rows.mask(x)
        chosen = self.symmetry.gauge(x if inert is None else np.where(inert, np.nan, x), self.columns, box, each)
        if chosen is not x:
            chosen = np.where((x == self.rounded(x)) & (x != chosen), self.rounded(chosen), chosen)
        return self.with_lowest(chosen if inert is None else np.where(inert, x, chosen), box.lower)

    def with_lowest(self, x: Rows, lower: Rows | None = None) -> Rows:
        """Give inert numbers of rows `n x d` their lowest value, from other lower bounds `d` on if these are given."""
        if self.inert_rows is None:
            return x
        return np.where(self.inert_rows.mask(x), self.lowest if lower is None else self.lowest_from(lower), x)

    def there(self, x: Rows) -> npt.NDArray[np.bool_]:
        """Tell which numbers of rows `n x d` are of a block that is there, and not inert."""
        return np.ones(x.shape, dtype=bool) if self.inert_rows is None else self.inert_rows.there(x)

    def images_of(
        self, point: Mapping[str, Any], values: Mapping[str, Any], numbers: Rows, elements: npt.NDArray[np.intp]
    ) -> list[dict[str, Any]]:
        """Write images of a parameterization, without inert parameters.

        Args:
            point: The parameterization.
            values: The values of all parameters of the symmetry.
            numbers: Their numbers, beside the mirror images of these: `2 d`.
            elements: The images as points, `N x d`.
        """
        names, d, images = self.symmetry.parameters, len(self.columns), []
        inert = np.zeros(d, dtype=bool) if self.inert_rows is None else self.inert_rows.mask(numbers[None, :d])[0]
        for points in elements.tolist():
            image = dict(point)
            for name, number in zip(names, points):
                source = names[number % d]
                if inert[number % d]:
                    image.pop(name, None)
                elif name in point or name not in self.implied:
                    encoded = self.encode_value(source, values[source])
                    image[name] = _typed(values[source], encoded, float(numbers[number]))
            images.append(image)
        return images

    @property
    def lowest(self) -> Rows:
        """The lowest values of the columns, `d`."""
        return self.lowest_from(self.box.lower)

    def lowest_from(self, lower: Rows) -> Rows:
        """Return the lowest values from lower bounds `d` on."""
        return lower

    def compared(self, x: Rows) -> Rows:
        """Return the numbers `n x d` by which gauged rows compare: absent blocks come last."""
        return self._steady(x if self.inert_rows is None else self.inert_rows.compared(x), x)

    def compared_points(self, x: Rows, mirrored: Rows) -> Rows:
        """Return the numbers `n x 2 d` by which the points of gauged rows and their mirror images compare."""
        images = with_mirror_images(x, mirrored)[:, x.shape[1]:]
        if self.inert_rows is None:
            return np.hstack([self._steady(x, x), self._steady(images, x)])
        mask = self.inert_rows.mask(x)
        images = np.where(mask | np.isnan(images), x, images)  # what has no mirror image is in no image
        return np.hstack([self._steady(self.inert_rows.compared(rows, mask), x) for rows in (x, images)])

    def _steady(self, compared: Rows, x: Rows) -> Rows:
        """Make compared numbers equal that are so but for rounding, where an infinite group computes them."""
        if self.symmetry.is_finite:
            return compared
        unit = 1e-9 * self._size(x)
        with np.errstate(over="ignore"):  # absent blocks are beyond all numbers
            return np.asarray(unit * np.round(compared / unit))

    def mirrored(self, x: Rows) -> Rows:
        """Mirror every column of rows `n x d`; nan where the group does not mirror it.

        The image of a rounded number is rounded; that of a number between the steps is not.
        """
        images = 2 * self._centers - x
        images = self.gauge(np.where(x == self.rounded(x), self.rounded(images), images))
        return images if self.inert_rows is None else np.where(self.inert_rows.mask(x), x, images)

    def canonical_rows(self, x: Rows, comparison_order: Sequence[int]) -> Rows:
        """Return the canonical representatives `n x d` of rows; see `Action.canonical_points`.

        Cost: with a rotation of p points that of 12 p rows for each, or of 4 p^2 if they may be shifted as well.
        """
        if self.symmetry.turned is None:
            return self._sorted_rows(x, comparison_order)
        return self.unmoved(x, self._sorted_rows(self.best_turned(x, comparison_order), comparison_order))

    def best_turned(self, x: Rows, comparison_order: Sequence[int]) -> Rows:
        """Turn rows `n x d` so that their images come first; rows themselves without a rotation."""
        if self.symmetry.turned is None or not len(x):
            return x
        turned = []
        for row in x:
            rows = self.turned(row, self.box)
            inside = self.box.holds(rows)
            turned.append(rows[inside] if inside.any() else rows)
        y = self._sorted_rows(np.concatenate(turned), comparison_order)
        ends = np.cumsum([len(rows) for rows in turned])[:-1]
        first = [self.ascending(rows, comparison_order)[0] for rows in np.split(y, ends)]
        return np.asarray([rows[i] for rows, i in zip(turned, first)])

    def _sorted_rows(self, x: Rows, comparison_order: Sequence[int]) -> Rows:
        """Return the least images under the finite part of the group, after the gauge."""
        x = self.gauge(x)
        mirrored = self.mirrored(x)
        return self.symmetry.action.canonical_rows(x, mirrored, comparison_order, self.compared_points(x, mirrored))

    def turned(self, row: Rows, box: Box) -> Rows:
        """Return the rows `k x d` by which a row `d` may be represented when it is turned, in a box if they fit."""
        part, symmetry = self.symmetry.turned, self.symmetry
        if part is None:
            return row[None]
        inert = None if self.inert_rows is None else self.inert_rows.mask(row[None])[0]
        free = row if inert is None else np.where(inert, np.nan, row)
        rows = turned_rows(free, part, self.columns, box, part.is_shifted_by(symmetry.directions))
        rows = symmetry.gauge(rows, self.columns, box)
        return box.snapped(rows if inert is None else np.where(inert, row, rows))

    def ascending(self, x: Rows, comparison_order: Sequence[int]) -> npt.NDArray[np.intp]:
        """Return the order of rows `n x d`, the least first."""
        return np.lexsort(self.compared(x)[:, list(comparison_order)].T[::-1])

    def unmoved(self, x: Rows, y: Rows) -> Rows:
        """Return rows y `n x d`, or x to the last bit where they differ by rounding alone."""
        same = (np.abs(y - x) <= 1e-12 * self._size(x)).all(axis=1, keepdims=True)
        return np.where(same, x, y)

    def _size(self, x: Rows) -> Rows:
        """Return how large the numbers of each column are, `d`, alike for parameters that trade places."""
        size = np.maximum(self.box.magnitude, np.nan_to_num(np.abs(x), posinf=0.0).max(axis=0, initial=0.0))
        for names in self.symmetry.parameter_orbits:
            alike = [self.columns[name] for name in names]
            size[alike] = size[alike].max()
        return np.where(size > 0.0, size, 1.0)


def _typed(value: Any, encoded: float, number: float) -> Any:
    """Return the value itself if its number is unchanged, else the number: as the value's type, if that can hold it."""
    if number == encoded:
        return value
    return type(value)(number) if type(value)(number) == number else float(number)
