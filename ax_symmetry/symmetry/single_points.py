"""The encoding of one parameterization, of which no search space says what its values could be."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.groups.actions import Rows
from ax_symmetry.options import plain
from ax_symmetry.symmetry.encoding import Encoding
from ax_symmetry.symmetry.inert import TOLERANCE
from ax_symmetry.symmetry.kind import is_finite_number
from ax_symmetry.symmetry.simplex import Simplex, simplex_hint

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


def encode_values(symmetry: Symmetry, point: Mapping[str, Any]) -> tuple[Encoding, dict[str, Any], Rows]:
    """Encode one parameterization by the types of its values: numbers as they are, others by their rank.

    Inert parameters may be missing; what they are does not count.

    Returns:
        The encoding, the values with those of implied parameters, and the row `1 x d`.

    Raises:
        SymmetryError: A parameter is missing, or has a value that it cannot have.
    """
    implied = symmetry.implied(point)
    values = _with_any_inert(symmetry, {**point, **dict.fromkeys(implied, 0.0)}, implied)
    for name in symmetry.parameters:
        if not isinstance(values.get(name), Hashable):
            raise SymmetryError(f"parameter {name}: expected one value; got {shown(values[name])}.")
        if values.get(name) is None or values[name] != values[name]:
            hint = f"give every parameter a value. {simplex_hint(symmetry, name, point)}".rstrip()
            raise SymmetryError(f"parameter {name} of the symmetry is missing; {hint}")
    _check_computed(symmetry, values)
    choices: dict[str, Sequence[Any]] = {}
    absent = [(one.switch, value) for one in symmetry.inert for value in one.values]
    for names in symmetry.parameter_orbits:
        present = {values[name] for name in names} | {v for s, v in absent if s in names}
        if all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in present):
            continue
        if any(name in symmetry.centers for name in names):
            raise SymmetryError(f"mirror: {names[0]} has the value {values[names[0]]!r}; a mirror needs numbers.")
        try:
            choices.update(dict.fromkeys(names, sorted(present)))
        except TypeError:
            raise SymmetryError(f"parameters {', '.join(names)} share a slot but not a type of values.") from None
    encoding = Encoding(symmetry, choices, implied, symmetry.inert)
    x = encoding.encode_points([values])[1]
    for name, simplex in implied.items():
        value, others = float(x[0, encoding.columns[name]]), [values[n] for n in simplex.parameters if n != name]
        whole = value.is_integer() and all(isinstance(v, (int, np.integer)) for v in others)
        values[name] = int(value) if whole else value
    return encoding, values, x


def _check_computed(symmetry: Symmetry, values: Mapping[str, Any]) -> None:
    """Check that what the group computes with are finite numbers, and what is scaled above 0.

    Raises:
        SymmetryError: One is not.
    """
    scaled = {name for one in symmetry.directions if one.is_log for name in one.names}
    for name, key in symmetry.changed.items():
        if key == "mirror" or name not in values:
            continue
        value = plain(values[name])
        if not is_finite_number(value) or name in scaled and value <= 0:
            wanted = "a finite number" + (" above 0" if name in scaled else "")
            raise SymmetryError(f"{key}: parameter {name} must have {wanted} as its value; got {shown(value)}.")


def _with_any_inert(
    symmetry: Symmetry, values: Mapping[str, Any], implied: Mapping[str, Simplex]
) -> dict[str, Any]:
    """Give every inert parameter some value that one of its orbit has, whether it has one or not."""
    values, inert = dict(values), set[str]()
    for one in symmetry.inert:
        value = values.get(one.switch)
        if one.switch in implied and all(is_finite_number(values.get(n)) for n in implied[one.switch].parameters):
            others = {n: np.asarray([float(values[n])]) for n in implied[one.switch].parameters if n != one.switch}
            value = float(implied[one.switch].imply(others)[0])
        if any(_is_close(value, other) for other in one.values):
            inert.update(one.names)
    for name in inert:
        alike = [values[n] for n in symmetry.orbit_of(name) if n not in inert and values.get(n) is not None]
        values[name] = alike[0] if alike else 0.0
    return values


def _is_close(value: Any, other: Any) -> bool:
    """Tell whether a value is another one, numbers but for rounding."""
    if is_finite_number(value) and is_finite_number(other):
        return bool(abs(value - other) <= TOLERANCE)
    return isinstance(value, Hashable) and bool(value == other)
