"""A search space that had the symmetry until some of its parameters were narrowed, or fixed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.parameters import is_derived
from ax_symmetry.space.bounds import symmetrized_space
from ax_symmetry.symmetry.symmetry import Symmetry


def widened_space(
    symmetry: Symmetry,
    search_space: SearchSpace,
    spaces: Iterable[SearchSpace] = (),
    arms: Sequence[Mapping[str, Any]] = (),
) -> SearchSpace:
    """Return a search space with the symmetry that contains a narrowed one.

    Args:
        symmetry: The symmetry.
        search_space: The narrowed space; a copy is returned.
        spaces: Others that are to be inside, such as the one before it was narrowed.
        arms: Parameterizations that are to be inside.
    """
    space, spaces = search_space.clone(), list(spaces)
    for names in symmetry.parameter_orbits:
        for name in names:
            p = search_space.parameters.get(name)
            if p is None or is_derived(p):
                continue
            values = [arm[name] for arm in arms if arm.get(name) is not None]
            values += [v for s in spaces if name in s.parameters for v in _values(s.parameters[name])]
            alike = [s.parameters[n] for s in [search_space, *spaces] for n in names if n in s.parameters]
            space.parameters[name] = _with_values(_unnarrowed(p, alike, values), values)
    return symmetrized_space(symmetry, space)


def differs_in_kind(symmetry: Symmetry, search_space: SearchSpace) -> bool:
    """Tell whether parameters that trade places differ in more than narrowing can do."""
    for names in symmetry.parameter_orbits:
        present = [search_space.parameters[name] for name in names if name in search_space.parameters]
        free = [p for p in present if not isinstance(p, FixedParameter)]
        if len({(type(p), _scale(p)) for p in free}) > 1 or len({p.parameter_type for p in present}) > 1:
            return True
        if names[0] in symmetry.centers and any(_scale(p) or not p.is_numeric for p in free):
            return True
    return False


def _scale(p: Parameter) -> str | None:
    """Name the scale of a range, if it is not linear."""
    return next((scale for scale in ("log_scale", "logit_scale") if getattr(p, scale, False)), None)


def shows_narrowing(symmetry: Symmetry, search_space: SearchSpace, arms: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether an arm is outside of what a parameter can be, and inside of what it could be by the symmetry."""
    wider = widened_space(symmetry, search_space).parameters
    moved = [p for name, p in search_space.parameters.items() if name in symmetry.parameters and not is_derived(p)]
    return any(
        not _holds(p, arm[p.name]) and (_holds(wider[p.name], arm[p.name]) or isinstance(wider[p.name], FixedParameter))
        for arm in arms
        for p in moved
        if arm.get(p.name) is not None
    )


def _values(p: Parameter) -> list[Any]:
    """List the values of a choice, the ends of a range, or the value at which a parameter is fixed."""
    if isinstance(p, RangeParameter):
        return [p.lower, p.upper]
    return list(p.values) if isinstance(p, ChoiceParameter) else [p.value] if isinstance(p, FixedParameter) else []


def _holds(p: Parameter, value: Any) -> bool:
    """Tell whether a parameter can have a value."""
    return bool(p.lower <= value <= p.upper) if isinstance(p, RangeParameter) else value in _values(p)


def _unnarrowed(p: Parameter, alike: Sequence[Parameter], values: Sequence[Any]) -> Parameter:
    """Return a parameter as it may have been: like others of its orbit, or as its earlier values tell."""
    given: dict[str, Any] = {"name": p.name, "parameter_type": p.parameter_type}
    ranges = [q for q in alike if isinstance(q, RangeParameter)]
    choices = sorted((q for q in alike if isinstance(q, ChoiceParameter)), key=lambda q: -len(q.values))
    if isinstance(p, FixedParameter) and ranges:
        traits = {trait: getattr(ranges[0], trait) for trait in ("log_scale", "logit_scale", "digits")}
        return RangeParameter(**given, lower=ranges[0].lower, upper=ranges[0].upper, **traits)
    if choices and len(_values(p)) < len(choices[0].values):
        most = choices[0]  # with two values left, Ax takes a choice to be ordered
        dependents = p.dependents if isinstance(p, ChoiceParameter) and p.is_hierarchical else None
        traits = {"is_ordered": most.is_ordered, "sort_values": most.sort_values, "dependents": dependents}
        return ChoiceParameter(**given, values=list(most.values), **traits)
    seen = list(dict.fromkeys([p.value, *values])) if isinstance(p, FixedParameter) else []
    if len(seen) < 2:
        return p
    if p.parameter_type in (ParameterType.INT, ParameterType.FLOAT):
        return RangeParameter(**given, lower=min(seen), upper=max(seen))
    return ChoiceParameter(**given, values=sorted(seen), is_ordered=True, sort_values=True)


def _with_values(p: Parameter, values: Sequence[Any]) -> Parameter:
    """Return a copy of a parameter that can have some more values."""
    p = p.clone()
    if isinstance(p, RangeParameter):
        inside = list(_on_scale(p, values))
        p.lower, p.upper = min([p.lower, *inside]), max([p.upper, *inside])
    elif isinstance(p, ChoiceParameter) and not set(values) <= set(p.values):
        more = list(dict.fromkeys([*p.values, *values]))
        p.set_values(sorted(more) if p.is_ordered and p.parameter_type.is_numeric else more)
    return p


def _on_scale(p: RangeParameter, values: Sequence[Any]) -> Iterator[Any]:
    """List the values that a range may have on its scale."""
    for value in values:
        if not (p.log_scale or p.logit_scale) or value > 0 and (value < 1 or not p.logit_scale):
            yield value
