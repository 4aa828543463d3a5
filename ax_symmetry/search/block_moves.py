"""A search that puts whole blocks of known experiments in the place of a candidate's own.

Ax's searches change one choice at a time. Where blocks may be absent that is too little: in an absent block another
choice changes nothing, and with the choice of now even a little of it may be worse than none.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from botorch.acquisition import AcquisitionFunction, OneShotAcquisitionFunction
from botorch.exceptions import BotorchWarning
from botorch.optim import optimize_acqf
from torch import Tensor

from ax_symmetry._ax.search_model import SearchProblem
from ax_symmetry.kernels.column_action import ColumnAction

MOST_MOVES = 1_000
"""The most moves of one round; of more possible ones so many are drawn at random."""
ROUNDS, STEPS, AT_ONCE, LEAST_GAIN = 8, 40, 64, 1e-4


class BlockMoves:
    """The rows that differ from a row in one block, which some known row has in some place.

    Args:
        action: The group, on the d columns.
        known: The known rows `n x d`.
    """

    def __init__(self, action: ColumnAction, known: Tensor) -> None:
        full, self.action = action.append_implied(action.at_lowest(known)), action
        self.sets: list[tuple[Tensor, Tensor]] = []
        for factor in action.action.factors:
            if factor.blocks:
                columns = torch.tensor([[factor.columns[j] for j in block] for block in factor.blocks])
                contents = full[:, columns].flatten(0, 1).unique(dim=0)
                fewer = torch.randperm(len(contents))[:MOST_MOVES // len(columns)]
                self.sets.append((columns, contents[fewer.to(contents.device)]))

    def __call__(self, x: Tensor, problem: SearchProblem) -> Tensor:
        """Return the rows `k x d` next to a row `d` in which a search may look.

        Where the amounts of all blocks have a fixed sum, those of the other blocks are scaled to keep it.
        """
        full, found = self.action.append_implied(x), [x.new_empty(0, self.action.width)]
        for columns, contents in self.sets:
            rows = full.repeat(len(columns), len(contents), 1)
            for moved, own in zip(rows, columns):
                moved[:, own] = contents.to(x)
            amounts = [column for column in columns.flatten().tolist() if column in self.action.amounts]
            at = problem.fixed(rows)[..., :self.action.width]
            good = problem.region.contains(at)
            found.append(at[good])
            if len(amounts) == len(columns) and not good.all():
                scaled = self._with_sum(rows, full, columns, amounts)
                found.append(problem.fixed(scaled)[..., :self.action.width][~good])
                found[-1] = found[-1][problem.region.contains(found[-1])]
        rows = torch.cat(found)
        return rows[(rows != x).any(dim=1)]

    def _with_sum(self, rows: Tensor, full: Tensor, columns: Tensor, amounts: list[int]) -> Tensor:
        """Scale the amounts of the blocks beside the one that is moved, so that their sum is that of a row."""
        nothing = rows.new_tensor([self.action.amounts[column] for column in amounts])
        values, wanted = rows[..., amounts] - nothing, (full[amounts] - nothing).sum()
        own = torch.eye(len(columns), dtype=torch.bool, device=rows.device).unsqueeze(1)  # m x 1 x m: which is moved
        others = values.masked_fill(own, 0.0)
        left = wanted - (values - others).sum(dim=-1, keepdim=True)
        scaled = torch.where(own, values, others * left / others.sum(dim=-1, keepdim=True).clamp_min(1e-12))
        rows = rows.clone()
        rows[..., amounts] = scaled + nothing
        return rows


def refine(
    action: ColumnAction, acquisition: Any, candidates: Tensor, known: Tensor, problem: SearchProblem
) -> tuple[Tensor, Tensor] | None:
    """Improve candidates by moves of whole blocks, each followed by a search over the numbers.

    Cost: up to 8 rounds of 1,000 evaluations without a gradient and 40 steps with one, for each candidate.

    Args:
        action: The group, on the d columns.
        acquisition: The acquisition function, with the pending points that it has for all candidates.
        candidates: What Ax has found, `q x d`.
        known: The training inputs, `n x d`.
        problem: Where a search may look.

    Returns:
        The candidates, and their values given each other, `q`; None if the function cannot be asked about one point.
    """
    if not isinstance(acquisition, AcquisitionFunction) or isinstance(acquisition, OneShotAcquisitionFunction):
        return None
    moves, candidates, values = BlockMoves(action, known), candidates.clone(), []
    pending = acquisition.X_pending if len(candidates) > 1 else None  # analytic functions have none
    try:
        for i in range(len(candidates)):
            if len(candidates) > 1:
                others = [x for x in (pending, candidates[:i], candidates[i + 1:]) if x is not None]
                acquisition.set_X_pending(torch.cat(others))
            candidates[i], value = _refined(acquisition, candidates[i], moves, problem)
            values.append(value)
    finally:
        if len(candidates) > 1:
            acquisition.set_X_pending(pending)
    return candidates, torch.stack(values)


def _refined(acquisition: Any, x: Tensor, moves: BlockMoves, problem: SearchProblem) -> tuple[Tensor, Tensor]:
    """Move one candidate as long as that helps."""
    value = _values(acquisition, x[None])[0]
    for _ in range(ROUNDS):
        rows = moves(x, problem)
        if not len(rows):
            break
        best = rows[_values(acquisition, rows).argmax()]
        found = torch.stack([problem.rounded(row) for row in (best, _polished(acquisition, best, problem))])
        found = found[problem.region.contains(found)]
        if not len(found):
            break
        gained, at = _values(acquisition, found).max(dim=0)
        if not gained > value + LEAST_GAIN:
            break
        x, value = found[at], gained
    return x, value


def _values(acquisition: Any, rows: Tensor) -> Tensor:
    """Evaluate single points `k x d`."""
    with torch.no_grad():
        return torch.cat([acquisition(part.unsqueeze(-2)) for part in rows.split(AT_ONCE)])


def _polished(acquisition: Any, x: Tensor, problem: SearchProblem) -> Tensor:
    """Optimise the numbers of a row."""
    if len(problem.constants) == len(x):
        return x
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BotorchWarning)  # few steps need not converge
        rows, _ = optimize_acqf(
            acquisition,
            torch.stack([problem.region.lower, problem.region.upper]).to(x),
            q=1,
            num_restarts=1,
            batch_initial_conditions=x[None, None],
            fixed_features={column: float(x[column]) for column in problem.constants},
            inequality_constraints=problem.inequalities,
            equality_constraints=problem.equalities,
            options={"maxiter": STEPS},
        )
    return rows[0].detach()
