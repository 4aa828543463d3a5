"""Moves of whole blocks, against all rows that differ in one block, written out; and the search that makes them.

One-line bugs that turn this file red: a block of another place left out; inert numbers kept apart; a row outside of the
region; a sum that is not kept; a fixed number moved; the row itself among its neighbours; a candidate that is worse
than before; pending points left as they were set; numbers of the other candidates forgotten; choices optimised as
numbers; no moves where blocks may be absent.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, get_botorch
from ax_symmetry._ax.search_model import Region, SearchProblem
from ax_symmetry.kernels import InvariantKernel
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.search.block_moves import BlockMoves, refine
from botorch.acquisition import LogExpectedImprovement, qKnowledgeGradient, qLogExpectedImprovement
from botorch.models import SingleTaskGP
from botorch.sampling import IIDNormalSampler
from support import add_trial, choice, experiment, fast_optimizer, float_range, needs_codes, random_points, space
from torch import Tensor

CONFIG: dict[str, Any] = {"blocks": [["m0", "x0"], ["m1", "x1"], ["m2", "x2"]], "absent": {"x0": 0.0}}
NAMES = ["z", "m0", "m1", "m2", "x0", "x1", "x2"]
SIMPLEX = {**CONFIG, "simplex": {"parameters": ["x0", "x1", "x2"], "total": 1.0}}


def action_of(config: dict[str, Any], names: list[str] = NAMES) -> ColumnAction:
    """Return the action on columns that are the parameters, of which the lowest are known."""
    symmetry = Symmetry.from_config(config)
    points = ((0.0, (0.0,)),)
    places = {
        name: ColumnPlace((i,), lowest=(0.0,), middle=0.5, points=points if name[0] == "x" else (), within=1e-9)
        for i, name in enumerate(names) if name != "z"
    }
    return ColumnAction.of(symmetry, places, len(names))


def problem(d: int = len(NAMES), fixed: dict[int, float] | None = None, linear: Any = None) -> SearchProblem:
    lower = torch.zeros(d, dtype=torch.double)
    return SearchProblem(Region(lower, lower + 1, linear), frozenset({1, 2, 3}), fixed or {})


def known(n: int = 4) -> Tensor:
    rng = np.random.default_rng(3)
    x = torch.from_numpy(np.column_stack([rng.random(n), rng.integers(0, 2, (n, 3)), rng.random((n, 3))]))
    x[0, 4], x[1, 5] = 0.0, 0.0
    return x


def as_set(rows: Tensor) -> set[tuple[float, ...]]:
    return {tuple(row) for row in rows.mul(1e9).round().div(1e9).tolist()}


def test_every_block_of_every_known_row_in_every_place() -> None:
    rows, x = known(), known()[2]
    found = BlockMoves(action_of(CONFIG), rows)(x, problem())
    wanted = set()
    for (row, source), place in product(product(rows, range(3)), range(3)):
        moved, amount = x.clone(), row[4 + source]
        moved[1 + place], moved[4 + place] = row[1 + source] if amount > 0 else 0.0, amount
        wanted.add(tuple(moved.mul(1e9).round().div(1e9).tolist()))
    assert as_set(found) == wanted - as_set(x[None])
    assert len(found) == len(as_set(found))


def test_what_is_fixed_stays_and_what_is_outside_is_left_out() -> None:
    linear = torch.tensor([[0.0, 0, 0, 0, 1, 1, 1]]).double(), torch.tensor([[1.2]]).double()
    x = known()[1]
    x[4:] = 0.4
    found = BlockMoves(action_of(CONFIG), known(9))(x, problem(fixed={5: 0.4, 1: 1.0}, linear=linear))
    assert len(found)
    assert (found[:, 5] == 0.4).all()
    assert (found[:, 1] == 1.0).all()
    assert (found[:, 4:].sum(dim=1) <= 1.2 + 1e-8).all()
    assert len(found[:, 4:].sum(dim=1).unique()) > 3


@pytest.mark.parametrize("implied", [False, True])
def test_sums_are_kept(implied: bool) -> None:
    """Of parts that sum to one, of which the last may be implied."""
    rows = known(9)
    rows[:, 4:] /= rows[:, 4:].sum(dim=1, keepdim=True)
    sums = torch.tensor([[0.0, 0, 0, 0, 1, 1, 1]] * 2).double()
    names, linear = NAMES, (sums, torch.tensor([[1.0], [-1.0]]).double())
    linear[0][1] *= -1
    if implied:
        names, rows = NAMES[:-1], rows[:, :-1]
        linear = torch.tensor([[0.0, 0, 0, 0, 1, 1]]).double(), torch.tensor([[1.0]]).double()
    x, moves = rows[2], BlockMoves(action_of(SIMPLEX, names), rows)
    found = moves(x, problem(len(names), linear=linear))
    parts = moves.action.append_implied(found)[:, 4:]
    assert len(found) > 20
    np.testing.assert_allclose(parts.sum(dim=1), 1.0, atol=1e-9)
    assert (parts > -1e-9).all()
    assert (parts == 0).any()
    changed = (moves.action.append_implied(found)[:, 4:] - moves.action.append_implied(x)[4:]).abs() > 1e-9
    assert changed.sum(dim=1).max() == 3  # the one that is moved, and the others scaled


def model() -> Any:
    x = known(9)
    y = (x[:, 4:] * (0.3 + x[:, 1:4])).sum(dim=1, keepdim=True)
    kernel = InvariantKernel(CONFIG, NAMES, "matern").double()
    return SingleTaskGP(x, y, covar_module=kernel, outcome_transform=None).eval(), float(y.max())


def test_candidates_get_better_or_stay() -> None:
    gp, best = model()
    acquisition = qLogExpectedImprovement(gp, best, sampler=IIDNormalSampler(torch.Size([64]), seed=0))
    pending = known(10)[9:]
    acquisition.set_X_pending(pending)
    start = torch.stack([known()[0], torch.zeros(len(NAMES)).double(), known()[2]])
    before = start.clone()
    candidates, values = refine(action_of(CONFIG), acquisition, start, known(9), problem())
    assert torch.equal(start, before)
    assert torch.equal(acquisition.X_pending, pending)
    assert not torch.equal(candidates, start)
    assert problem().region.contains(candidates).all()
    assert set(candidates[:, 1:4].flatten().tolist()) <= {0.0, 1.0}
    for i in range(3):  # given the others: those before as they are now, those after as they were
        acquisition.set_X_pending(torch.cat([pending, candidates[:i], start[i + 1:]]))
        with torch.no_grad():
            assert acquisition(candidates[i][None]) == pytest.approx(float(values[i]), rel=1e-9)
            assert acquisition(candidates[i][None]) >= acquisition(start[i][None])


def test_a_function_that_knows_no_pending_points(monkeypatch: pytest.MonkeyPatch) -> None:
    gp, best = model()
    acquisition, start = LogExpectedImprovement(gp, best), torch.zeros(1, len(NAMES)).double()
    candidates, [value] = refine(action_of(CONFIG), acquisition, start, known(9), problem())
    with torch.no_grad():
        assert acquisition(candidates) == pytest.approx(float(value), rel=1e-9)
        assert value > acquisition(start)
    monkeypatch.setattr("ax_symmetry.search.block_moves.ROUNDS", 1)
    stayed, [again] = refine(action_of(CONFIG), acquisition, candidates, known(9), problem())
    assert torch.equal(stayed, candidates) and again == value  # a move that does not help is not made


def test_functions_of_several_points_are_left_alone() -> None:
    gp, _ = model()
    acquisition = qKnowledgeGradient(gp, num_fantasies=2)
    assert refine(action_of(CONFIG), acquisition, known()[:1], known(), problem()) is None


@pytest.mark.parametrize("method", ["kernel", "augmentation"])
@pytest.mark.parametrize("absent", [True, False])
def test_ax_asks_for_it_where_blocks_may_be_absent(monkeypatch: pytest.MonkeyPatch, method: str, absent: bool) -> None:
    needs_codes()
    values: list[tuple[float, float]] = []

    def spied(action: Any, acquisition: Any, candidates: Tensor, *others: Any) -> Any:
        found = refine(action, acquisition, candidates, *others)
        assert found is not None
        rows = candidates, found[0]
        with torch.no_grad():
            values.append(tuple(float(acquisition(x)) for x in rows))
        return found

    monkeypatch.setattr("ax_symmetry.transforms.symmetrize_observations.refine", spied)
    parameters: list[Any] = []
    for k in range(3):
        parameters += [choice(f"m{k}", ["a", "b", "c"], is_ordered=False), float_range(f"x{k}", 0.0, 5.0)]
    made = experiment(space(parameters))
    for i, point in enumerate(random_points(made.search_space, 9)):
        point[f"x{i % 3}"] = 0.0
        worth = sum(point[f"x{k}"] * {"a": 0.1, "b": 0.5, "c": 1.0}[point[f"m{k}"]] for k in range(3))
        add_trial(made, point, {"y": (worth, 0.1)})
    config = CONFIG if absent else {"blocks": CONFIG["blocks"]}
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=config, method=method)
        [arm] = adapter.gen(1).arms
    assert made.search_space.check_membership(arm.parameters)
    assert len(values) == absent
    assert all(after >= before - 1e-9 for before, after in values)
