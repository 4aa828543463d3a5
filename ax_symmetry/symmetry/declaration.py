"""The plain dict of a symmetry: its keys, reading and writing. What stands under a key is up to its kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.options import OPTION_KEYS, plain
from ax_symmetry.symmetry.kind import Kind, as_tuple
from ax_symmetry.symmetry.kinds import KINDS

SYMMETRY_KEYS = (*(key for kind in KINDS for key in kind.KEYS), "symmetries")


def read(config: Mapping[str, Any], nested: bool = False) -> list[Kind]:
    """Read the dict of a symmetry; options of the transforms may stand beside its keys.

    Args:
        config: The dict; see the README.
        nested: Whether it is one of a list of `symmetries`, where options have no place.

    Raises:
        SymmetryError: The dict is not one, has an unknown key, or declares something that cannot be.
    """
    if not isinstance(config, Mapping):
        raise SymmetryError(
            'a symmetry is a dict such as {"blocks": [["a"], ["b"]]}, or what to_config() makes of a Symmetry; got '
            f"{shown(config)}."
        )
    config = plain(config)
    known = SYMMETRY_KEYS if nested else SYMMETRY_KEYS + OPTION_KEYS
    for key in config:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(known)}."
            place = " inside symmetries" if nested else ""
            raise SymmetryError(f"unknown key {key!r}{place}: {hint}")
    parts: list[Kind] = [part for kind in KINDS for part in kind.read(config)]
    for inner in as_tuple("symmetries", config.get("symmetries", ())):
        parts += read(inner, nested=True)
    return parts


def write(parts: Iterable[Kind]) -> dict[str, Any]:
    """Write the plain dict that `read` turns into these parts again."""
    symmetries = [part.write() for part in parts]
    return symmetries[0] if len(symmetries) == 1 else {"symmetries": symmetries}
