"""Which search spaces have a symmetry; what is refused is in test_errors.py.

One-line bugs that turn this file red: compare a center with the middle exactly in `is_symmetric_about`; forget the
parameter constraints in `maximum`; let `_check_implied` look at one end of the range only, or give a whole number a
step too much; `check_untransformed` takes any wider bounds for those of Ax.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry, SymmetryError
from ax_symmetry.space.bounds import symmetrized_space
from ax_symmetry.space.validation import check_untransformed, validate
from support import boolean, choice, equality, fixed, float_range, int_range, space

PAIR = {"blocks": [["a"], ["b"]]}
FRACTIONS = {"blocks": [["m1", "f1"], ["m2", "f2"], ["m3", "f3"]], "simplex": {"parameters": ["f1", "f2", "f3"]}}
MEANS = [float_range(f"m{i}") for i in (1, 2, 3)]


def fractions(lower: float = 0.0, upper: float = 1.0, **traits: Any) -> list[Any]:
    return MEANS + [float_range(f"f{i}", lower, upper, **traits) for i in (1, 2)]


def at_most(total: float) -> tuple[Mapping[str, float], float]:
    return {"f1": 1.0, "f2": 1.0}, total


def at_least(total: float) -> tuple[Mapping[str, float], float]:
    return {"f1": -1.0, "f2": -1.0}, -total


@pytest.mark.parametrize(
    "config, fits",
    [
        pytest.param(PAIR, space([float_range("a", -3, 7), float_range("b", -3, 7)]), id="float"),
        pytest.param(PAIR, space([int_range("a", 1, 9), int_range("b", 1, 9)]), id="int"),
        pytest.param(PAIR, space([float_range(n, 1, 9, log_scale=True) for n in "ab"]), id="log"),
        pytest.param(PAIR, space([float_range(n, 0.1, 0.9, logit_scale=True) for n in "ab"]), id="logit"),
        pytest.param(PAIR, space([float_range(n, digits=2) for n in "ab"]), id="digits"),
        pytest.param(PAIR, space([choice(n, ["x", "y", "z"]) for n in "ab"]), id="ordered-strings"),
        pytest.param(PAIR, space([choice(n, ["x", "y", "z"], is_ordered=False) for n in "ab"]), id="unordered"),
        pytest.param(PAIR, space([boolean("a"), boolean("b")]), id="bool"),
        pytest.param(PAIR, space([float_range("a"), float_range("b"), fixed("c", 1.0)]), id="fixed-bystander"),
        pytest.param(PAIR, space([float_range(n) for n in "abc"], [({"a": 1.0, "c": -2.0}, 0.0)]), id="constraints"),
        pytest.param({"mirror": {"a": 2.0}}, space([float_range("a", -3, 7)]), id="mirror"),
        pytest.param({"mirror": {"a": 4.5}}, space([int_range("a", 1, 8)]), id="mirror-int-half-way"),
        pytest.param({"mirror": {"a": 0.1 + 0.2}}, space([float_range("a", 0.0, 0.6)]), id="mirror-rounding"),
        pytest.param({"mirror": {"a": 2e9}}, space([float_range("a", 0.0, 4e9)]), id="mirror-wide"),
        pytest.param({"mirror": {"a": 2.0}}, space([choice("a", [1, 2, 3])]), id="mirror-choice"),
        pytest.param({"mirror": {"a": 0.5}}, space([choice("a", [-1.0, 0.2, 0.8, 2.0])]), id="mirror-uneven-choice"),
        pytest.param(
            {"symmetries": [PAIR, {"mirror": {"a": 0.0}}]}, space([float_range(n, -1, 1) for n in "ab"]), id="signed"
        ),
        pytest.param(FRACTIONS, space(fractions(), [at_most(1.0)]), id="simplex"),
        pytest.param(FRACTIONS, space(fractions() + [float_range("f3")]), id="simplex-all-there"),
        pytest.param(FRACTIONS, space(fractions(0.2, 0.6), [at_most(0.8)]), id="simplex-lower-bound"),
        pytest.param(FRACTIONS, space(fractions(0.25, 0.5), [at_most(0.75)]), id="simplex-both-ends"),
        pytest.param(
            FRACTIONS, space(fractions(0.0, 0.5), [at_most(1.0), at_least(0.5)]), id="simplex-two-constraints",
        ),
        pytest.param(
            {"blocks": [["n1"], ["n2"], ["n3"]], "simplex": {"parameters": ["n1", "n2", "n3"], "total": 10}},
            space([int_range(n, 1, 5) for n in ("n1", "n2")], [({"n1": 1.0, "n2": 1.0}, 9.5),
                                                               ({"n1": -1.0, "n2": -1.0}, -4.5)]),
            id="whole-numbers-between-the-bounds-of-the-constraints",
        ),
        pytest.param(
            {"blocks": [["m1"], ["m2"]], "simplex": {"parameters": ["f1", "f2", "rest"]}},
            space(fractions()),
            id="simplex-rest-that-trades-with-none",
        ),
    ],
)
def test_fits(config: Mapping[str, Any], fits: SearchSpace) -> None:
    assert validate(Symmetry.from_config(config), fits) is None
    assert Symmetry.from_config(config).validate(fits) is None


def test_equality_constraint_counts_both_ways() -> None:
    """f1 + f2 == 0.7 puts f3 at 0.3, inside bounds that it could leave to either side without the constraint."""
    made = equality("f1 + f2 == 0.7")
    if made is None:
        pytest.skip("this Ax has no equality constraints")
    fits = space(fractions(0.25, 0.5))
    with pytest.raises(SymmetryError, match="f1 [+] f2 <= 0.75"):
        validate(Symmetry.from_config(FRACTIONS), fits)
    fits.add_parameter_constraints([made])
    validate(Symmetry.from_config(FRACTIONS), fits)


@pytest.mark.parametrize("constraints, wanted", [
    ([], "w1 [+] w2 [+] z <= 95 and w1 [+] w2 [+] z >= 45"),
    ([({"w1": 1.0, "w2": 1.0, "z": 1.0}, 95.0)], "constraint w1 [+] w2 [+] z >= 45"),
    ([({"w1": -1.0, "w2": -1.0, "z": -1.0}, -45.0)], "constraint w1 [+] w2 [+] z <= 95"),
    ([({"w1": 1.0, "w2": 1.0, "z": 1.0}, 95.0), ({"w1": -1.0, "w2": -1.0, "z": -1.0}, -45.0)], None),
])
@pytest.mark.parametrize("whole", [False, True])
def test_a_part_of_the_sum_that_trades_with_none_counts_with_its_own_range(
    constraints: list[Any], wanted: str | None, whole: bool
) -> None:
    """w3 = 100 - w1 - w2 - z must lie in [5, 55], in which w1 and w2 are; z goes from 20 to 30. Both ends count."""
    made = int_range if whole else float_range
    listed = [made("w1", 5, 55), made("w2", 5, 55), made("z", 20, 30)]
    symmetry = Symmetry.from_config({"blocks": [["w1"], ["w2"], ["w3"]],
                                     "simplex": {"parameters": ["w1", "w2", "w3", "z"], "total": 100}})
    if wanted is None:
        return validate(symmetry, space(listed, constraints))
    with pytest.raises(SymmetryError, match=f"w3 is implied and can reach .*{wanted}[.]"):
        validate(symmetry, space(listed, constraints))


@pytest.mark.parametrize("beyond", ["neither", "below", "above"])
def test_an_implied_whole_number_may_not_leave_the_bounds_by_a_step(beyond: str) -> None:
    """Of 5, the first two have from 1 to 5, so that the third has from 0 to 4, as they may."""
    both, names = {"n1": 1.0, "n2": 1.0}, ["n1", "n2", "n3"]
    most, least = 6.0 if beyond == "below" else 5.0, 0.0 if beyond == "above" else 1.0
    made = space([int_range(n, 0, 4) for n in both], [(both, most), ({n: -1.0 for n in both}, -least)])
    symmetry = Symmetry.from_config({"blocks": [[n] for n in names], "simplex": {"parameters": names, "total": 5}})
    if beyond == "neither":
        return validate(symmetry, made)
    with pytest.raises(SymmetryError, match=r"reach \[-1, 4\]" if beyond == "below" else r"reach \[0, 5\]"):
        validate(symmetry, made)


@pytest.mark.parametrize("wider, error", [(1e-9, False), (1e-3, True)])
def test_implied_fraction_may_touch_its_bounds(wider: float, error: bool) -> None:
    """The linear program's answer is compared with a little slack, in units of the range."""
    for scale in (1e-3, 1.0, 1e6):
        symmetry = Symmetry.from_config({**FRACTIONS, "simplex": {"parameters": ["f1", "f2", "f3"], "total": scale}})
        below = space(fractions(0.0, scale), [at_most(scale * (1.0 + wider))])
        above = space(fractions(0.0, scale / 2), [at_most(scale), at_least(scale * (0.5 - wider))])
        for made in (below, above):
            if error:
                with pytest.raises(SymmetryError, match="f3 is implied"):
                    validate(symmetry, made)
            else:
                validate(symmetry, made)


def test_a_numeric_choice_counts_in_a_parameter_constraint() -> None:
    """A constraint over an ordered numeric choice, which newer Ax allows, is one over its range."""
    constraint = [({"f1": 1.0, "f2": 1.0, "c": 1.0}, 1.0)]
    try:
        rising, falling = (space([*fractions(), choice("c", c)], constraint) for c in ([0, 1, 2], [-1, 0, 1]))
    except ValueError:
        pytest.skip("this Ax constrains no choice")
    validate(Symmetry.from_config(FRACTIONS), rising)
    with pytest.raises(SymmetryError, match="f3 is implied and can reach"):
        validate(Symmetry.from_config(FRACTIONS), falling)


def stage(made: SearchSpace, **bounds: tuple[float, float]) -> SearchSpace:
    """Return a copy with other bounds."""
    copy = made.clone()
    for name, (lower, upper) in bounds.items():
        copy.parameters[name].lower, copy.parameters[name].upper = lower, upper
    return copy


def test_stage_may_be_the_models_space() -> None:
    """Bounds that Ax widened to cover data pass, also after the other of the two transforms has joined them."""
    symmetry = Symmetry.from_config({"symmetries": [PAIR, {"mirror": {"a": 0.0}}]})
    declared = space([float_range(n, -1, 1) for n in "ab"] + [float_range("c")])
    model = stage(declared, a=(-1, 3), c=(-5, 5))
    check_untransformed(symmetry, declared, declared)
    check_untransformed(symmetry, model, model)
    joined = symmetrized_space(symmetry, model)
    check_untransformed(symmetry, model, joined, joined)
    check_untransformed(symmetry, model, model, joined)
    with pytest.raises(SymmetryError, match="changed parameter a"):
        check_untransformed(symmetry, model, joined)
    fractions_of = Symmetry.from_config(FRACTIONS)
    made = space(fractions(), [at_most(1.0)])
    wider = symmetrized_space(fractions_of, made, {"f3": [-0.5]})
    check_untransformed(fractions_of, made, wider, wider)


@pytest.mark.parametrize(
    "before, now",
    [
        pytest.param([float_range(n, 0.0, 5.0) for n in "ab"], [float_range(n) for n in "ab"], id="narrower"),
        pytest.param([float_range(n, 0.2, 0.8) for n in "ab"], [float_range(n) for n in "ab"], id="wider"),
        pytest.param([float_range(n, 0.2, 1.0) for n in "ab"], [float_range(n, 0.1, 2.0) for n in "ab"], id="custom"),
        pytest.param(
            [float_range(n, 1.0, 5.0, log_scale=True) for n in "ab"], [float_range(n, 1.0, 5.0) for n in "ab"], id="log"
        ),
        pytest.param([int_range(n, 0, 5) for n in "ab"], [float_range(n, 0, 5) for n in "ab"], id="int-to-float"),
        pytest.param(
            [choice(n, ["x", "y", "z"]) for n in "ab"], [int_range(n, 0, 2) for n in "ab"], id="choice-to-range",
        ),
        pytest.param(
            [choice(n, ["x", "y", "z"]) for n in "ab"], [choice(n, [0, 1, 2]) for n in "ab"], id="choice-to-numbers"
        ),
        pytest.param([choice(n, ["x", "y", "z"]) for n in "ab"], [float_range("a_OH_0")], id="one-hot"),
    ],
)
def test_stage_behind_another_transform_is_refused(before: list[Any], now: list[Any]) -> None:
    with pytest.raises(SymmetryError, match="changed parameter a.*first in the transforms"):
        check_untransformed(Symmetry.from_config(PAIR), space(before), space(now))


def test_misspelt_parameter_is_recognised() -> None:
    with pytest.raises(SymmetryError, match="parameter mu_l .* did you mean mu_1[?]"):
        validate(Symmetry.permutation([["mu_l"], ["mu_2"]]), space([float_range("mu_1"), float_range("mu_2")]))
