"""A slice of the search space along two parameters: model surface, fundamental domain, observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.parameter import ParameterType, RangeParameter

from ax_symmetry._ax.fitted_models import can_predict, predict
from ax_symmetry._ax.given import experiment_of, is_adapter
from ax_symmetry.diagnostics.observations import choose_metric, data_of
from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.generation.get_botorch import fit_botorch
from ax_symmetry.groups.actions import Rows, with_mirror_images
from ax_symmetry.groups.fundamental_domain import walls
from ax_symmetry.options import plain, read_canonicalize, whole_number
from ax_symmetry.plotting.tables import is_minimized, observations
from ax_symmetry.space.bounds import numeric_bounds
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class Slice:
    """A slice of the search space along two parameters.

    Attributes:
        metric: The metric.
        fixed: The values of all other parameters, but for those that these and the two derive.
        surface: A row per grid point, the first parameter running fastest, with both parameters, the predicted `mean`
            and `sd`, and `outside`: how far the point lies beyond the worst wall of the fundamental domain, as a
            fraction of the range; zero or less inside.
        points: A row per observation and distinct image, with `arm_name`, `trial_index`, `mean`, both parameters, and
            `image`, which is True for an image. Their other parameters may differ from those of the slice.
    """

    metric: str
    fixed: dict[str, Any]
    surface: pd.DataFrame
    points: pd.DataFrame


def domain_slice(
    experiment_or_adapter: Any,
    symmetry: Symmetry | Mapping[str, Any],
    x: str,
    y: str,
    *,
    metric: str | None = None,
    slice_values: Mapping[str, Any] | None = None,
    density: int = 51,
) -> Slice:
    """Predict on a grid over two parameters and find the fundamental domain; see `plotting.plot_domain`.

    Raises:
        SymmetryError: An argument is wrong, or there is no data or no model of the metric.
    """
    experiment = experiment_of(experiment_or_adapter, "experiment_or_adapter")
    declared = Symmetry.of(symmetry)
    declared.validate(experiment.search_space)
    _check_axes(experiment, declared, x, y)
    density = whole_number("density", density, 2, ", so many grid points along each axis")
    chosen = choose_metric(experiment, metric)
    order_by = () if isinstance(symmetry, Symmetry) else read_canonicalize(symmetry).order_by
    encoding = ParameterEncoding(declared, experiment.search_space)
    if encoding.inert:
        raise SymmetryError(
            f"plot_domain: blocks may be absent by {encoding.inert[0].switch}, and come last then, so that no walls "
            "bound the fundamental domain; declare the symmetry without them for the picture."
        )
    comparison_order = declared.comparison_order(order_by)
    seen = observations(experiment, chosen)
    arms = [experiment.arms_by_name[name].parameters for name in seen["arm_name"]]
    complete, rows = encoding.encode_points(arms)
    seen, arms = seen[complete], [arms[i] for i in np.flatnonzero(complete)]
    if not arms:
        raise SymmetryError(f"metric: no arm with data of {chosen} has every parameter of the symmetry; add one.")
    best = int(seen["mean"].argmin() if is_minimized(experiment, chosen) else seen["mean"].argmax())
    canonical = encoding.decode(encoding.canonical_rows(rows[[best]], comparison_order))
    fixed = {**arms[best], **{name: values[0] for name, values in canonical.items()}}
    fixed = {name: value for name, value in fixed.items() if name not in (x, y, *encoding.derived)}
    values = plain(slice_values or {})
    if not isinstance(values, Mapping):
        raise SymmetryError(f"slice_values: expected a dict of values by parameter; got {shown(slice_values)}.")
    for name, value in values.items():
        if name not in fixed or not experiment.search_space.parameters[name].validate(value):
            raise SymmetryError(
                f"slice_values: {value!r} is no value of another parameter {name!r}; set values of {', '.join(fixed)}."
            )
        fixed[name] = value
    adapter = experiment_or_adapter
    if not is_adapter(adapter):
        adapter = fit_botorch(experiment, Data(df=data_of(experiment, chosen)), symmetry=symmetry)
    elif not can_predict(adapter, experiment, chosen):
        raise SymmetryError(f"metric: the adapter has no model of {chosen}; hand over the experiment instead.")
    grid = [(a, b) for b in _ticks(experiment, y, density) for a in _ticks(experiment, x, density)]
    asked = [{**fixed, x: a, y: b} for a, b in grid]
    _, on_grid = encoding.encode_points(asked)
    for name in encoding.derived:
        for point, value in zip(asked, encoding.decode(on_grid)[name]):
            point[name] = value
    mean, sd = predict(adapter, experiment, chosen, asked)
    surface = pd.DataFrame(grid, columns=[x, y]).assign(
        mean=mean, sd=sd, outside=_outside(encoding, comparison_order, on_grid)
    )
    points = _with_images(seen, encoding, rows, [(p.get(x), p.get(y)) for p in arms], (x, y))
    return Slice(chosen, fixed, surface, points)


def _check_axes(experiment: Experiment, symmetry: Symmetry, x: str, y: str) -> None:
    parameters = experiment.search_space.parameters
    for key, name in (("x", x), ("y", y)):
        if not isinstance(name, str) or not isinstance(parameters.get(name), RangeParameter):
            ranges = ", ".join(n for n, p in parameters.items() if isinstance(p, RangeParameter))
            raise SymmetryError(f"{key}: {shown(name)} is no range parameter of the search space; use one of {ranges}.")
    if x == y:
        raise SymmetryError(f"y: {y} is x as well; name two different parameters.")
    if not {x, y} & set(symmetry.parameters):
        names = ", ".join(symmetry.parameters)
        raise SymmetryError(f"x, y: the symmetry moves neither {x} nor {y}; name one of {names}.")


def _ticks(experiment: Experiment, name: str, density: int) -> list[Any]:
    """Choose grid points along a range parameter, evenly spaced on its scale."""
    p: Any = experiment.search_space.parameters[name]
    lower, upper = numeric_bounds(p) or (np.nan, np.nan)
    ticks = (np.geomspace if p.log_scale else np.linspace)(lower, upper, density)
    if p.parameter_type == ParameterType.INT:
        return sorted({round(t) for t in ticks.tolist()})
    return [lower, *ticks[1:-1].tolist(), upper]


def _outside(encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows) -> Rows:
    """Measure how far rows `n x d` lie beyond the worst wall; negative inside the fundamental domain."""
    z, d = with_mirror_images(x, encoding.mirrored(x)), x.shape[1]
    units = np.hstack([encoding.to_unit_cube(z[:, :d]), encoding.to_unit_cube(z[:, d:])])
    columns, limits = np.asarray(walls(encoding.symmetry.action, comparison_order), dtype=np.intp).reshape(-1, 2).T
    return np.asarray((units[:, columns] - units[:, limits]).max(axis=1, initial=-1.0))


def _with_images(
    seen: pd.DataFrame, encoding: ParameterEncoding, rows: Rows, values: Sequence[Sequence[Any]], axes: tuple[str, str]
) -> pd.DataFrame:
    """List observations and their distinct images, projected onto two axes."""
    z, pairs, table = with_mirror_images(rows, encoding.mirrored(rows)), _projections(encoding, axes), []
    for arm, row, position in zip(seen.itertuples(index=False), z, values):
        # A dict, as a set with the observation itself first.
        shown = dict.fromkeys(
            tuple(value if point is None else float(row[point]) for point, value in zip(pair, position))
            for pair in pairs
        )
        table += [(arm.arm_name, arm.trial_index, arm.mean, *point, k > 0) for k, point in enumerate(shown)]
    return pd.DataFrame(table, columns=["arm_name", "trial_index", "mean", *axes, "image"])


def _projections(encoding: ParameterEncoding, axes: tuple[str, str]) -> list[tuple[int | None, ...]]:
    """List the pairs of points (see `actions`) that elements of the group bring to two parameters, the identity first.

    This is the orbit of a pair under the generators: O(d^2) for a group of any size. None stands for a parameter that
    the symmetry does not name, and that stays.
    """
    elements = encoding.symmetry.action.generators
    moves = np.hstack([elements, (elements + len(encoding.columns)) % (2 * len(encoding.columns))]).tolist()
    pairs = [tuple(encoding.columns.get(name) for name in axes)]
    known = set(pairs)
    for pair in pairs:  # grows
        for move in moves:
            moved = tuple(None if point is None else move[point] for point in pair)
            if moved not in known:
                known.add(moved)
                pairs.append(moved)
    return pairs
