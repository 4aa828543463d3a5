"""Some images of rows under an infinite group: spread along their orbits, within the bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Rows, with_mirror_images
from ax_symmetry.groups.image_selection import random_elements
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.critical_angles import turned_by
from ax_symmetry.symmetry.gauge import moved_along

TRIES = 20
"""How many images are tried for each that is wanted; of some orbits hardly a point lies within the bounds."""


def spread_images(
    encoding: ParameterEncoding, x: Rows, *, max_images: int, seed: int, comparison_order: Sequence[int]
) -> tuple[npt.NDArray[np.intp], Rows]:
    """Find at most `max_images` different images of every row, the row itself first, then its representative.

    The others are random elements of the finite part, at angles, whole periods and steps along the directions that
    Halton's sequence spreads evenly over what the bounds allow (Halton, "On the efficiency of certain quasi-random
    sequences of points in evaluating multi-dimensional integrals", Numerische Mathematik 1960).

    Args:
        encoding: The symmetry, and where its parameters lie.
        x: Rows `n x d`.
        max_images: How many to keep.
        seed: Of the random elements, and of the sequence.
        comparison_order: The columns in the order of comparison.

    Returns:
        For each of the N images the index of its row, `N`, and the image, `N x d`. Cost: O(n max_images d).
    """
    canonical = encoding.canonical_rows(x, comparison_order)
    rows: list[int] = []
    images: list[Rows] = []
    for i, row in enumerate(x):
        chosen = {_key(row): row}
        if max_images > 1:
            chosen.setdefault(_key(canonical[i]), canonical[i])
        for image in _images(encoding, canonical[i], TRIES * max_images, [seed, zlib.crc32(row.tobytes())]):
            if len(chosen) >= max_images:
                break
            chosen.setdefault(_key(image), image)
        rows += [i] * len(chosen)
        images += chosen.values()
    return np.asarray(rows, dtype=np.intp), np.asarray(images).reshape(-1, x.shape[1])


def _key(row: Rows) -> bytes:
    return (np.round(row, 12) + 0.0).tobytes()


def _images(encoding: ParameterEncoding, row: Rows, tries: int, seed: Sequence[int]) -> Iterator[Rows]:
    """Draw images of a row that lie within the bounds."""
    from scipy.stats import qmc

    symmetry, columns, box, rng = encoding.symmetry, encoding.columns, encoding.box, np.random.default_rng(seed)
    elements, turned, periods = random_elements(symmetry.action, rng), symmetry.turned, symmetry.periods
    for share in qmc.Halton(len(periods) + len(symmetry.directions) + 1, seed=rng).random(tries):
        image = row.copy()
        for (name, period), part in zip(periods.items(), share):
            column = columns[name]
            whole = np.floor((box.upper[column] - image[column]) / period + 1e-9)
            image[column] += period * np.floor(part * (whole + 1))
        if turned is not None:
            shifted = turned.is_shifted_by(symmetry.directions)
            image = turned_by(image, turned, columns, box, shifted, 2 * np.pi * share[-1:])[0]
        image = moved_along(image, symmetry.directions, columns, box, share[len(periods):])
        points = with_mirror_images(image[None], encoding.mirrored(image[None]))[0]
        moved = box.snapped(encoding.rounded(points[next(elements)][None]))
        if box.holds(moved)[0]:
            yield moved[0]
