"""The action that a group's action on parameters induces on their columns, of which a parameter may have several."""

from __future__ import annotations

from collections.abc import Sequence

from ax_symmetry.groups.actions import Action, Factor
from ax_symmetry.groups.permutations import Permutation


def induced_action(action: Action, columns: Sequence[Sequence[int]], width: int) -> Action:
    """Translate an action on p parameters to one on their columns.

    Args:
        action: The action on p parameters.
        columns: The columns of each of the parameters, as many for those that trade places.
        width: The number of columns.
    """
    factors = (_induced_factor(factor, [columns[c] for c in factor.columns]) for factor in action.factors)
    return Action(width, tuple(factors))


def _induced_factor(factor: Factor, columns: Sequence[Sequence[int]]) -> Factor:
    k, total = len(columns), sum(map(len, columns))
    starts = [sum(map(len, columns[:i])) for i in range(k)]
    at = [list(range(start, start + len(own))) for start, own in zip(starts, columns)]

    def permutation(p: Permutation) -> Permutation:
        return tuple(at[point % k][t] + total * (point // k) for point in p for t in range(len(at[point % k])))

    return Factor(
        columns=tuple(c for own in columns for c in own),
        generators=tuple(permutation(p) for p in factor.generators),
        blocks=tuple(tuple(j for i in block for j in at[i]) for block in factor.blocks),
    )
