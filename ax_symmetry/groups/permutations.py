"""Finite permutation groups: named, generated, counted.

A permutation p of m positions is a tuple in one-line notation, 0-based: position i takes its content from position
p[i].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ax_symmetry.errors import SymmetryError

Permutation = tuple[int, ...]

ENUMERATION_LIMIT = 10_000
"""The most elements that are written out one by one."""


def compose(p: Permutation, q: Permutation) -> Permutation:
    """Compose two permutations: first p moves the contents, then q; position i takes its content from `p[q[i]]`.

    Example:
        >>> compose((1, 2, 0), (1, 0, 2))
        (2, 1, 0)
    """
    return tuple(p[i] for i in q)


def inverse(p: Permutation) -> Permutation:
    """Return the permutation that undoes p.

    Example:
        >>> inverse((1, 2, 0))
        (2, 0, 1)
    """
    return tuple(sorted(range(len(p)), key=p.__getitem__))


def transposition(m: int, i: int, j: int) -> Permutation:
    """Return the permutation of m positions that exchanges i and j."""
    return tuple(j if k == i else i if k == j else k for k in range(m))


def cycle(m: int) -> Permutation:
    """Return the permutation by which every one of m positions takes the content of the next."""
    return (*range(1, m), 0)


NAMED_GROUPS: dict[str, Callable[[int], tuple[Permutation, ...]]] = {
    "symmetric": lambda m: (transposition(m, 0, 1), cycle(m)) if m > 2 else ((1, 0),),
    "alternating": lambda m: tuple(
        compose(transposition(m, 0, i), transposition(m, 0, 1)) for i in range(2, m)  # the 3-cycles (0 1 i)
    ),
    "cyclic": lambda m: (cycle(m),),
    "dihedral": lambda m: (cycle(m), tuple(range(m))[::-1]),
}
"""Generators of a group on m positions, m at least 2, by its name; none for a trivial group."""


def named_generators(name: str, m: int) -> tuple[Permutation, ...]:
    """Return generators of one of the `NAMED_GROUPS` on m positions, m at least 2.

    Raises:
        SymmetryError: No group has this name.

    Example:
        >>> named_generators("cyclic", 3)
        ((1, 2, 0),)
    """
    if name not in NAMED_GROUPS:
        raise SymmetryError(f"group: got {name!r}; use one of {', '.join(NAMED_GROUPS)}, or a list of generators.")
    return NAMED_GROUPS[name](m)


def is_permutation(p: Sequence[int], m: int) -> bool:
    """Tell whether p is a permutation of 0 ... m - 1 in one-line notation."""
    return all(type(i) is int for i in p) and sorted(p) == list(range(m))


def generate(generators: npt.ArrayLike, limit: int = ENUMERATION_LIMIT) -> npt.NDArray[np.intp]:
    """Write out the group that permutations generate, the identity first.

    Args:
        generators: An array `k x m` of permutations, k at least 1.
        limit: The largest group to write out.

    Returns:
        The elements, `|G| x m`. Time and memory are O(k m |G|).

    Raises:
        SymmetryError: The group has more than `limit` elements.

    Example:
        >>> len(generate([(1, 0, 2), (1, 2, 0)]))
        6
    """
    elements = _closure(generators, limit)
    if elements is None:
        raise too_large(order(generators), limit)
    return elements


def order(generators: npt.ArrayLike) -> int:
    """Count the elements of the group that permutations generate: listed if few, else by Schreier-Sims (sympy's).

    Args:
        generators: An array `k x m` of permutations, k at least 1.

    Example:
        >>> order([(1, 0, *range(2, 30)), (*range(1, 30), 0)])
        265252859812191058636308480000000
    """
    elements = _closure(generators, limit=1_000)
    if elements is not None:
        return len(elements)
    from sympy.combinatorics import Permutation as SympyPermutation
    from sympy.combinatorics import PermutationGroup

    return int(PermutationGroup([SympyPermutation(p) for p in np.asarray(generators).tolist()]).order())


def too_large(size: float, limit: int = ENUMERATION_LIMIT) -> SymmetryError:
    """Make the error for a group that is too large to write out."""
    return SymmetryError(
        f"the group has {size:,} elements, more than the {limit:,} that can be expanded. Declare a smaller group (a "
        "subgroup is exact for itself); or, for blocks that trade places in every way, keep some images of each "
        "observation with max_images or use the invariant kernel (method 'kernel'), which takes mirrors too."
    )


def _closure(generators: npt.ArrayLike, limit: int) -> npt.NDArray[np.intp] | None:
    """List the elements breadth-first; None if there are more than `limit`."""
    steps = np.asarray(generators, dtype=np.intp)
    identity = np.arange(steps.shape[1])
    elements, seen, frontier = [identity], {identity.tobytes()}, [identity]
    while frontier:
        fresh = []
        for candidate in np.asarray(frontier)[:, steps].reshape(-1, identity.size):
            key = candidate.tobytes()
            if key not in seen:
                seen.add(key)
                fresh.append(candidate)
                if len(seen) > limit:
                    return None
        elements += fresh
        frontier = fresh
    return np.asarray(elements, dtype=np.intp)
