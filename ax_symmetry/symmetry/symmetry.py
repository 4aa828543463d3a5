"""Symmetry: the group and its action on named parameters. The mathematics, without Ax."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Action, gather_images
from ax_symmetry.symmetry import declaration
from ax_symmetry.symmetry.declaration import Blocks, Mirror, Part, Simplex
from ax_symmetry.symmetry.generated_group import build_action

if TYPE_CHECKING:
    from ax.core.search_space import SearchSpace

Parameterization = Mapping[str, Any]


@dataclass(frozen=True)
class Symmetry:
    """A finite group that acts on the parameters of an experiment without changing its outcome.

    A value: frozen, hashable, equal by content. Make one with `Symmetry.permutation`, `Symmetry.mirror`, `a * b` or
    `Symmetry.from_config`.

    Attributes:
        parts: What generates the group, each checked on its own.
        simplexes: Sums that the group leaves alone.

    Raises:
        SymmetryError: The parts do not generate a finite group that keeps the simplexes, or generate nothing.

    Example:
        >>> symmetry = Symmetry.permutation([["a", "b"], ["c", "d"]])
        >>> symmetry.order
        2
        >>> symmetry.canonical({"a": 2.0, "b": 5.0, "c": 1.0, "d": 7.0})
        {'a': 1.0, 'b': 7.0, 'c': 2.0, 'd': 5.0}
    """

    parts: tuple[Part, ...]
    simplexes: tuple[Simplex, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise SymmetryError("the symmetry moves nothing: declare blocks that trade places, or a mirror.")
        for simplex in self.simplexes:
            self._check_simplex(simplex)
        self.centers  # raises where two mirrors of one orbit of parameters have different centers

    @classmethod
    def permutation(
        cls, blocks: Iterable[Sequence[str]], group: str | Iterable[Sequence[int]] = "symmetric"
    ) -> Symmetry:
        """Declare blocks that trade places.

        Args:
            blocks: Blocks of equal length; slot j of every block corresponds.
            group: `"symmetric"`, `"alternating"`, `"cyclic"`, `"dihedral"`, or generators, each a 0-based one-line
                permutation of the positions of the blocks.

        Raises:
            SymmetryError: The blocks or the generators cannot be.

        Example:
            >>> Symmetry.permutation([["a"], ["b"], ["c"], ["d"]], group=[[1, 0, 3, 2], [2, 3, 0, 1]]).order
            4
        """
        return cls.from_config({"blocks": list(blocks), "group": group if isinstance(group, str) else list(group)})

    @classmethod
    def mirror(cls, centers: Mapping[str, float] | Sequence[Mapping[str, float]]) -> Symmetry:
        """Declare mirrors x -> 2 center - x.

        Args:
            centers: Parameters and their centers. All of one dict flip together; a list of dicts gives several mirrors.

        Raises:
            SymmetryError: The mirrors cannot be.

        Example:
            >>> Symmetry.mirror({"x": 0.5, "y": 0.0}).orbit({"x": 0.75, "y": 2})
            [{'x': 0.75, 'y': 2}, {'x': 0.25, 'y': -2}]
        """
        return cls.from_config({"mirror": centers})

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Symmetry:
        """Read the plain dict of a symmetry (see the README); options of the transforms in it are left to them.

        Raises:
            SymmetryError: The dict is not that of a symmetry; the message names the key.
        """
        parts, simplexes = declaration.read(config)
        return cls(tuple(parts), tuple(simplexes))

    def to_config(self) -> dict[str, Any]:
        """Write a plain, JSON-able dict; `from_config` reads it back to an equal symmetry."""
        return declaration.write(self.parts, self.simplexes)

    def transform_configs(self, **options: Any) -> dict[str, dict[str, Any]]:
        """Make what Ax takes as `transform_configs`: the same dict, with the options, for both transforms.

        Args:
            options: Those of the transforms. With `asymmetry`, `Canonicalize` gets none: it must not be there then.

        Raises:
            SymmetryError: There is no such option.
        """
        for key in options:
            if key not in declaration.OPTION_KEYS:
                known = ", ".join(declaration.OPTION_KEYS)
                raise SymmetryError(f"transform_configs: {key!r} is no option; the options are {known}.")
        config = {**self.to_config(), **options}
        canonical = {} if "asymmetry" in options else {"Canonicalize": dict(config)}
        return {"SymmetrizeObservations": config, **canonical}

    def __mul__(self, other: Symmetry) -> Symmetry:
        """Return the group that both generate together."""
        if not isinstance(other, Symmetry):
            return NotImplemented
        parts, simplexes = self.parts + other.parts, self.simplexes + other.simplexes
        return Symmetry(tuple(dict.fromkeys(parts)), tuple(dict.fromkeys(simplexes)))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that the symmetry names, block after block; they are the columns of its action."""
        names = [name for part in self.parts for name in part.parameters]
        return tuple(dict.fromkeys(names + [name for simplex in self.simplexes for name in simplex.parameters]))

    @cached_property
    def action(self) -> Action:
        """The action on rows of numbers with `parameters` as columns."""
        return build_action(self.parts, self.parameters)

    @property
    def order(self) -> int:
        """The number of elements |G|, exact for any size."""
        return self.action.order

    @cached_property
    def parameter_orbits(self) -> tuple[tuple[str, ...], ...]:
        """The parameters that the group can bring to one another's place; they must be alike in every way."""
        index = {name: i for i, name in enumerate(self.parameters)}
        parameter_orbits = [{name} for name in self.parameters]
        for a, b in self._exchanged_pairs():
            joined = next(c for c in parameter_orbits if a in c) | next(c for c in parameter_orbits if b in c)
            parameter_orbits = [c for c in parameter_orbits if not c & joined] + [joined]
        ordered = (tuple(sorted(c, key=index.__getitem__)) for c in parameter_orbits)
        return tuple(sorted(ordered, key=lambda c: index[c[0]]))

    @cached_property
    def centers(self) -> dict[str, float]:
        """The center of every parameter that the group can mirror."""
        centers: dict[str, float] = {}
        for part in self.parts:
            for name, center in part.centers if isinstance(part, Mirror) else ():
                for other in next(c for c in self.parameter_orbits if name in c):
                    if centers.setdefault(other, center) != center:
                        raise SymmetryError(
                            f"mirror: parameter {name} is mirrored at {center} and, by the other symmetries, at "
                            f"{centers[other]}; together they move it without end. Give both mirrors one center."
                        )
        return centers

    def comparison_order(self, order_by: Sequence[str] = ()) -> tuple[int, ...]:
        """Order the columns for comparison: block after block, in each block the slots of `order_by` first.

        Args:
            order_by: Names of parameters, each standing for its slot.

        Raises:
            SymmetryError: A name is in no block.
        """
        names: list[str] = []
        for part in self.parts:
            if isinstance(part, Blocks):
                slots = {name: s for block in part.blocks for s, name in enumerate(block)}
                first = list(dict.fromkeys(slots[name] for name in order_by if name in slots))
                ranked = first + [s for s in range(len(part.blocks[0])) if s not in first]
                names += [block[s] for block in part.blocks for s in ranked]
        for name in order_by:
            if name not in names:
                raise SymmetryError(f"order_by: parameter {name} is in no block; name a parameter per slot, in order.")
        return tuple(self.parameters.index(name) for name in dict.fromkeys([*names, *self.parameters]))

    def orbit(self, parameterization: Parameterization) -> list[dict[str, Any]]:
        """List the distinct images of a parameterization, the given one first.

        Numbers are moved, not computed again, but for mirrored and implied ones. An implied parameter stays absent, and
        parameters that the symmetry does not name stay as they are. Cost: O(|G|).

        Raises:
            SymmetryError: A parameter is missing, or the group has too many elements to list.
        """
        row = _Row(self, parameterization)
        _, points = self.action.images(row.x, row.mirrored)
        return [row.image(p) for p in points]

    def canonical(self, parameterization: Parameterization) -> dict[str, Any]:
        """Return the canonical representative: the image that comes first when blocks are compared, one after another.

        Numbers compare by size, booleans with False first, strings alphabetically (`Canonicalize`, which knows the
        search space, compares choices by their position in `values`). It is the same for every image; to rounding,
        where mirrors compute numbers.

        Raises:
            SymmetryError: A parameter is missing.
        """
        row = _Row(self, parameterization)
        return row.image(self.action.canonical_points(row.x, row.mirrored, self.comparison_order())[0])

    def validate(self, search_space: SearchSpace) -> None:
        """Check that the search space has this symmetry.

        Raises:
            SymmetryError: It has not; the message names the parameter and the way out.
        """
        from ax_symmetry.space.validation import validate

        validate(self, search_space)

    def implied(self, present: Iterable[str]) -> dict[str, Simplex]:
        """Tell which parameters are implied by their simplex because they are not among those present."""
        names = set(present)
        missing = {s: [n for n in s.parameters if n not in names] for s in self.simplexes}
        return {absent[0]: simplex for simplex, absent in missing.items() if len(absent) == 1}

    def _check_simplex(self, simplex: Simplex) -> None:
        names = set(simplex.parameters)
        for part in self.parts:
            if isinstance(part, Mirror) and names & set(part.parameters):
                raise SymmetryError(
                    f"simplex: the mirror of {sorted(names & set(part.parameters))[0]} changes the sum of "
                    f"{', '.join(simplex.parameters)}; drop the mirror, or take it out of the simplex."
                )
        for a, b in self._exchanged_pairs():
            if (a in names) != (b in names):
                raise SymmetryError(
                    f"simplex: parameters {a} and {b} trade places but only one of them is in the simplex "
                    f"{', '.join(simplex.parameters)}; name both in it, or neither."
                )

    def _exchanged_pairs(self) -> Iterator[tuple[str, str]]:
        """List pairs of parameters of which a generator puts the second in place of the first."""
        for part in self.parts:
            if isinstance(part, Blocks):
                for p in part.generators:
                    for i, j in enumerate(p):
                        yield from zip(part.blocks[i], part.blocks[j])


class _Row:
    """One parameterization as a row of numbers, and the way back."""

    def __init__(self, symmetry: Symmetry, parameterization: Parameterization) -> None:
        self.symmetry = symmetry
        self.given = parameterization
        values = dict(parameterization)
        for name, simplex in symmetry.implied(values).items():
            others = {n: np.asarray([v]) for n, v in values.items() if n in simplex.parameters}
            values[name] = float(simplex.imply(others)[0])
        for name in symmetry.parameters:
            if values.get(name) is None or values[name] != values[name]:
                raise SymmetryError(f"parameter {name} of the symmetry is missing; give every parameter a value.")
        self.codes: dict[str, list[Any]] = {}
        for names in symmetry.parameter_orbits:
            present = {values[name] for name in names}
            plain = all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in present)
            if not plain and any(name in symmetry.centers for name in names):
                raise SymmetryError(f"mirror: {names[0]} has the value {values[names[0]]!r}; a mirror needs numbers.")
            try:
                ordered = sorted(present)
            except TypeError:
                raise SymmetryError(f"parameters {', '.join(names)} share a slot but not a type of values.") from None
            for name in names:
                self.codes[name] = [] if plain else ordered
        self.values = values
        self.x = np.asarray([[self._code(name) for name in symmetry.parameters]], dtype=float)
        self.mirrored = np.asarray([[2 * symmetry.centers.get(name, np.nan) for name in symmetry.parameters]]) - self.x

    def _code(self, name: str) -> float:
        return float(self.codes[name].index(self.values[name]) if self.codes[name] else self.values[name])

    def image(self, points: Any) -> dict[str, Any]:
        """Write the image at these points, with the keys of the given parameterization."""
        names, d = self.symmetry.parameters, len(self.symmetry.parameters)
        numbers = gather_images(self.x, self.mirrored, [0], np.asarray(points)[None])[0]
        image = dict(self.given)
        for name, point, number in zip(names, points, numbers):
            if name in image:
                moved = self.values[names[point % d]]
                kind = type(moved) if type(moved)(number) == number else float
                image[name] = moved if point < d else kind(number)
        return image
