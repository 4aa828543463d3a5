"""Partial orbits against brute force over whole orbits.

One-line bugs that turn this red: images sorted by distance the wrong way round; the row itself not the first; a random
generator without the row in its seed; the heap of `_nearest` read as a stack; mirrors left out of the generators of an
action.
"""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product
from typing import Any

import brute_force
import numpy as np
import pytest
from brute_force import A, GROUPS, PAIRS, SINGLES, mirrors

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Rows, gather_images
from ax_symmetry.groups.fundamental_domain import walls
from ax_symmetry.groups.image_selection import select_images
from ax_symmetry.symmetry import Symmetry

groups = pytest.mark.parametrize("config, order", GROUPS.values(), ids=GROUPS)


def unscaled(x: Rows) -> Rows:
    return x


def keep_some(config: dict[str, Any], x: Rows, max_images: int, **options: Any) -> list[Rows]:
    """Return the images that are kept of every row."""
    symmetry = Symmetry.from_config(config)
    defaults = {"select": "nearest", "seed": 0, "units": unscaled, "comparison_order": symmetry.comparison_order()}
    rows, points = select_images(symmetry.action, x, -x, max_images=max_images, **{**defaults, **options})
    images = gather_images(x, -x, rows, points)
    return [images[rows == i] for i in range(len(x))]


@groups
@pytest.mark.parametrize("select", ["nearest", "random"])
@pytest.mark.parametrize("max_images", [1, 3, 10**9])
def test_some_images_are_distinct_images_the_row_first(
    config: dict[str, Any], order: int, select: str, max_images: int
) -> None:
    names = Symmetry.from_config(config).parameters
    x = np.random.default_rng(2).integers(-2, 3, size=(6, len(names))) / 2
    before = x.copy()
    for row, images in zip(x.tolist(), keep_some(config, x, max_images, select=select)):
        orbit, found = brute_force.orbit(config, names, row), list(map(tuple, images.tolist()))
        assert found[0] == tuple(row)
        assert len(found) == len(set(found)) == min(max_images, len(orbit))
        assert set(found) <= orbit
    assert np.array_equal(x, before)


@groups
def test_nearest_are_the_nearest_of_the_orbit(config: dict[str, Any], order: int) -> None:
    symmetry = Symmetry.from_config(config)
    names, found = symmetry.parameters, walls(symmetry.action, symmetry.comparison_order())
    x = np.random.default_rng(3).normal(size=(4, len(names)))

    def outside(image: Any) -> float:
        z = [*image, *(-v for v in image)]
        return float(np.sqrt(sum(max(z[column] - z[point], 0.0) ** 2 for column, point in found)))

    for row, images in zip(x.tolist(), keep_some(config, x, 4)):
        others = sorted(outside(image) for image in brute_force.orbit(config, names, row) - {tuple(row)})
        assert list(map(outside, images[1:])) == pytest.approx(others[:3], abs=1e-12)


def all_permutations(m: int) -> Any:
    return np.asarray(list(permutations(range(m))))


def outside_sorted(images: Rows, signed: bool) -> Rows:
    """Measure how far images are from sorted, or from sorted with negative signs: over all reflections of the group."""
    total = np.zeros(len(images))
    for i in range(images.shape[1]):
        for j in range(i + 1, images.shape[1]):
            total += np.maximum(images[:, i] - images[:, j], 0.0) ** 2
            total += np.maximum(images[:, i] + images[:, j], 0.0) ** 2 * signed
        total += np.maximum(2 * images[:, i], 0.0) ** 2 * signed
    return np.sqrt(total)


@pytest.mark.parametrize("ties", [False, True])
def test_nearest_of_a_group_too_large_to_write_out(ties: bool) -> None:
    """Eight blocks of two slots: the walk finds what sorting all 40,320 permutations by distance finds."""
    config = {"blocks": [[f"x{i}", f"y{i}"] for i in range(8)]}
    rng = np.random.default_rng(4)
    x = rng.random((1, 8, 2))
    if ties:
        x = np.round(2 * x) / 2
    every = np.unique(x[0][all_permutations(8)].reshape(-1, 16), axis=0)
    distances = np.sort(outside_sorted(every[:, ::2], signed=False))
    images = keep_some(config, x.reshape(1, 16), 60)[0]
    kept = np.sort(outside_sorted(images[1:, ::2], signed=False))
    assert len(images) == 60
    assert set(map(tuple, images.tolist())) <= set(map(tuple, every.tolist()))
    assert outside_sorted(images[:1, ::2], signed=False) > distances[60]  # the row itself is none of the nearest
    assert kept == pytest.approx(distances[:59], abs=1e-12)


def test_nearest_of_a_large_group_with_mirrors() -> None:
    """Signed permutations of six: 46,080 elements."""
    names = [f"x{i}" for i in range(6)]
    config = {"blocks": [[name] for name in names], "mirror": mirrors(names)}
    x = np.abs(np.random.default_rng(5).normal(size=(1, 6)))
    signs = np.asarray(list(product([1.0, -1.0], repeat=6)))
    every = (x[0][all_permutations(6)][:, None, :] * signs).reshape(-1, 6)
    distances = np.sort(outside_sorted(every, signed=True))
    images = keep_some(config, x, 60)[0]
    assert np.sort(outside_sorted(images[1:], signed=True)) == pytest.approx(distances[:59], abs=1e-12)
    assert len(np.unique(images, axis=0)) == 60


@pytest.mark.parametrize("select", ["nearest", "random"])
def test_a_small_orbit_of_a_large_group_is_kept_whole(select: str) -> None:
    """One block of ten differs, beside a cyclic factor: thirty images of 10! * 3 elements."""
    ten = {"blocks": [[f"x{i}"] for i in range(10)]}
    config = {"symmetries": [ten, {"blocks": PAIRS, "group": "cyclic"}]}
    x = np.asarray([[7.0, *[1.0] * 9, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0] * 16])
    images, origin = keep_some(config, x, 1_000, select=select)
    assert len(np.unique(images, axis=0)) == len(images) == 30
    assert len(origin) == 1


def test_nearest_depends_on_the_scale_of_the_columns() -> None:
    """Swapping the a's exceeds a wall by 1, swapping the x's by 2; in units in which a counts ten times, by 10."""
    config = {"symmetries": [{"blocks": SINGLES[:2]}, {"blocks": [["x1"], ["x2"]]}]}
    x = np.asarray([[0.0, 1.0, 0.0, 2.0]])
    alike, unlike = (keep_some(config, x, 2, units=lambda rows: rows * [a, a, 1.0, 1.0])[0] for a in (1.0, 10.0))
    assert alike[1].tolist() == [1.0, 0.0, 0.0, 2.0]
    assert unlike[1].tolist() == [0.0, 1.0, 2.0, 0.0]


def test_the_nearest_image_of_a_row_outside_is_its_representative() -> None:
    x = np.asarray([[3.0, 1.0, 2.0, 1.0, 1.0, 5.0]])
    assert keep_some({"blocks": PAIRS}, x, 2)[0].tolist() == [x[0].tolist(), [1.0, 5.0, 2.0, 1.0, 3.0, 1.0]]
    by_b = keep_some({"blocks": PAIRS}, x, 2, comparison_order=(1, 0, 3, 2, 5, 4))[0]
    assert by_b[1].tolist() == [2.0, 1.0, 3.0, 1.0, 1.0, 5.0]


@pytest.mark.parametrize("m", [4, 12])
def test_random_depends_on_the_seed_and_the_row_alone(m: int) -> None:
    config = {"blocks": [[f"x{i}"] for i in range(m)]}
    x = np.random.default_rng(6).normal(size=(5, m))
    together = keep_some(config, x, 6, select="random", seed=1)
    for i in range(len(x)):
        assert np.array_equal(keep_some(config, x[[i]], 6, select="random", seed=1)[0], together[i])
    backwards = keep_some(config, x[::-1], 6, select="random", seed=1)[::-1]
    assert all(map(np.array_equal, together, backwards))
    other = keep_some(config, x, 6, select="random", seed=2)
    assert not any(map(np.array_equal, together, other))


def test_random_rows_differ_in_what_they_keep() -> None:
    """The same ranks, other numbers: rows do not all keep the images of one fixed subset of the group."""
    x = np.arange(6.0) + np.linspace(0.0, 0.9, 20)[:, None]
    kept = keep_some({"blocks": [[f"x{i}"] for i in range(6)]}, x, 2, select="random")
    assert len({tuple(images[1].argsort().tolist()) for images in kept}) > 10


@pytest.mark.parametrize("config", [{"blocks": PAIRS[:3]}, {"blocks": SINGLES[:2], "mirror": {"a1": 0.0}}], ids=str)
def test_random_is_uniform(config: dict[str, Any]) -> None:
    """One image beside the row, 700 seeds: all other images come about equally often (within five deviations)."""
    d = len(Symmetry.from_config(config).parameters)
    x = np.arange(1.0, d + 1)[None]
    counts = Counter(tuple(keep_some(config, x, 2, select="random", seed=seed)[0][1].tolist()) for seed in range(700))
    others = Symmetry.from_config(config).order - 1
    expected = 700 / others
    assert len(counts) == others
    assert max(abs(count - expected) for count in counts.values()) < 5 * np.sqrt(expected)


def test_a_large_group_that_cannot_be_sorted_is_refused() -> None:
    config = {"blocks": [[f"x{i}"] for i in range(9)], "group": "alternating"}
    for select in ("nearest", "random"):
        with pytest.raises(SymmetryError, match="181,440 elements"):
            keep_some(config, np.arange(9.0)[None], 3, select=select)


def test_no_rows_keep_nothing() -> None:
    symmetry = Symmetry.permutation([[name] for name in A])
    nothing = np.empty((0, 4))
    rows, points = select_images(
        symmetry.action,
        nothing,
        nothing,
        max_images=2,
        select="nearest",
        seed=0,
        comparison_order=symmetry.comparison_order(),
        units=unscaled,
    )
    assert rows.shape == (0,) and points.shape == (0, 4)
