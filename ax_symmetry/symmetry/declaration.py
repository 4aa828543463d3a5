"""What a user declares: blocks that trade places, mirrors, simplexes; and the dict that says so.

Everything that can be checked without a search space is checked here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.permutations import Permutation, is_permutation, named_generators

SYMMETRY_KEYS = ("blocks", "group", "mirror", "simplex", "symmetries")
OPTION_KEYS = (
    "method", "base_kernel", "asymmetry", "noise", "max_images", "select", "seed", "order_by", "constrain"
)


@dataclass(frozen=True)
class Blocks:
    """Blocks of parameters that may trade places; slot j of every block corresponds.

    Attributes:
        blocks: At least two blocks of equal length, all names different.
        group: The name of a group, or generators in one-line notation.

    Raises:
        SymmetryError: The blocks differ in length or repeat a name, or the group is none or moves nothing.
    """

    blocks: tuple[tuple[str, ...], ...]
    group: str | tuple[Permutation, ...] = "symmetric"

    def __post_init__(self) -> None:
        if len(self.blocks) < 2:
            raise SymmetryError(f"blocks: got {len(self.blocks)} block(s); name at least two that may trade places.")
        text = " / ".join(",".join(map(str, block)) for block in self.blocks)
        lengths = sorted({len(block) for block in self.blocks})
        if len(lengths) > 1 or lengths == [0]:
            raise SymmetryError(
                f"blocks: all blocks must have the same length, at least 1; got lengths "
                f"{' and '.join(map(str, lengths))} ({text}). Name one parameter per slot in every block."
            )
        _check_names("blocks", self.parameters)
        if not self.generators:
            raise SymmetryError(
                f"group: {self.group!r} on the {len(self.blocks)} blocks {text} moves nothing. Choose a larger group "
                "or drop the symmetry."
            )

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names, block after block."""
        return tuple(name for block in self.blocks for name in block)

    @property
    def generators(self) -> tuple[Permutation, ...]:
        """The generators that move something, as permutations of the positions of the blocks."""
        m = len(self.blocks)
        if isinstance(self.group, str):
            return named_generators(self.group, m)
        for p in self.group:
            if not is_permutation(p, m):
                raise SymmetryError(
                    f"group: the generator {list(p)} is no permutation of the {m} blocks; write every position 0 to "
                    f"{m - 1} once."
                )
        return tuple(p for p in self.group if p != tuple(range(m)))


@dataclass(frozen=True)
class Mirror:
    """Parameters that flip together, x -> 2 center - x.

    Attributes:
        centers: Pairs of a name and the center of its mirror.

    Raises:
        SymmetryError: No name is given, one is repeated, or a center is no finite number.
    """

    centers: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        if not self.centers:
            raise SymmetryError('mirror: got no parameter; write {"name": center}.')
        _check_names("mirror", self.parameters)
        for name, center in self.centers:
            if not _is_finite(center):
                raise SymmetryError(f"mirror: the center of {name} must be a finite number; got {center!r}.")

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names that flip."""
        return tuple(name for name, _ in self.centers)


@dataclass(frozen=True)
class Simplex:
    """Parameters that sum to a total; one of them may be absent from the search space and is then implied.

    Attributes:
        parameters: At least two names, all different.
        total: What their values sum to.

    Raises:
        SymmetryError: There are too few names, one is repeated, or the total is no finite number.
    """

    parameters: tuple[str, ...]
    total: float = 1.0

    def __post_init__(self) -> None:
        if len(self.parameters) < 2:
            raise SymmetryError(
                f"simplex: got {list(self.parameters)}; name at least two parameters that sum to the total."
            )
        _check_names("simplex", self.parameters)
        if not _is_finite(self.total):
            raise SymmetryError(f"simplex: the total must be a finite number; got {self.total!r}.")

    def imply(self, values: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Compute the absent parameter from the others; equal to one of them where only rounding sets them apart.

        Args:
            values: The n values of every other parameter; of the names that are not in the simplex none is looked at.
        """
        others = np.asarray([values[name] for name in self.parameters if name in values], dtype=float)
        implied = self.total - others.sum(axis=0)
        rounding = 1e-12 * (abs(self.total) + np.abs(others).sum(axis=0))
        for other in others:
            implied = np.where(np.abs(implied - other) <= rounding, other, implied)
        return np.asarray(implied)


Part = Blocks | Mirror


def read(config: Mapping[str, Any], nested: bool = False) -> tuple[list[Part], list[Simplex]]:
    """Read the dict of a symmetry; options of the transforms may stand beside its keys.

    Args:
        config: The dict; see the README.
        nested: Whether it is one of a list of `symmetries`, where options have no place.

    Raises:
        SymmetryError: The dict is not one, has an unknown key, or declares something that cannot be.
    """
    if not isinstance(config, Mapping):
        raise SymmetryError(f'a symmetry is a dict such as {{"blocks": [["a"], ["b"]]}}; got {config!r}.')
    known = SYMMETRY_KEYS if nested else SYMMETRY_KEYS + OPTION_KEYS
    for key in config:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(known)}."
            place = " inside symmetries" if nested else ""
            raise SymmetryError(f"unknown key {key!r}{place}: {hint}")
    parts: list[Part] = []
    simplexes: list[Simplex] = []
    if "blocks" in config:
        group = config.get("group", "symmetric")
        if not isinstance(group, str):
            group = tuple(_tuple("group", p) for p in _tuple("group", group))
        parts.append(Blocks(tuple(_tuple("blocks", block) for block in _tuple("blocks", config["blocks"])), group))
    elif "group" in config:
        raise SymmetryError("group: there are no blocks that it could move; add blocks.")
    if "mirror" in config:
        mirror = config["mirror"]
        for centers in [mirror] if isinstance(mirror, Mapping) else _tuple("mirror", mirror) or [{}]:
            if not isinstance(centers, Mapping):
                raise SymmetryError(f'mirror: write {{"name": center}} or a list of such dicts; got {mirror!r}.')
            parts.append(Mirror(tuple(centers.items())))
    if "simplex" in config:
        simplex = config["simplex"]
        if not isinstance(simplex, Mapping) or not {"parameters"} <= set(simplex) <= {"parameters", "total"}:
            raise SymmetryError(f'simplex: write {{"parameters": [...], "total": 1.0}}; got {simplex!r}.')
        simplexes.append(Simplex(_tuple("simplex", simplex["parameters"]), simplex.get("total", 1.0)))
    for inner in _tuple("symmetries", config.get("symmetries", ())):
        more_parts, more_simplexes = read(inner, nested=True)
        parts += more_parts
        simplexes += more_simplexes
    return parts, simplexes


def write(parts: Iterable[Part], simplexes: Iterable[Simplex]) -> dict[str, Any]:
    """Write the plain dict that `read` turns into these parts again."""
    symmetries: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Blocks):
            group = part.group if isinstance(part.group, str) else [list(p) for p in part.group]
            symmetries.append({"blocks": [list(block) for block in part.blocks], "group": group})
        else:
            symmetries.append({"mirror": dict(part.centers)})
    for simplex in simplexes:
        symmetries.append({"simplex": {"parameters": list(simplex.parameters), "total": simplex.total}})
    return symmetries[0] if len(symmetries) == 1 else {"symmetries": symmetries}


def _tuple(key: str, value: Any) -> tuple[Any, ...]:
    """Read a list, and nothing that merely looks like one."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise SymmetryError(f"{key}: expected a list; got {value!r}.")
    return tuple(value)


def _is_finite(value: Any) -> bool:
    """Tell whether a value is a number that a float can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _check_names(key: str, names: Sequence[Any]) -> None:
    """Check that names are different, non-empty strings."""
    for name in names:
        if not isinstance(name, str) or not name:
            raise SymmetryError(f"{key}: parameters are named by strings; got {name!r}.")
    for name in names:
        if list(names).count(name) > 1:
            raise SymmetryError(f"{key}: parameter {name} is named more than once; every parameter has one place.")
