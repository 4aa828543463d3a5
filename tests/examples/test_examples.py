"""The examples of Ax's APIs as a user runs them, and a search that is killed five times and resumed.

One-line bugs that turn this red: `save` before the evaluation left out in `resume.py` (a killed trial is lost), or
after it (a completed trial is evaluated again); the interrupted trials not evaluated again; `Canonicalize` left out of
the quasi-random step in `choose_generation_strategy`, or of the model step (tables and trials in canonical order); a
generator's `register` missing (nothing can be resumed); `max_parallelism` not passed on (four trials at the same time);
an argument of Ax that one of its versions does not know (that example).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ax_symmetry import Symmetry, choose_generation_strategy
from scripts import run_script

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
# Its members' places in a row of the printed table, and whether Ax has the API.
EXAMPLES = {
    "service_api": ("coverage", 2, "ax.service.ax_client"),
    "loop_api": ("error", 1, "ax.service.managed_loop"),
    "client_api": ("unevenness", 2, "ax.api"),
}


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example as a user does; but for those of what Ax itself deprecates, its DeprecationWarnings are errors."""
    script = ROOT / "examples" / f"{name}.py"
    if name != "client_api":
        return run_script(script, *arguments, strict=name == "resume")
    # In a new interpreter, as the only one of the examples.
    command = [sys.executable, str(ROOT / "tests" / "external" / "deprecations.py"), str(script), *map(str, arguments)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    )


def table(printed: str, heading: str) -> list[list[float]]:
    """Read the numbers of a printed table's rows."""
    lines = printed.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["trial", heading])
    rows = []
    for line in lines[start + 1:]:
        if not line.strip():
            break
        rows.append([float(number) for number in NUMBER.findall(line)])
    return rows


def blocks(row: list[float], size: int) -> list[tuple[float, ...]]:
    """Read the blocks of a table's row: what follows the trial and its value."""
    return [tuple(row[i:i + size]) for i in range(2, len(row), size)]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_shows_progress_and_a_table_in_canonical_order(name: str) -> None:
    heading, size, api = EXAMPLES[name]
    pytest.importorskip(api, reason="not in this Ax")
    done = run(name, "--trials", 7, "--initial", 5, "--seed", 1)
    assert done.returncode == 0, done.stderr
    assert "7/7" in done.stderr and "Traceback" not in done.stderr
    rows = table(done.stdout, heading)
    assert len(rows) == 5 and len({row[0] for row in rows}) == 5
    for row in rows:
        assert len(blocks(row, size)) == 3
        assert blocks(row, size) == sorted(blocks(row, size))
    values = [row[1] for row in rows]
    assert values == sorted(values, reverse=name == "service_api")


def state(file: Path) -> tuple[dict[int, dict[str, Any]], set[int]]:
    """Read the trials of a saved search, and which of them are completed."""
    assert choose_generation_strategy  # by its import Ax's storage knows the transforms
    trials = pytest.importorskip("ax.api.client").Client.load_from_json_file(str(file))._experiment.trials
    assert all(trial.status.is_completed or trial.status.is_running for trial in trials.values())
    completed = {index for index, trial in trials.items() if trial.status.is_completed}
    return {index: dict(trial.arm.parameters) for index, trial in trials.items()}, completed


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_search_killed_five_times_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Thirty trials, killed in the middle of an evaluation, four times early and once when the model has taken over."""
    pytest.importorskip("ax.api.client", reason="Ax 1.0 and later")
    file = tmp_path / "state.json"
    command = ("resume", "--trials", 30, "--initial", 27, "--seed", 2, "--file", file)
    expected_completed, before = 0, {}
    for die_at in (3, 1, 6, 5, 17):
        killed = run(*command, "--die-at", die_at)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        trials, completed = state(file)
        expected_completed += die_at - 1
        assert completed == set(range(expected_completed))
        assert set(trials) - completed == {expected_completed}  # the one whose evaluation was cut off
        assert {index: trials[index] for index in before} == before
        before = trials
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert f"{expected_completed} trials completed, to evaluate again: {expected_completed}" in done.stdout
    assert "30/30" in done.stderr
    trials, completed = state(file)
    assert completed == set(trials) == set(range(30))
    assert {index: trials[index] for index in before} == before

    components = [["centre_1", "width_1"], ["centre_2", "width_2"], ["centre_3", "width_3"]]
    symmetry = Symmetry.permutation(components)
    by_package = {tuple(sorted(symmetry.canonical(p).items())) for p in trials.values()}
    by_sorting = {tuple(sorted(tuple(p[name] for name in block) for block in components)) for p in trials.values()}
    assert len(by_package) == len(by_sorting) == 30
    assert all(symmetry.canonical(p) == p for p in trials.values())

    saved = json.loads(file.read_text(encoding="utf-8"))
    assert "SymmetrizeObservations" in json.dumps(saved["generation_strategy"])
    rows = table(done.stdout, "misfit")
    assert len(rows) == 5 and [row[1] for row in rows] == sorted(row[1] for row in rows)
    again = run(*command)  # nothing is left to evaluate
    assert "30 trials completed, to evaluate again: none" in again.stdout
    assert table(again.stdout, "misfit") == rows and state(file) == (trials, completed)
