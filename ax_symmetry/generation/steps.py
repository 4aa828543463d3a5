"""The symmetry in the steps of a generation strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from ax_symmetry.transforms.registration import TRANSFORMS, SymmetrizeObservations, transforms_for


def put_symmetry(config: Mapping[str, Any], generators: Iterable[tuple[dict[str, Any], list[Any], bool]]) -> None:
    """Put the transforms and their configs into the keywords of generators; what Ax has put there stays.

    Args:
        config: The dict of the symmetry. It takes the place of one that is there already.
        generators: For each its keywords, its transforms by default, and whether it learns from data; see
            `_ax.strategies.generator_keywords`.
    """
    names = [transform.__name__ for transform in TRANSFORMS]
    for keywords, defaults, learns in generators:
        added = [t for t in transforms_for(config) if learns or t is not SymmetrizeObservations]
        others = [t for t in keywords.get("transforms") or defaults if t not in TRANSFORMS]
        configs = {name: c for name, c in (keywords.get("transform_configs") or {}).items() if name not in names}
        keywords["transforms"] = [*added, *others]
        keywords["transform_configs"] = {**configs, **{t.__name__: deepcopy(dict(config)) for t in added}}
