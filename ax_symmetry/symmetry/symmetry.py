"""Symmetry: the group and its action on named parameters. The mathematics, without Ax."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.groups.actions import Action, PointIndices, Rows, with_mirror_images
from ax_symmetry.options import plain
from ax_symmetry.symmetry import declaration
from ax_symmetry.symmetry.box import Box
from ax_symmetry.symmetry.constructors import Constructors
from ax_symmetry.symmetry.encoding import Encoding
from ax_symmetry.symmetry.gauge import gauge_translations
from ax_symmetry.symmetry.generated_group import build_action
from ax_symmetry.symmetry.inert import Inert
from ax_symmetry.symmetry.kind import Kind
from ax_symmetry.symmetry.rotate import Rotate
from ax_symmetry.symmetry.simplex import Simplex
from ax_symmetry.symmetry.single_points import encode_values
from ax_symmetry.symmetry.translation import Direction

if TYPE_CHECKING:
    from ax.core.search_space import SearchSpace

Parameterization = Mapping[str, Any]


@dataclass(frozen=True)
class Symmetry(Constructors):
    """A group that acts on the parameters of an experiment without changing its outcome.

    A value: frozen, hashable, equal by content. Make one of its dict, by `Symmetry.permutation`, `mirror`, `scaling`,
    `translation`, `rotation` or `periodic`, or as `a * b`.

    Attributes:
        parts: What was declared, each part checked on its own; those that move nothing (simplexes) come last. May be
            given as the dict that declares them.

    Raises:
        SymmetryError: The parts contradict each other, or move nothing, or the dict is not that of a symmetry.

    Example:
        >>> symmetry = Symmetry.permutation([["a", "b"], ["c", "d"]])
        >>> symmetry.order
        2
        >>> symmetry.canonical({"a": 2.0, "b": 5.0, "c": 1.0, "d": 7.0})
        {'a': 1.0, 'b': 7.0, 'c': 2.0, 'd': 5.0}
    """

    parts: tuple[Kind, ...]

    def __post_init__(self) -> None:
        declared: Any = self.parts
        if not isinstance(declared, tuple) or not all(isinstance(part, Kind) for part in declared):
            object.__setattr__(self, "parts", Symmetry.of(declared).parts)
        if not any(part.moves for part in self.parts):
            raise SymmetryError("the symmetry moves nothing: declare blocks, or a mirror, or a scale.")
        object.__setattr__(self, "parts", tuple(sorted(self.parts, key=lambda part: not part.moves)))
        for part in self.parts:
            part.check_with(self)

    @classmethod
    def of(cls, symmetry: Symmetry | Mapping[str, Any]) -> Symmetry:
        """Return a symmetry that is given as such or as its dict.

        Raises:
            SymmetryError: The dict is not that of a symmetry.
        """
        return symmetry if isinstance(symmetry, Symmetry) else cls.from_config(symmetry)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Symmetry:
        """Read the plain dict of a symmetry (see the README); options of the transforms in it are left to them.

        Raises:
            SymmetryError: The dict is not that of a symmetry; the message names the key.
        """
        return config if isinstance(config, Symmetry) else cls(tuple(declaration.read(config)))

    def to_config(self) -> dict[str, Any]:
        """Write a plain, JSON-able dict; `from_config` reads it back to an equal symmetry."""
        return declaration.write(self.parts)

    def transform_configs(self, **options: Any) -> dict[str, dict[str, Any]]:
        """Make Ax's `transform_configs`: the dict of the symmetry, with options, for both transforms.

        Args:
            options: Those of the transforms. With `asymmetry`, `Canonicalize` gets none: it must not be there then.

        Raises:
            SymmetryError: There is no such option.
        """
        for key in options:
            if key not in declaration.OPTION_KEYS:
                known = ", ".join(declaration.OPTION_KEYS)
                raise SymmetryError(f"transform_configs: {key!r} is no option; the options are {known}.")
        config = {**self.to_config(), **plain(options)}
        canonical = {} if "asymmetry" in options else {"Canonicalize": dict(config)}
        return {"SymmetrizeObservations": config, **canonical}

    def __mul__(self, other: Symmetry | Mapping[str, Any]) -> Symmetry:
        """Return the group that both generate together."""
        if isinstance(other, Mapping):
            other = Symmetry.from_config(other)
        if not isinstance(other, Symmetry):
            return NotImplemented
        return Symmetry(tuple(dict.fromkeys(self.parts + other.parts)))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that the symmetry names, block after block; they are the columns of its action."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.parameters))

    @property
    def simplexes(self) -> tuple[Simplex, ...]:
        """The sums that the group keeps, each of which may imply a parameter."""
        return tuple(part for part in self.parts if isinstance(part, Simplex))

    @cached_property
    def action(self) -> Action:
        """The action of the finite part of the group on rows of numbers with `parameters` as columns."""
        return build_action(self.parts, self.parameters)

    @property
    def order(self) -> float:
        """The number of elements |G|: an int, exact for any size; `math.inf` for an infinite group."""
        return self.action.order if self.is_finite else math.inf

    @property
    def is_finite(self) -> bool:
        """Whether the group is finite."""
        return all(part.is_finite for part in self.parts)

    @cached_property
    def exchanges(self) -> tuple[tuple[str, str], ...]:
        """The pairs of parameters of which a generator puts the second in place of the first."""
        return tuple(pair for part in self.parts for pair in part.exchanges)

    @cached_property
    def parameter_orbits(self) -> tuple[tuple[str, ...], ...]:
        """The parameters by orbit: those that the group can bring to one another's place, and that must be alike."""
        index = {name: i for i, name in enumerate(self.parameters)}
        orbits = [{name} for name in self.parameters]
        for a, b in self.exchanges:
            joined = next(c for c in orbits if a in c) | next(c for c in orbits if b in c)
            orbits = [c for c in orbits if not c & joined] + [joined]
        ordered = (tuple(sorted(c, key=index.__getitem__)) for c in orbits)
        return tuple(sorted(ordered, key=lambda c: index[c[0]]))

    def orbit_of(self, name: str) -> tuple[str, ...]:
        """Return the parameters that the group can bring to the place of one of `parameters`, itself among them."""
        return next(names for names in self.parameter_orbits if name in names)

    @cached_property
    def centers(self) -> dict[str, float]:
        """The center of every parameter that the group can mirror."""
        centers: dict[str, float] = {}
        for part in self.parts:
            for name, center in part.reflections.items():
                for other in self.orbit_of(name):
                    centers.setdefault(other, center)
        return centers

    @cached_property
    def periods(self) -> dict[str, float]:
        """The period of every parameter on a circle."""
        return {name: period for part in reversed(self.parts) for name, period in part.periods.items()}

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """The directions in which parameters may move together, or their logarithms."""
        return tuple(one for part in self.parts for one in part.directions)

    @cached_property
    def turned(self) -> Rotate | None:
        """The rotation, if there is one."""
        return next((part.turned for part in self.parts if part.turned is not None), None)

    @cached_property
    def changed(self) -> dict[str, str]:
        """The parameters whose values the group changes, not only exchanges, and the key that says so."""
        changed = {name: part.KEYS[0] for part in reversed(self.parts) for name in part.changed}
        return {other: key for name, key in changed.items() for other in self.orbit_of(name)}

    @cached_property
    def inert(self) -> tuple[Inert, ...]:
        """The slots of blocks that change nothing while another has some value."""
        return tuple(dict.fromkeys(one for part in self.parts for one in part.inert(self)))

    @cached_property
    def distinct(self) -> tuple[tuple[str, ...], ...]:
        """The slots, each as its parameters, in which no two blocks that are there may have the same value."""
        return tuple(dict.fromkeys(names for part in self.parts for names in part.distinct(self)))

    def comparison_order(self, order_by: Sequence[str] = ()) -> tuple[int, ...]:
        """Order the columns for comparison: block after block, in each block the slots of `order_by` first.

        Args:
            order_by: Names of parameters, each standing for its slot.

        Raises:
            SymmetryError: A name is in no block.
        """
        names = [name for part in self.parts for name in part.compared_names(order_by)]
        for name in order_by:
            if name not in names:
                raise SymmetryError(f"order_by: parameter {name} is in no block; name a parameter per slot, in order.")
        return tuple(self.parameters.index(name) for name in dict.fromkeys([*names, *self.parameters]))

    def orbit(self, parameterization: Parameterization) -> list[dict[str, Any]]:
        """List the distinct images of a parameterization, the given one first.

        Numbers are moved, not computed again, but for mirrored and implied ones. An implied parameter stays absent, and
        parameters that the symmetry does not name stay as they are. Inert ones are left out. Cost: O(|G|).

        Raises:
            SymmetryError: A parameter is missing, or the group has too many elements to list.
        """
        if self.order == math.inf:
            raise SymmetryError(
                "the symmetry has infinitely many elements, and their images are no list; use canonical, which returns "
                "the one that stands for all."
            )
        return self._images(parameterization, lambda encoding, x, z: self.action.images(x, z)[1])

    def canonical(self, parameterization: Parameterization) -> dict[str, Any]:
        """Return the canonical representative: the least image, comparing block after block.

        Numbers compare by size, booleans with False first, strings alphabetically (`Canonicalize`, which knows the
        search space, compares choices by their position in `values`). It is the same for every image, up to rounding
        where mirrors or periods compute numbers. A number with a period is brought to [0, period). What is scaled gets
        the weighted geometric mean 1, and what is shifted the weighted mean 0 (`Canonicalize`: those of the middle of
        the ranges, or the nearest that the bounds allow). What is turned has a point on an axis (or at a bound). Absent
        blocks come last, and inert parameters are left out (`Canonicalize` gives them their lowest values).

        Raises:
            SymmetryError: A parameter is missing.
        """
        order = self.comparison_order()

        def points(encoding: Encoding, x: Rows, z: Rows) -> PointIndices:
            return self.action.canonical_points(x, z, order, encoding.compared_points(x, z))

        return self._images(parameterization, points)[0]

    def validate(self, search_space: SearchSpace) -> None:
        """Check that the search space has this symmetry.

        Args:
            search_space: The search space, or an experiment or client that has one.

        Raises:
            SymmetryError: It has not; the message names the parameter and the way out.
        """
        from ax_symmetry.space.validation import validate

        validate(self, search_space)

    def centered(self, parameters: Mapping[str, Any]) -> Symmetry:
        """Return the symmetry with what its parts take from ranges by default written out; see `Kind.centered`."""
        parts = tuple(part.centered(parameters) for part in self.parts)
        return self if parts == self.parts else Symmetry(parts)

    def implied(self, present: Iterable[str]) -> dict[str, Simplex]:
        """Find the parameters that follow from those that are present, and the simplexes that imply them."""
        names = set(present)
        return {name: part for part in self.simplexes if (name := part.implied_by(names)) is not None}

    def gauge(self, x: Rows, columns: Mapping[str, int], box: Box, each: bool = False) -> Rows:
        """Choose the points that stand for the infinite orbits of rows `n x d`; see `Kind.gauge`.

        With `each`, numbers that only move together stay.
        """
        for part in self.parts:
            x = part.gauge(x, columns, box)
        return gauge_translations(x, self.directions, columns, box) if self.directions and not each else x

    def _images(
        self, parameterization: Parameterization, find_points: Callable[[Encoding, Rows, Rows], PointIndices]
    ) -> list[dict[str, Any]]:
        """Write the images of a parameterization at the points that a function finds for its row and mirror image."""
        given: Any = parameterization
        if not isinstance(given, Mapping):
            wanted = ", ".join(f"{name!r}: ..." for name in self.parameters)
            raise SymmetryError(f"parameterization: expected a dict such as {{{wanted}}}; got {shown(given)}.")
        encoding, values, x = encode_values(self, parameterization)
        x = encoding.gauge(encoding.best_turned(x, self.comparison_order()))
        mirrored = encoding.mirrored(x)
        points = find_points(encoding, x, mirrored)
        return encoding.images_of(parameterization, values, with_mirror_images(x, mirrored)[0], points)
