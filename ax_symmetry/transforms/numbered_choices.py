"""Parameter constraints on choices between numbers, as Ax's transform that numbers the choices will read them.

`OrderedChoiceToIntegerRange` puts the positions 0, 1, ... in place of the values and leaves the constraints as they are
(Ax 1.3, facebook/Ax issue 5256), so that a search would keep other constraints than those that were declared.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from ax.core.parameter import ChoiceParameter, ParameterType
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import backend
from ax_symmetry._ax.parameters import is_equality
from ax_symmetry.space.grid import Grid, grid_of

NUMBERING = "OrderedChoiceToIntegerRange"
"""The name of Ax's transform."""


def constraints_on_positions(
    search_space: SearchSpace, fitted: SearchSpace, transforms: Collection[str]
) -> SearchSpace:
    """Write constraints on evenly spaced choices in terms of their positions, where Ax will take them for that.

    Args:
        search_space: The search space, which is returned if there is nothing to write.
        fitted: The one by which Ax numbers the choices.
        transforms: The names of the transforms of the model.

    Returns:
        A copy with the constraints; the parameters stay.
    """
    grids: dict[str, Grid] = {}
    for name, p in fitted.parameters.items():
        grid = grid_of(p) if isinstance(p, ChoiceParameter) and p.is_ordered else None
        if grid is not None:
            grids[name] = grid
    constraints = list(search_space.parameter_constraints)
    if not any(name in grids for c in constraints for name in c.constraint_dict):
        return search_space
    if NUMBERING not in transforms or not _takes_values_for_positions():
        return search_space
    for i, constraint in enumerate(constraints):
        weights, bound = dict(constraint.constraint_dict), float(constraint.bound)
        if is_equality(constraint) or not grids.keys() & set(weights):
            continue
        for name in grids.keys() & set(weights):
            bound -= weights[name] * grids[name].origin
            weights[name] *= grids[name].step
        constraints[i] = backend.linear_constraint(weights, bound)
    written = search_space.clone()
    written.set_parameter_constraints(constraints)
    return written


@cache
def _takes_values_for_positions() -> bool:
    """Try out whether Ax's transform leaves constraints as they are."""
    numbering = next(t for t in backend.default_transforms() if t.__name__ == NUMBERING)
    values = ChoiceParameter("p", ParameterType.FLOAT, [10.0, 20.0, 30.0], is_ordered=True, sort_values=True)
    made = SearchSpace([values])
    made.add_parameter_constraints([backend.linear_constraint({"p": 1.0}, 25.0)])
    numbered = backend.without_data(numbering, made).transform_search_space(made.clone())
    (constraint,) = numbered.parameter_constraints
    return bool(constraint.bound == 25.0 and constraint.constraint_dict == {"p": 1.0})
