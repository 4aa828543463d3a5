"""What Ax's generation strategies say of themselves. The same on every Ax."""

from __future__ import annotations

from typing import Any

from ax_symmetry._ax import private


def most_at_once(strategy: Any) -> int | None:
    """Return how many trials of one step may run at the same time: the least limit of a step, None without any."""
    kinds = ("transition_criteria", "pausing_criteria")
    nodes = private.read(strategy, "_nodes")
    criteria = [criterion for node in nodes for kind in kinds for criterion in getattr(node, kind, None) or ()]
    limits = [one.threshold for one in criteria if type(one).__name__ == "MaxGenerationParallelism"]
    return min(limits, default=None)
