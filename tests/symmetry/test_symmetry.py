"""`Symmetry` on named parameters against brute force, its dict, and what it refuses.

One-line bugs that turn this red: an image that computes a permuted number again (`float(number)` in `_typed`); a
mirrored int cut to an int where it is none; the implied parameter not snapped to an equal one; the implied parameter
written into images; `order_by` ignored in `compared_names`; simplexes dropped by `to_config` or by `a * b`; the centers
of mirrors of one orbit of parameters not compared; strings sorted backwards; the given dict changed in place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import FrozenInstanceError
from math import factorial
from typing import Any

import brute_force
import numpy as np
import pytest
from brute_force import A, GROUPS, PAIRS, SINGLES, mirrors, steady
from hypothesis import given
from hypothesis import strategies as st

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry import Blocks, Mirror, Simplex, Symmetry

groups = pytest.mark.parametrize("config, order", GROUPS.values(), ids=GROUPS)
param = pytest.param

FRACTIONS = {"parameters": ["f1", "f2", "f3"], "total": 1.0}
MIXTURE = {"blocks": [["mu1", "f1"], ["mu2", "f2"], ["mu3", "f3"]], "simplex": FRACTIONS}


def frozen(images: list[dict[str, Any]]) -> set[frozenset[tuple[str, Any]]]:
    return {frozenset(image.items()) for image in images}


@groups
def test_orbits_and_representatives_by_brute_force(config: dict[str, Any], order: int) -> None:
    symmetry = Symmetry.from_config(config)
    names = symmetry.parameters
    compared = [names[c] for c in symmetry.comparison_order()]
    rng = np.random.default_rng(0)
    assert symmetry.order == order
    for x in [*(rng.integers(-2, 3, size=(6, len(names))) / 2).tolist(), rng.normal(size=len(names)).tolist()]:
        point = dict(zip(names, x))
        brute = [dict(zip(names, image)) for image in brute_force.orbit(config, names, x)]
        orbit = symmetry.orbit(point)
        assert orbit[0] == point
        assert len(orbit) == len(frozen(orbit)) == len(brute)
        assert frozen(orbit) == frozen(brute)
        assert symmetry.canonical(point) == min(brute, key=lambda image: [image[name] for name in compared])


@steady
@given(st.sampled_from(list(GROUPS)), st.data())
def test_properties_of_orbits(name: str, data: st.DataObject) -> None:
    config, order = GROUPS[name]
    symmetry = Symmetry.from_config(config)
    point = {n: data.draw(st.sampled_from([-1.0, 0.0, 0.25, 1.0])) for n in symmetry.parameters} | {"other": "kept"}
    given_point = dict(point)
    orbit = symmetry.orbit(point)
    image = data.draw(st.sampled_from(orbit))
    canonical = symmetry.canonical(point)
    assert order % len(orbit) == 0
    assert frozen(symmetry.orbit(image)) == frozen(orbit)
    assert canonical in orbit
    assert symmetry.canonical(image) == canonical == symmetry.canonical(canonical)
    assert all(list(image) == list(point) and image["other"] == "kept" for image in orbit)
    assert point == given_point


@pytest.mark.parametrize(
    "build, order",
    [
        param(lambda: Symmetry.permutation([["a"], ["b"], ["c"]]), 6, id="S3"),
        param(lambda: Symmetry.permutation(SINGLES, group="alternating"), 12, id="A4"),
        param(lambda: Symmetry.permutation(SINGLES, group=[(1, 0, 3, 2), (2, 3, 0, 1)]), 4, id="Klein four"),
        param(lambda: Symmetry.permutation((b for b in PAIRS), group="cyclic"), 3, id="C3 on pairs"),
        param(lambda: Symmetry.mirror({"a": 0.5}), 2, id="mirror"),
        param(lambda: Symmetry.mirror([{"a": 0.5}, {"b": 2}]), 4, id="two mirrors"),
        param(lambda: Symmetry.permutation(SINGLES) * Symmetry.mirror({"a1": 0.0}), 384, id="B4"),
        param(
            lambda: Symmetry.permutation([["a"], ["b"]])
            * Symmetry.permutation([["c"], ["d"]])
            * Symmetry.permutation([["a", "b"], ["c", "d"]]),
            8,
            id="S2 wr S2",
        ),
    ],
)
def test_symmetries_built_in_code(build: Callable[[], Symmetry], order: int) -> None:
    assert build().order == order


def test_signed_permutations_of_five_and_twelve() -> None:
    five, twelve = ([f"x{i}" for i in range(m)] for m in (5, 12))
    assert Symmetry.from_config({"blocks": [[n] for n in five], "mirror": mirrors(five)}).order == 3_840
    assert Symmetry.from_config({"blocks": [[n] for n in twelve], "mirror": {"x3": 0.0}}).order == 2**12 * factorial(12)


def test_twenty_blocks() -> None:
    blocks = [[f"size{i}", f"share{i}"] for i in range(20)]
    symmetry = Symmetry.permutation(blocks)
    shuffled = np.random.default_rng(1).permutation(20).tolist()
    point = {f"{slot}{i}": (n, 20 - n)[slot == "share"] for i, n in enumerate(shuffled) for slot in ("size", "share")}
    assert symmetry.order == factorial(20)
    assert symmetry.canonical(point) == {f"size{i}": i for i in range(20)} | {f"share{i}": 20 - i for i in range(20)}
    with pytest.raises(SymmetryError, match="max_images"):
        symmetry.orbit(point)


def test_values_are_moved_with_their_bits_and_types() -> None:
    symmetry = Symmetry.permutation([["a", "n", "flag", "kind"], ["b", "m", "mark", "sort"]])
    point = {"a": 0.1 + 0.2, "b": 5e-324, "n": 3, "m": 2, "flag": True, "mark": False, "kind": "x", "sort": "w"}
    first, second = symmetry.orbit(point)
    expected = {"a": 5e-324, "b": 0.1 + 0.2, "n": 2, "m": 3, "flag": False, "mark": True, "kind": "w", "sort": "x"}
    assert first == point and second == expected
    for image in (first, second):
        assert [type(image[name]) for name in point] == [type(value) for value in point.values()]
    assert symmetry.canonical(point) == expected


def test_slots_compare_numbers_booleans_and_strings() -> None:
    symmetry = Symmetry.permutation([["a"], ["b"], ["c"]])
    assert symmetry.canonical({"a": 10, "b": 9.5, "c": -1}) == {"a": -1, "b": 9.5, "c": 10}
    assert symmetry.canonical({"a": True, "b": False, "c": True}) == {"a": False, "b": True, "c": True}
    assert symmetry.canonical({"a": "b", "b": "a", "c": "B"}) == {"a": "B", "b": "a", "c": "b"}
    assert len(symmetry.orbit({"a": "x", "b": "y", "c": "x"})) == 3


def test_blocks_of_unlike_slots_compare_slot_by_slot() -> None:
    symmetry = Symmetry.permutation([["kind1", "size1"], ["kind2", "size2"]])
    point = {"kind1": "b", "size1": 1.0, "kind2": "a", "size2": 2.0}
    assert symmetry.canonical(point) == {"kind1": "a", "size1": 2.0, "kind2": "b", "size2": 1.0}
    assert symmetry.canonical({**point, "kind2": "b"}) == {**point, "kind2": "b"}
    assert symmetry.canonical({**point, "kind2": "b", "size2": 0.5})["size1"] == 0.5


def test_mirrored_numbers_keep_their_type_where_they_can() -> None:
    images = Symmetry.mirror({"n": 2.5}).orbit({"n": 1})
    assert images == [{"n": 1}, {"n": 4}] and type(images[1]["n"]) is int
    images = Symmetry.mirror({"n": 0.25}).orbit({"n": 1})
    assert images == [{"n": 1}, {"n": -0.5}]
    assert len(Symmetry.mirror({"n": 0.25}).orbit({"n": 0.25})) == 1


def test_mirrors_forgive_rounding() -> None:
    """1 - 0.9 is not quite 0.1, yet 0.9 and 0.1 are each other's mirror images."""
    symmetry = Symmetry.permutation([["a"], ["b"]]) * Symmetry.mirror({"a": 0.5})
    orbit = symmetry.orbit({"a": 0.9, "b": 0.1})
    assert frozen(orbit) == frozen([{"a": a, "b": b} for a in (0.1, 0.9) for b in (0.1, 0.9)])
    assert symmetry.canonical({"a": 0.9, "b": 0.1}) == {"a": 0.1, "b": 0.1}


@pytest.mark.parametrize(
    "change, message",
    [
        param({"a": None}, "parameter a of the symmetry is missing", id="None"),
        param({"b": float("nan")}, "parameter b of the symmetry is missing", id="nan"),
        param({"a": "x"}, "parameters a, b share a slot but not a type of values", id="mixed types"),
        param({"z": "x"}, "mirror: z has the value 'x'; a mirror needs numbers", id="mirrored string"),
        param({"z": True}, "mirror: z has the value True; a mirror needs numbers", id="mirrored boolean"),
    ],
)
@pytest.mark.parametrize("method", ["orbit", "canonical"])
def test_values_that_cannot_be(method: str, change: dict[str, Any], message: str) -> None:
    symmetry = Symmetry.from_config({"blocks": [["a"], ["b"]], "mirror": {"z": 0.0}})
    with pytest.raises(SymmetryError, match=message):
        getattr(symmetry, method)({"a": 1.0, "b": 2.0, "z": 0.5, **change})


def test_a_parameter_that_is_not_there() -> None:
    with pytest.raises(SymmetryError, match="parameter b of the symmetry is missing"):
        Symmetry.permutation([["a"], ["b"]]).orbit({"a": 1.0})


def test_all_fractions_present() -> None:
    symmetry = Symmetry.from_config(MIXTURE)
    point = {"mu1": 3.0, "f1": 0.5, "mu2": 1.0, "f2": 0.25, "mu3": 2.0, "f3": 0.25}
    assert len(symmetry.orbit(point)) == 6
    assert symmetry.canonical(point) == {"mu1": 1.0, "f1": 0.25, "mu2": 2.0, "f2": 0.25, "mu3": 3.0, "f3": 0.5}


def test_an_implied_fraction_takes_part_and_stays_absent() -> None:
    symmetry = Symmetry.from_config(MIXTURE)
    point = {"mu1": 3.0, "f1": 0.5, "mu2": 1.0, "f2": 0.375, "mu3": 2.0}  # f3 = 0.125
    whole = {**point, "f3": 0.125}
    images = symmetry.orbit(whole)
    for image in images:
        del image["f3"]
    assert frozen(symmetry.orbit(point)) == frozen(images) and len(images) == 6
    assert symmetry.canonical(point) == {"mu1": 1.0, "f1": 0.375, "mu2": 2.0, "f2": 0.125, "mu3": 3.0}
    assert symmetry.implied(point) == {"f3": symmetry.simplexes[0]}
    assert symmetry.implied(whole) == {}
    with pytest.raises(SymmetryError, match="parameter f2 of the symmetry is missing"):
        symmetry.orbit({"mu1": 3.0, "f1": 0.5, "mu2": 1.0, "mu3": 2.0})


@pytest.mark.parametrize(
    "f1, f2, size",
    [
        param(0.1, 0.1, 3, id="two given fractions equal"),
        param(0.2, 0.4, 3, id="the implied equal to the second"),
        param(1 / 3, 1 / 3, 1, id="all equal"),
        param(0.1, 0.2, 6, id="none equal"),
        param(0.3, 0.4 + 1e-9, 6, id="almost equal"),
        param(0.7, 0.15, 3, id="equal but for rounding"),
    ],
)
def test_equal_fractions_collapse_the_orbit(f1: float, f2: float, size: int) -> None:
    symmetry = Symmetry.from_config({"blocks": [["f1"], ["f2"], ["f3"]], "simplex": FRACTIONS})
    assert len(symmetry.orbit({"f1": f1, "f2": f2})) == size
    for image in symmetry.orbit({"f1": f1, "f2": f2}):
        assert len(symmetry.orbit(image)) == size


@pytest.mark.parametrize("total", [1.0, 100.0, 0.0])
def test_the_implied_value_is_snapped_at_every_scale(total: float) -> None:
    simplex = Simplex(("p", "q", "r"), total)
    q = np.asarray([0.1, 0.3]) * (total or 1.0)
    p = total - 2 * q
    implied = simplex.imply({"p": p + np.asarray([0.0, 1e-6]), "q": q, "other": np.asarray([7.0, 7.0])})
    assert implied[0] == q[0]
    assert implied[1] == pytest.approx(q[1] - 1e-6, rel=1e-9) and implied[1] != q[1]


def test_rounding_is_measured_by_the_numbers_that_are_added() -> None:
    assert 0.0 - (-0.4 + 0.1 + 0.2) != 0.1
    assert Simplex(("p", "q", "r", "s"), 0.0).imply({n: np.asarray([v]) for n, v in zip("pqr", (-0.4, 0.1, 0.2))}) == [
        0.1
    ]


def test_a_total_of_percent() -> None:
    symmetry = Symmetry.from_config(
        {"blocks": [["f1"], ["f2"]], "simplex": {"parameters": ["f1", "f2", "rest"], "total": 100}}
    )
    assert symmetry.orbit({"f1": 20, "f2": 50}) == [{"f1": 20, "f2": 50}, {"f1": 50, "f2": 20}]
    assert symmetry.parameters == ("f1", "f2", "rest")


@groups
def test_the_dict_reads_back(config: dict[str, Any], order: int) -> None:
    before = deepcopy(config)
    symmetry = Symmetry.from_config(config)
    written = json.loads(json.dumps(symmetry.to_config()))
    assert Symmetry.from_config(written) == symmetry
    assert hash(Symmetry.from_config(written)) == hash(symmetry)
    assert written == json.loads(json.dumps(Symmetry.from_config(written).to_config()))
    assert config == before


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Make a dict of disjoint parts: blocks with any kind of group, mirrors, a simplex."""
    left = [f"p{i}" for i in range(draw(st.integers(8, 14)))]
    m, slots = draw(st.integers(2, 3)), draw(st.integers(1, 2))
    blocks = [[left.pop() for _ in range(slots)] for _ in range(m)]
    generator = st.permutations(range(m)).filter(lambda p: list(p) != list(range(m)))
    group = draw(st.sampled_from(["symmetric", "cyclic", "dihedral"]) | st.lists(generator, min_size=1, max_size=2))
    inner: list[dict[str, Any]] = [{"blocks": blocks, "group": group}]
    if draw(st.booleans()):
        center = draw(st.integers(-4, 4) | st.floats(-10, 10))
        inner.append({"mirror": draw(st.sampled_from([{left[0]: center}, [{left[0]: center, left[1]: 0.5}]]))})
    if draw(st.booleans()):
        first_slots = [block[0] for block in blocks]
        inner.append({"simplex": {"parameters": first_slots, "total": draw(st.floats(-5, 5))}})
    return draw(st.sampled_from([{"symmetries": inner}, {k: v for part in inner for k, v in part.items()}]))


@steady
@given(declarations())
def test_any_dict_reads_back(config: dict[str, Any]) -> None:
    symmetry = Symmetry.from_config(config)
    again = Symmetry.from_config(json.loads(json.dumps(symmetry.to_config())))
    assert again == symmetry
    assert hash(again) == hash(symmetry)
    assert again.order == symmetry.order


def test_simple_dicts_stay_simple() -> None:
    assert Symmetry.permutation(PAIRS).to_config() == {"blocks": PAIRS, "group": "symmetric"}
    assert Symmetry.mirror({"x": 0.5}).to_config() == {"mirror": {"x": 0.5}}
    klein = [[1, 0, 3, 2], [2, 3, 0, 1]]
    assert Symmetry.permutation(SINGLES, group=klein).to_config() == {"blocks": SINGLES, "group": klein}


def test_a_symmetry_is_a_value() -> None:
    symmetry = Symmetry.permutation(PAIRS)
    assert symmetry == Symmetry.from_config({"blocks": tuple(map(tuple, PAIRS)), "group": "symmetric"})
    assert symmetry != Symmetry.permutation(PAIRS, group="cyclic")
    assert symmetry != Symmetry.permutation(PAIRS[:2])
    assert len({symmetry, Symmetry.permutation(PAIRS)}) == 1
    with pytest.raises(FrozenInstanceError):
        symmetry.parts = ()  # type: ignore[misc]


def test_products() -> None:
    swap, flip = Symmetry.permutation([["a"], ["b"]]), Symmetry.mirror({"a": 0.0})
    mixture = Symmetry.from_config(MIXTURE)
    assert (swap * flip).order == (flip * swap).order == 8
    assert swap * swap == swap
    assert (swap * mixture).simplexes == mixture.simplexes == (mixture * mixture).simplexes
    assert (swap * mixture).order == 12
    point = {"a": 1.0, "b": 2.0}
    assert frozen((swap * flip).orbit(point)) == frozen((flip * swap).orbit(point))
    with pytest.raises(TypeError):
        swap * 2  # type: ignore[operator]


def test_options_stand_beside_the_keys_of_the_symmetry() -> None:
    options = {"noise": "copy", "max_images": 3, "select": "random", "seed": 1, "order_by": ["b1"], "constrain": True}
    symmetry = Symmetry.permutation(PAIRS)
    assert Symmetry.from_config({"blocks": PAIRS, **options}) == symmetry
    configs = symmetry.transform_configs(**options)
    assert set(configs) == {"SymmetrizeObservations", "Canonicalize"}
    assert all(config == {**symmetry.to_config(), **options} for config in configs.values())
    assert set(symmetry.transform_configs(method="kernel", asymmetry="learn")) == {"SymmetrizeObservations"}
    for key in ("group", "sed"):
        known = "the options are method, base_kernel, asymmetry, noise"
        with pytest.raises(SymmetryError, match=f"'{key}' is no option; {known}"):
            symmetry.transform_configs(**{key: "cyclic"})


def test_the_order_of_comparison() -> None:
    symmetry = Symmetry.from_config({"blocks": PAIRS, "mirror": {"z": 0.0}})
    compared = {
        by: [symmetry.parameters[c] for c in symmetry.comparison_order(by)] for by in [(), ("b2",), ("a1", "b1")]
    }
    assert compared[()] == compared["a1", "b1"] == ["a1", "b1", "a2", "b2", "a3", "b3", "z"]
    assert compared["b2",] == ["b1", "a1", "b2", "a2", "b3", "a3", "z"]
    first = Symmetry.from_config(GROUPS["mirror named first"][0])
    assert [first.parameters[c] for c in first.comparison_order()] == ["a1", "a2"]
    for unknown in ("z", "mu"):
        with pytest.raises(SymmetryError, match=f"order_by: parameter {unknown} is in no block"):
            symmetry.comparison_order([unknown])


def test_classes_and_centers() -> None:
    symmetry = Symmetry.from_config(
        {
            "blocks": [["a", "b"], ["c", "d"]],
            "mirror": [{"d": 0.5, "z": 2.0}],
            "simplex": {"parameters": ["a", "c", "e"]},
        }
    )
    assert symmetry.parameters == ("a", "b", "c", "d", "z", "e")
    assert symmetry.parameter_orbits == (("a", "c"), ("b", "d"), ("z",), ("e",))
    assert symmetry.centers == {"b": 0.5, "d": 0.5, "z": 2.0}


@pytest.mark.parametrize(
    "config",
    [
        param({"mirror": [{"x": 0.0}, {"x": 1.0}]}, id="one parameter"),
        param({"blocks": [["x"], ["y"]], "mirror": [{"x": 0.0}, {"y": 1.0}]}, id="two that trade places"),
        param({"blocks": [["x"], ["y"]], "mirror": {"x": 0.0, "y": 1.0}}, id="flipping together"),
        param(
            {
                "symmetries": [
                    {"blocks": [["x"], ["y"]]},
                    {"blocks": [["y"], ["z"]]},
                    {"mirror": [{"x": 0.0}, {"z": 1.0}]},
                ]
            },
            id="by way of a third",
        ),
    ],
)
def test_an_infinite_group_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(SymmetryError, match=r"mirror: parameter . is mirrored at 1.0 and, .* at 0.0; .* without end"):
        Symmetry.from_config(config)


BAD = [
    param("S3", "a symmetry is a dict", id="no dict"),
    param({}, "moves nothing: declare blocks", id="empty"),
    param({"symmetries": []}, "moves nothing: declare blocks", id="no symmetries"),
    param({"simplex": FRACTIONS}, "moves nothing: declare blocks", id="simplex alone"),
    param({"block": PAIRS}, "unknown key 'block': did you mean 'blocks'", id="misspelt key"),
    param({"blocks": PAIRS, "zzz": 1}, "unknown key 'zzz': the keys are blocks, group", id="unknown key"),
    param({"symmetries": [{"blocks": PAIRS, "seed": 1}]}, "unknown key 'seed' inside symmetries", id="nested option"),
    param({"blocks": [["a"]]}, r"got 1 block\(s\); name at least two", id="one block"),
    param({"blocks": []}, r"got 0 block\(s\)", id="no blocks"),
    param({"blocks": [["a"], ["b", "c"]]}, r"lengths 1 and 2 \(a / b,c\)", id="unequal blocks"),
    param({"blocks": [[], []]}, "same length, at least 1; got lengths 0", id="empty blocks"),
    param({"blocks": [["a"], ["a"]]}, "parameter a is named more than once", id="shared parameter"),
    param({"blocks": [["a", "a"], ["b", "c"]]}, "parameter a is named more than once", id="twice in a block"),
    param({"blocks": [["a"], [1]]}, "named by strings; got 1", id="number for a name"),
    param({"blocks": [["a"], [""]]}, "named by strings; got ''", id="empty name"),
    param({"blocks": ["ab", "cd"]}, "blocks: expected a list; got 'ab'", id="strings for blocks"),
    param({"blocks": [{"a", "b"}, {"c", "d"}]}, "blocks: expected a list; got {", id="sets have no order"),
    param({"blocks": {"a": "b"}}, "blocks: expected a list; got {", id="dict for blocks"),
    param({"group": "cyclic"}, "group: there are no blocks that it could move", id="group alone"),
    param({"blocks": PAIRS, "group": "cyclical"}, "got 'cyclical'; use one of symmetric", id="unknown group"),
    param(
        {"blocks": PAIRS[:2], "group": "alternating"}, r"'alternating' on the 2 blocks .* nothing", id="trivial group"
    ),
    param({"blocks": PAIRS, "group": []}, "moves nothing", id="no generators"),
    param({"blocks": PAIRS, "group": [[0, 1, 2]]}, "moves nothing", id="identity"),
    param({"blocks": PAIRS, "group": [[1, 2, 3]]}, r"generator \[1, 2, 3\] is no permutation of the 3", id="1-based"),
    param({"blocks": PAIRS, "group": [[1, 0]]}, r"\[1, 0\] is no permutation", id="too short"),
    param({"blocks": PAIRS, "group": [1, 0, 2]}, "group: expected a list; got 1", id="generator not in a list"),
    param({"blocks": PAIRS, "group": 3}, "group: expected a list; got 3", id="number for a group"),
    param({"mirror": {}}, "mirror: got no parameter", id="empty mirror"),
    param({"blocks": PAIRS, "mirror": []}, "mirror: got no parameter", id="no mirrors"),
    param({"mirror": ["a"]}, "mirror: write", id="mirror without center"),
    param({"mirror": "a"}, """mirror: write {"a": center}, or .*; got 'a'""", id="string for a mirror"),
    param({"mirror": {"a": "0"}}, "center of a must be a finite number; got '0'", id="string for a center"),
    param({"mirror": {"a": float("inf")}}, "center of a must be a finite number; got inf", id="infinite center"),
    param({"mirror": {"a": float("nan")}}, "center of a must be a finite number; got nan", id="center nan"),
    param({"mirror": {"a": 10**400}}, "center of a must be a finite number; got 1000", id="huge center"),
    param({"mirror": {"a": True}}, "center of a must be a finite number; got True", id="boolean center"),
    param({"mirror": {1: 0.0}}, "mirror: parameters are named by strings", id="mirrored number"),
    param({"blocks": PAIRS, "simplex": ["a1"]}, "simplex: write", id="simplex without parameters"),
    param({"blocks": PAIRS, "simplex": {"parameters": ["a1", "a2"], "sum": 1}}, "simplex: write", id="simplex key"),
    param({"blocks": PAIRS, "simplex": {"parameters": ["a1"]}}, "name at least two parameters", id="short simplex"),
    param({"blocks": PAIRS, "simplex": {"parameters": ["a1", "a1"]}}, "a1 is named more than once", id="simplex twice"),
    param(
        {"blocks": PAIRS, "simplex": {"parameters": ["a1", "a2", "a3"], "total": None}},
        "total must be a finite number; got None",
        id="no total",
    ),
    param(
        {"blocks": PAIRS, "simplex": {"parameters": ["a1", "a2"]}},
        r"simplex: parameters a\d and a\d trade places but only one of them is in the simplex a1, a2",
        id="simplex that is not kept",
    ),
    param(
        {"blocks": SINGLES, "mirror": {"a2": 0.0}, "simplex": {"parameters": A}},
        "simplex: the mirror of a2 changes the sum of a1, a2, a3, a4",
        id="mirrored simplex",
    ),
]


@pytest.mark.parametrize("config, message", BAD)
def test_what_cannot_be_is_refused(config: Any, message: str) -> None:
    with pytest.raises(SymmetryError, match=message):
        Symmetry.from_config(config)


def test_parts_are_checked_on_their_own() -> None:
    with pytest.raises(SymmetryError, match="moves nothing"):
        Symmetry(())
    with pytest.raises(SymmetryError, match="is no permutation"):
        Blocks((("a",), ("b",)), ((1, 1),))
    with pytest.raises(SymmetryError, match="named more than once"):
        Mirror((("a", 0.0), ("a", 1.0)))
    assert Symmetry((Blocks((("a",), ("b",))), Mirror((("a", 0.0),)))).order == 8
