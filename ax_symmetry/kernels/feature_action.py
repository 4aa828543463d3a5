"""The action of a group on columns that are the parameters themselves."""

from __future__ import annotations

from collections.abc import Sequence

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.column_places import ColumnPlace
from ax_symmetry.kernels.inert_columns import points_of_numbers
from ax_symmetry.options import plain
from ax_symmetry.symmetry.inert import TOLERANCE
from ax_symmetry.symmetry.kind import as_tuple
from ax_symmetry.symmetry.simplex import simplex_hint
from ax_symmetry.symmetry.symmetry import Symmetry


def action_on_features(symmetry: Symmetry, names: Sequence[str]) -> ColumnAction:
    """Return the group's action on columns that are the parameters themselves.

    Args:
        symmetry: The symmetry.
        names: The names of the d columns; a parameter that a simplex implies may be missing.

    Raises:
        SymmetryError: A parameter of the symmetry is no column, or two columns have one name.
    """
    names = as_tuple("feature_names", plain(names), "Name all columns of x.")
    for name in names:
        if names.count(name) > 1:
            raise SymmetryError(f"feature_names: {name} is there twice; name every column of x once, in order.")
    implied = symmetry.implied(names)
    for name in symmetry.parameters:
        if name not in names and name not in implied:
            hint = f"name all columns of x. {simplex_hint(symmetry, name, names)}".rstrip()
            raise SymmetryError(f"feature_names: parameter {name} of the symmetry is missing; {hint}")
    _check_center(symmetry)
    points = points_of_numbers(symmetry.inert)
    places = {
        name: ColumnPlace(
            (column,),
            mirror_sum=2 * symmetry.centers.get(name, 0.0),
            middle=symmetry.centers.get(name),
            points=points.get(name, ()),
            within=TOLERANCE,
        )
        for column, name in enumerate(names)
        if name in symmetry.parameters
    }
    return ColumnAction.of(symmetry, places, len(names))


def _check_center(symmetry: Symmetry) -> None:
    """Check that it is known what pairs are turned about.

    Raises:
        SymmetryError: It is not: the columns have no ranges whose middle it could be.
    """
    part = symmetry.turned
    if part is None or part.center is not None or part.is_shifted_by(symmetry.directions):
        return
    if any(name not in symmetry.centers for name in part.parameters):
        raise SymmetryError("rotate: columns have no ranges whose middle could be the center; give the center.")
