"""`python -m ax_symmetry`: look at a symmetry before anything is spent on it."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ax_symmetry.errors import SymmetryError, SymmetryWarning
from ax_symmetry.symmetry.symmetry import Symmetry

CONTRADICTED, WRONG = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0; 1 if the data or the search space contradict the symmetry; 2 for wrong input.
    """
    parser = argparse.ArgumentParser(prog="python -m ax_symmetry", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check", help="print the group, what the search space says, and whether the data support it",
        epilog="exit status: 0; 1 if the data or the search space contradict the symmetry; 2 for wrong input",
    )
    check.add_argument("config", type=Path, help="JSON file with the dict of the symmetry")
    suggest = commands.add_parser("suggest", help="print the symmetries that the data suggest")
    for command, needed in ((check, "--experiment"), (suggest, "experiment")):
        command.add_argument(
            needed, type=Path, metavar="FILE.json",
            help="an experiment with its data, as AxClient, Client or save_experiment have stored it",
        )
        command.add_argument("--metric", help="the metric to look at; the objective's by default")
    chosen = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SymmetryWarning)  # what they say is printed
            if chosen.command == "suggest":
                return _suggest(chosen.experiment, chosen.metric)
            return _check(chosen.config, chosen.experiment, chosen.metric)
    except SymmetryError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG


def _check(config: Path, file: Path | None, metric: str | None) -> int:
    if metric is not None and file is None:
        raise SymmetryError("metric: there is no experiment that has it; name its file after --experiment.")
    declared, stored = _declared(config), None if file is None else _stored(file)
    symmetry = Symmetry.from_config(declared)
    print(f"|G| = {symmetry.order:,}" if symmetry.is_finite else "|G| is infinite")
    for part in symmetry.parts:
        print(part.describe())
    if file is None or stored is None:
        return 0
    experiment = _experiment(file, stored)
    try:
        symmetry.validate(experiment.search_space)
    except SymmetryError as error:
        print(f"The search space does not have the symmetry: {error}")
        return CONTRADICTED
    print("The search space has the symmetry.")
    from ax_symmetry.diagnostics import check_symmetry
    from ax_symmetry.space.forgotten_blocks import forgotten_blocks, loose_sums

    for tell in (forgotten_blocks, loose_sums):
        if told := tell(symmetry, experiment.search_space):
            print(told)
    report = check_symmetry(experiment, symmetry, metric=metric)
    print(report)
    return CONTRADICTED if report.verdict == "contradicted" else 0


def _suggest(file: Path, metric: str | None) -> int:
    stored = _stored(file)
    from ax_symmetry.diagnostics import suggest_symmetries

    suggestions = suggest_symmetries(_experiment(file, stored), metric=metric)
    for number, suggestion in enumerate(suggestions, start=1):
        print(f"{number}. {suggestion}\n")
    if not suggestions:
        print("The data suggest no symmetry of those that the search space could have.")
    return 0


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SymmetryError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SymmetryError(f"{file} cannot be read as JSON: {error}.") from error


def _declared(file: Path) -> Any:
    """Read the dict of a symmetry, and see that it is not an experiment that stands in its place."""
    found = _read(file)
    if _inner(found) is not None:
        raise SymmetryError(f"{file} holds an experiment of Ax, and no symmetry; name it after --experiment.")
    return found


def _stored(file: Path) -> Any:
    """Read what Ax has stored, and see without Ax, whose import takes long, that it holds an experiment."""
    found = _read(file)
    if _inner(found) is None:
        raise SymmetryError(
            f"{file} holds no experiment of Ax; store one with AxClient.save_to_json_file, Client.save_to_json_file or "
            "ax.storage.json_store.save.save_experiment."
        )
    return found


def _inner(found: Any) -> Mapping[str, Any] | None:
    """Return the JSON of an experiment, alone or inside an AxClient or a Client; None if it is something else."""
    inner = found.get("experiment", found) if isinstance(found, Mapping) else None
    return inner if isinstance(inner, Mapping) and str(inner.get("__type")).endswith("Experiment") else None


def _experiment(file: Path, stored: Any) -> Any:
    """Let Ax read the experiment that it has stored in a file."""
    import ax_symmetry.transforms.registration  # noqa: F401  so that Ax's storage knows the transforms
    from ax_symmetry._ax.stored_experiments import stored_experiment

    experiment = stored_experiment(stored)
    if experiment is None:
        raise SymmetryError(f"{file} holds an experiment that this Ax cannot read; use the Ax that has stored it.")
    return experiment


if __name__ == "__main__":
    sys.exit(main())
