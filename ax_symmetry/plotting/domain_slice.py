"""A slice of the search space along two parameters: the model's surface, the fundamental domain, the observations."""

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
from ax_symmetry.diagnostics.observations import choose_metric, data_of, experiment_of
from ax_symmetry.errors import SymmetryError
from ax_symmetry.generation.get_botorch import get_botorch
from ax_symmetry.groups.actions import Rows, with_mirror_images, gather_images
from ax_symmetry.groups.fundamental_domain import walls
from ax_symmetry.options import read_canonicalize
from ax_symmetry.plotting.tables import is_minimized, observations
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.declaration import Mirror
from ax_symmetry.symmetry.symmetry import Symmetry

Place = tuple[str, bool]
"""A parameter, and whether its value is mirrored."""


@dataclass(frozen=True)
class Slice:
    """A slice of the search space along two parameters.

    Attributes:
        metric: The metric.
        fixed: The values of all other parameters.
        surface: A row per grid point, the first parameter running fastest: both parameters, the predicted `mean` and
            `sd`, and `outside`, by how much of the range the point lies beyond the worst wall of the fundamental
            domain; zero or less inside.
        points: A row per observation and distinct image of it: `arm_name`, `trial_index`, `mean`, both parameters, and
            `image`, whether it is one. Their other parameters need not be those of the slice.
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
    """Predict on a grid over two parameters, and find the fundamental domain there; see `plotting.plot_domain`."""
    experiment = experiment_of(experiment_or_adapter)
    declared = symmetry if isinstance(symmetry, Symmetry) else Symmetry.from_config(symmetry)
    declared.validate(experiment.search_space)
    _check_axes(experiment, declared, x, y, density)
    chosen = choose_metric(experiment, metric)
    order_by = () if isinstance(symmetry, Symmetry) else read_canonicalize(symmetry).order_by
    encoding, comparison_order = ParameterEncoding(declared, experiment.search_space), declared.comparison_order(
        order_by
    )
    seen = observations(experiment, chosen)
    arms = [experiment.arms_by_name[name].parameters for name in seen["arm_name"]]
    complete, rows = encoding.encode({n: [p.get(n) for p in arms] for n in encoding.parameters})
    seen, arms = seen[complete], [arms[i] for i in np.flatnonzero(complete)]
    if not arms:
        raise SymmetryError(f"metric: no arm with data of {chosen} has every parameter of the symmetry; add one.")
    best = int(seen["mean"].argmin() if is_minimized(experiment, chosen) else seen["mean"].argmax())
    fixed = {**arms[best], **_canonical(encoding, comparison_order, rows[[best]])}
    fixed = {name: value for name, value in fixed.items() if name not in (x, y)}
    for name, value in (slice_values or {}).items():
        if name not in fixed or not experiment.search_space.parameters[name].validate(value):
            raise SymmetryError(
                f"slice_values: {value!r} is no value of another parameter {name!r}; set values of {', '.join(fixed)}."
            )
        fixed[name] = value
    adapter = experiment_or_adapter
    if isinstance(adapter, Experiment):
        adapter = get_botorch(experiment, Data(df=data_of(experiment, chosen)), symmetry=symmetry)
    elif not can_predict(adapter, experiment, chosen):
        raise SymmetryError(f"metric: the adapter has no model of {chosen}; hand over the experiment instead.")
    grid = [(a, b) for b in _ticks(experiment, y, density) for a in _ticks(experiment, x, density)]
    points = [{**fixed, x: a, y: b} for a, b in grid]
    _, on_grid = encoding.encode({n: [p[n] for p in points] for n in encoding.parameters})
    for name in encoding.derived:
        for point, value in zip(points, on_grid[:, encoding.columns[name]].tolist()):
            point[name] = value
    mean, sd = predict(adapter, experiment, chosen, points)
    surface = pd.DataFrame(grid, columns=[x, y]).assign(
        mean=mean, sd=sd, outside=_outside(encoding, comparison_order, on_grid)
    )
    points = _with_images(seen, encoding, rows, [(p.get(x), p.get(y)) for p in arms], (x, y))
    return Slice(chosen, fixed, surface, points)


def _check_axes(experiment: Experiment, symmetry: Symmetry, x: str, y: str, density: int) -> None:
    parameters = experiment.search_space.parameters
    for key, name in (("x", x), ("y", y)):
        if not isinstance(parameters.get(name), RangeParameter):
            ranges = ", ".join(n for n, p in parameters.items() if isinstance(p, RangeParameter))
            raise SymmetryError(f"{key}: {name!r} is no range parameter of the search space; use one of {ranges}.")
    if x == y:
        raise SymmetryError(f"y: {y} is x as well; name two different parameters.")
    if not {x, y} & set(symmetry.parameters):
        names = ", ".join(symmetry.parameters)
        raise SymmetryError(f"x, y: the symmetry moves neither {x} nor {y}; name one of {names}.")
    if not isinstance(density, int) or density < 2:
        raise SymmetryError(f"density: expected how many grid points along each axis, 2 or more; got {density!r}.")


def _ticks(experiment: Experiment, name: str, density: int) -> list[Any]:
    """Choose grid points along a range parameter, even on its scale."""
    p: Any = experiment.search_space.parameters[name]
    ticks = (np.geomspace if p.log_scale else np.linspace)(float(p.lower), float(p.upper), density)
    if p.parameter_type == ParameterType.INT:
        return sorted({round(t) for t in ticks.tolist()})
    return [float(p.lower), *ticks[1:-1].tolist(), float(p.upper)]


def _canonical(encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows) -> dict[str, Any]:
    """Write the canonical representative of one row as values."""
    mirrored = encoding.mirrored(x)
    points = encoding.symmetry.action.canonical_points(x, mirrored, comparison_order)
    return {name: values[0] for name, values in encoding.decode(gather_images(x, mirrored, [0], points)).items()}


def _outside(encoding: ParameterEncoding, comparison_order: Sequence[int], x: Rows) -> Rows:
    """Measure by how much rows `n x d` lie beyond the worst of the walls; negative in the fundamental domain."""
    z, d = with_mirror_images(x, encoding.mirrored(x)), x.shape[1]
    units = np.hstack([encoding.to_unit_cube(z[:, :d]), encoding.to_unit_cube(z[:, d:])])
    columns, limits = np.asarray(walls(encoding.symmetry.action, comparison_order)).T
    return np.asarray((units[:, columns] - units[:, limits]).max(axis=1))


def _with_images(
    seen: pd.DataFrame, encoding: ParameterEncoding, rows: Rows, values: Sequence[Sequence[Any]], axes: tuple[str, str]
) -> pd.DataFrame:
    """List observations and their distinct images, as they appear on two axes."""
    z, places, found = with_mirror_images(rows, encoding.mirrored(rows)), _places(encoding.symmetry, axes), []
    for arm, row, own in zip(seen.itertuples(index=False), z, values):
        # A dict, as a set with the observation itself first.
        shown = dict.fromkeys(
            tuple(float(row[encoding.columns[n] + flipped * rows.shape[1]]) if n in encoding.columns else value
                  for (n, flipped), value in zip(pair, own))
            for pair in places
        )
        found += [(arm.arm_name, arm.trial_index, arm.mean, *point, k > 0) for k, point in enumerate(shown)]
    return pd.DataFrame(found, columns=["arm_name", "trial_index", "mean", *axes, "image"])


def _places(symmetry: Symmetry, names: tuple[str, str]) -> list[tuple[Place, ...]]:
    """List what elements of the group bring to two parameters together, the identity first.

    The orbit of the pair under the generators: O(d^2), however large the group is.
    """
    moves: list[dict[Place, Place]] = []
    for part in symmetry.parts:
        if isinstance(part, Mirror):
            moves.append({(name, side): (name, not side) for name in part.parameters for side in (False, True)})
        else:
            for p in part.generators:
                pairs = [pair for i, j in enumerate(p) for pair in zip(part.blocks[i], part.blocks[j])]
                moves.append({(a, side): (b, side) for a, b in pairs for side in (False, True)})
    found: dict[tuple[Place, ...], None] = {tuple((name, False) for name in names): None}
    waiting = list(found)
    while waiting:
        pair = waiting.pop()
        for move in moves:
            moved = tuple(move.get(place, place) for place in pair)
            if moved not in found:
                found[moved] = None
                waiting.append(moved)
    return list(found)
