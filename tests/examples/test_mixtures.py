"""The two short examples that start from a CSV: with Ax's Client and with Ray Tune.

One-line bugs that turn this file red: a third fraction that is not what the other two leave; one row fewer in the CSV;
rows that are not attached; `num_initialization_trials=0` left out (a quasi-random candidate among the five); four
candidates; a call of what Ax deprecates; the best point not brought into canonical order; the figure not written; an
example of 60 lines.
"""

from __future__ import annotations

import logging
import re
from importlib import import_module
from itertools import permutations
from pathlib import Path
from typing import Any

import mixtures
import pandas as pd
import pytest
from external.deprecations import deprecations_are_errors
from support import GENERATION, RAY, fast_optimizer

EXAMPLES = Path(mixtures.__file__).parent
POINT = {"mu_1": 2.0, "std_1": 0.4, "frac_1": 0.3, "mu_2": 50.0, "std_2": 8.0, "frac_2": 0.2, "mu_3": 9.0, "std_3": 1.0}


def test_a_mixture_packs_alike_in_every_order() -> None:
    whole = {**POINT, "frac_3": 0.5}
    packing = mixtures.measure(POINT)
    assert 0.6 < packing < 0.84
    for order in permutations((1, 2, 3)):
        moved = [*zip((1, 2, 3), order)]
        image = {f"{slot}_{k}": whole[f"{slot}_{old}"] for slot in ("mu", "std", "frac") for k, old in moved}
        del image["frac_3"]
        assert mixtures.measure(image) == pytest.approx(packing, rel=1e-12)
    assert abs(mixtures.measure({**POINT, "mu_1": 50.0, "mu_2": 2.0}) - packing) > 0.01


def test_rows_of_the_csv(tmp_path: Path) -> None:
    rows = pd.read_csv(mixtures.write_csv(str(tmp_path)))
    assert len(rows) == 200 and rows[["frac_1", "frac_2", "frac_3"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    exact = [mixtures.measure(row) for row in rows.to_dict("records")]
    assert (rows["packing"] - exact).std() == pytest.approx(mixtures.SEM, rel=0.2)
    assert 0.1 < (rows["mu_1"] < rows["mu_2"]).mean() < 0.9  # in no order


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixture_from_csv", "mixture_ray"])
def test_example(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run on 40 of the rows, with searches that stop after a step."""
    pytest.importorskip("ax.api.client", reason="Ax 1.0 and later")
    if name == "mixture_ray":
        pytest.importorskip("ray", reason="an extra")
        monkeypatch.setenv("PYTHONPATH", str(EXAMPLES))  # Ray's workers import mixtures.py
        for variable, value in RAY.items():
            monkeypatch.setenv(variable, value)
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) < 60
    example = import_module(name)
    monkeypatch.chdir(tmp_path)
    made: list[Any] = []
    new_client = example.Client
    monkeypatch.setattr(example, "Client", lambda **keywords: made.append(new_client(**keywords)) or made[0])
    monkeypatch.setattr(example, "write_csv", lambda folder: mixtures.write_csv(folder, rows=40))
    try:
        with fast_optimizer(), deprecations_are_errors():
            example.main()
    finally:
        logging.disable(logging.NOTSET)  # the example silences Ax
    trials = [*made[0]._experiment.trials.values()]
    assert len(trials) == 45 and all(trial.status.is_completed for trial in trials)
    nodes = [trial.generator_runs[0]._generation_node_name for trial in trials[40:]]
    # Ax 1.0 asks for the center, and for quasi-random trials, whatever rows there are.
    assert set(nodes) == {"MBM"} or nodes[0] == "CenterOfSearchSpace" and GENERATION == "modelbridge"
    for trial in trials[40:]:
        assert trial.arm.parameters["mu_1"] <= trial.arm.parameters["mu_2"] <= trial.arm.parameters["mu_3"]
    printed = capsys.readouterr().out
    best = [float(size) for size in re.findall(r"mu_\d ([\d.]+)", printed.partition("best: ")[2])]
    assert len(best) == 3 and best == sorted(best)
    mean, sem = map(float, re.findall(r"0\.\d+", printed.splitlines()[-1]))
    assert 0.75 < mean < 0.9 and 0 <= sem < 0.02
    page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert "packing over mu_1 and mu_2" in page
