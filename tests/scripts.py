"""Scripts run as a user runs them, each in a process of its own: a fork of one that has imported Ax, BoTorch and torch.

Importing them takes ten seconds of two cores; the fork shares nothing else with the test. What it does not show, a
fault of the very first import, `tests/test_main.py` and `client_api.py` in `test_examples.py` do in a new interpreter.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from external.deprecations import deprecations_are_errors

ROOT = Path(__file__).parents[1]
FORKS = "forkserver" in multiprocessing.get_all_start_methods()
CONTEXT = multiprocessing.get_context("forkserver" if FORKS else "spawn")
"""Where every new process starts: Ax is imported, the package is not."""
CONTEXT.set_forkserver_preload(["ax.service.ax_client", "ax.api.client", "plotly.io", "sympy", "pytest"])


def run_script(
    script: Path, *arguments: object, strict: bool = True, environment: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run a script to its end; what Ax deprecates is an error unless `strict` is False."""
    with TemporaryDirectory() as folder:
        printed = [Path(folder) / name for name in ("stdout", "stderr")]
        words, variables = [str(argument) for argument in arguments], dict(environment or {})
        process = CONTEXT.Process(target=_run, args=(str(script), words, strict, variables, [*map(str, printed)]))
        process.start()
        process.join()
        return CompletedProcess([str(script), *words], process.exitcode, *(file.read_text() for file in printed))


def _run(script: str, words: list[str], strict: bool, environment: dict[str, str], printed: list[str]) -> None:
    os.environ.update({"OMP_NUM_THREADS": "1", **environment})
    paths = [str(ROOT), str(Path(script).parent)]
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])
    for number, name in enumerate(printed, 1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    sys.argv, sys.path[:0] = [script, *words], paths
    if strict:
        with deprecations_are_errors():
            runpy.run_path(script, run_name="__main__")
    else:
        runpy.run_path(script, run_name="__main__")
