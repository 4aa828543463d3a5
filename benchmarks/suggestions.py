"""How often `suggest_symmetries` names the true group first, and how often it suggests one where there is none.

    python benchmarks/suggestions.py --out suggestions.csv --jobs 2  # resumes where it stopped; ten minutes
    python benchmarks/suggestions.py --out suggestions.csv --report  # the table of what is there

Functions of three to six parameters, drawn as in `diagnostics.py`: some of the parameters trade places, or pairs of
them (two or three pairs), or one has a mirror; or there is no symmetry. 60 observations, noise 5 % of the function's
SD, known.
"""

from __future__ import annotations

import json
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.core import ParameterType, RangeParameter, SearchSpace
from diagnostics import SEM, drawn
from experiments import new_experiment, new_parser, observe, run_cases

from ax_symmetry import Symmetry
from ax_symmetry.diagnostics import suggest_symmetries

KINDS = ("parameters trade places", "pairs trade places", "a mirror", "no symmetry")
N = 60


def draw_group(kind: str, rng: np.random.Generator) -> tuple[str, dict[str, Any]]:
    """Draw how many parameters there are, three to six, and which of them the group moves."""
    names = "abcdef"[:rng.integers(4 if kind == "pairs trade places" else 3, 7)]
    mixed = rng.permutation(list(names)).tolist()
    if kind == "pairs trade places":
        return names, {"blocks": [mixed[i:i + 2] for i in range(0, 2 * rng.integers(2, len(names) // 2 + 1), 2)]}
    if kind == "a mirror":
        return names, {"mirror": {mixed[0]: 0.5}}
    return names, {"blocks": [[name] for name in mixed[:rng.integers(2, len(names) + 1)]]}


def run(kind: str, seed: int) -> tuple[int, str, str, float, int]:
    """Simulate an experiment; return its dimension, the true group, the first suggestion, how sure it is, and tried."""
    rng = np.random.default_rng(seed)
    names, config = draw_group(kind, rng)
    function = drawn(rng, Symmetry.from_config(config), names, float(kind == "no symmetry"))
    experiment = new_experiment(SearchSpace([RangeParameter(p, ParameterType.FLOAT, 0.0, 1.0) for p in names]))
    x = rng.random((N, len(names)))
    for row, value in zip(x.tolist(), function(x) + SEM * rng.normal(size=N)):
        observe(experiment, dict(zip(names, row)), float(value), SEM)
    torch.manual_seed(seed)
    with redirect_stderr(StringIO()):  # its progress
        found = suggest_symmetries(experiment)
    truth = {} if kind == "no symmetry" else config
    if not found:
        return len(names), json.dumps(truth), "", 0.0, 0
    return len(names), json.dumps(truth), json.dumps(found[0].symmetry), round(found[0].probability, 4), found[0].tried


def is_true(row: Any) -> bool:
    """Tell whether the first suggestion is the true group, which may be written in several ways."""
    if not isinstance(row.found, str) or row.true == "{}":
        return False
    true, found = (Symmetry.from_config(json.loads(text)) for text in (row.true, row.found))
    probe = dict(zip("abcdef", np.random.default_rng(0).random(6)))
    orbits = [{tuple(sorted(image.items())) for image in symmetry.orbit(probe)} for symmetry in (true, found)]
    return orbits[0] == orbits[1]


def main() -> None:
    args = new_parser(__doc__, Path("suggestions.csv"), seeds=102).parse_args()
    cases = [(kind, seed) for seed in range(args.seeds) for kind in (KINDS[seed % 3], KINDS[3])]
    if not args.report:
        columns = ("kind", "seed", "d", "true", "found", "probability", "tried")
        run_cases(run, cases, args.out, columns, args.jobs)
    table = pd.read_csv(args.out)
    table["named"], table["silent"] = [is_true(row) for row in table.itertuples()], table.found.isna()
    table["wrong"] = ~table.named & ~table.silent
    print(f"{'function':26}{'parameters':>11}{'experiments':>13}{'true group first':>18}{'nothing':>9}"
          f"{'another first':>15}")
    for symmetric in (True, False):
        part = table[(table.kind != KINDS[3]) == symmetric]
        groups = [*part.groupby(["kind"], sort=False), *part.groupby(["d"])]
        for label, rows in [*groups, (("all",), part)]:
            name, d = (label[0], "3 to 6") if isinstance(label[0], str) else ("", label[0])
            print(f"{name:26}{d!s:>11}{len(rows):>13}{rows.named.mean():>18.0%}{rows.silent.mean():>9.0%}"
                  f"{rows.wrong.mean():>15.0%}")


if __name__ == "__main__":
    main()
