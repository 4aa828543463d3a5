"""The symmetry in the steps of a generation strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from ax_symmetry.transforms.registration import SymmetrizeObservations, transforms_for


def put_symmetry(config: Mapping[str, Any], generators: Iterable[tuple[dict[str, Any], list[Any], bool]]) -> None:
    """Put the transforms and their configs into the keywords of generators; what Ax has put there stays.

    Args:
        config: The dict of the symmetry.
        generators: For each its keywords, its transforms by default, and whether it learns from data; see
            `_ax.strategies.generator_keywords`. One that has our transforms already keeps them.
    """
    for keywords, defaults, learns in generators:
        present = keywords.get("transforms") or defaults
        wanted = [t for t in transforms_for(config) if learns or t is not SymmetrizeObservations]
        added = [transform for transform in wanted if transform not in present]
        keywords["transforms"] = [*added, *present]
        configs = {transform.__name__: deepcopy(dict(config)) for transform in added}
        keywords["transform_configs"] = {**(keywords.get("transform_configs") or {}), **configs}
