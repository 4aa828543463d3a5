"""What README, documentation and docstrings show runs as written, and what their comments say of it is so.

One-line bugs that turn this file red: rename a keyword that the README or a page uses; break the order of the canonical
candidate; write another order or number into the comment of a `print`; let a docstring's example give something else;
name an option in docs/declare.md that the transforms do not know, or forget one; name another test command in .ci/run;
leave a public name out of the API page; use AxClient on another page than its own; link to a page or heading that is
not there; write a figure into the tables of README or benchmark that the runs do not give; change docs/draw_idea.py and
forget to run it; a longer README.
"""

from __future__ import annotations

import ast
import csv
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import mean, median
from typing import Any

import ax_symmetry
import numpy as np
import pytest
from ax_symmetry import diagnostics, kernels, models, plotting, symmetry
from ax_symmetry._ax import backend
from ax_symmetry.symmetry.declaration import OPTION_KEYS, SYMMETRY_KEYS
from external.deprecations import deprecations_are_errors
from support import RAY, fast_optimizer

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)


def blocks_of(page: Path) -> list[str]:
    """Read the blocks of Python in a page, for the generation of Ax that is installed."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    return [block.replace("from ax.adapter.registry", f"from ax.{backend.GENERATION}.registry") for block in blocks]


def missing(block: str) -> str | None:
    """Return what a block imports of Ax or Ray that is not installed, if anything."""
    for node in ast.parse(block).body:
        if isinstance(node, ast.ImportFrom) and re.match(r"(ax|ray|ax_symmetry\.integrations)\b", node.module or ""):
            try:
                exec(ast.unparse(node), {})  # noqa: S102
            except ImportError:
                return ast.unparse(node)
    return None


def run(blocks: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """Run blocks one after another; check what the comments behind `print` say: an order of values, or a number."""
    names: dict[str, Any] = {}
    everything = ""
    for block in blocks:
        if absent := missing(block):
            pytest.skip(f"this Ax, or this environment, has no {absent}")
        exec(block, names)  # noqa: S102  the pages are ours
        printed = capsys.readouterr().out
        for variable, order in re.findall(r"^print\((\w+)\)  # (\w+(?: <= \w+)+)", block, flags=re.MULTILINE):
            values = [names[variable][key] for key in order.split(" <= ")]
            assert values == sorted(values), order
        for line in re.findall(r"^print\(.*\)  # (\d.*)$", block, flags=re.MULTILINE):
            assert line in printed.splitlines()
        everything += printed
    return names, everything


@contextmanager
def small_ray(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run Ray on this machine alone."""
    for variable, value in RAY.items():
        patch.setenv(variable, value)
    ray = pytest.importorskip("ray", reason="an extra")
    ray.init("local", num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def fits(blocks: list[str]) -> bool:
    """Tell whether blocks complete trials, so that a model is fitted."""
    return any("complete_trial" in block for block in blocks)


def test_readme_blocks_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows of the CSV, attached last here, join the trials of the search."""
    blocks = blocks_of(ROOT / "README.md")
    assert len(blocks) == 3 and len(blocks[0].splitlines()) <= 25
    if absent := missing(blocks[0]):
        pytest.skip(f"this Ax has no {absent}")
    monkeypatch.chdir(tmp_path)
    columns = [f"{slot}_{k}" for k in (1, 2, 3) for slot in ("mu", "std", "frac")]
    header = ",".join([*columns, "packing", "sem"])
    Path("measured.csv").write_text(f"{header}\n20,1,0.2,50,9,0.5,5,3,0.3,0.7,0.01\n")
    with fast_optimizer(), deprecations_are_errors():
        names, _ = run(blocks, capsys)
    table = names["client"].summarize()
    assert len(table) == names["trial"] + 1 and table["packing"].notna().all()
    assert table["mu_1"].iloc[-1] == 20 and "frac_3" not in table


def test_readme_is_short() -> None:
    assert len(README.split()) <= 1400
    blocks = re.findall(r"```\w*\n(.*?)```", README, flags=re.DOTALL)
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 88
    assert not re.search(r"\borbit", README.partition("![")[0])


def test_the_picture_is_what_its_script_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The README shows it first, and the runs of the benchmark are what it is drawn from."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    draw_idea = importlib.import_module("draw_idea")
    link = draw_idea.PICTURE.relative_to(ROOT).as_posix()
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert shown == [link]
    assert (ROOT / link).read_text() == draw_idea.picture()


RESULTS = ROOT / "benchmarks" / "results"
BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text()


def rows_of(page: str, section: str) -> dict[str, list[str]]:
    """Return the rows of the first table in a section of a page, by their first cell."""
    lines = page.partition(f"{section}\n")[2].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    length = next(i for i, line in enumerate([*lines[start:], ""]) if not line.startswith("|"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2:start + length]]
    return {first.removesuffix(" *"): rest for first, *rest in cells}


def predictions() -> dict[tuple[str, str, int], float]:
    """Return the median error by problem, way and number of observations."""
    found: dict[tuple[str, str, int], list[float]] = {}
    with (RESULTS / "predictions-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["problem"], row["method"], int(row["n"])), []).append(float(row["error"]))
    return {key: median(errors) for key, errors in found.items()}


def times(errors: dict[tuple[str, str, int], float], name: str, n: int) -> str:
    """Say how many times as many observations plain Ax needs for the kernel's error; logarithms are interpolated."""
    sizes = [10, 20, 40, 80]
    least = np.minimum.accumulate([errors[name, "plain", size] for size in sizes])
    error = errors[name, "kernel", n]
    if error < least[-1]:
        return f"> {80 // n}"
    return f"{np.exp(np.interp(-np.log(error), -np.log(least), np.log(sizes))) / n:.1f}"


def explained(errors: dict[tuple[str, str, int], float], name: str, n: int) -> str:
    """Say which share of the variance plain Ax and the kernel explain."""
    return ", ".join(f"{1 - errors[name, way, n] ** 2:.2f}" for way in ("plain", "kernel")).replace("-0.00", "0.00")


def test_figures_of_predictions() -> None:
    errors = predictions()
    table = rows_of(BENCHMARKS, "## How much better does a model predict?")
    assert set(table) == {name for name, _, _ in errors}
    for name, cells in table.items():
        wanted = [[", ".join(f"{errors[name, way, n]:.2f}" for way in ("plain", "kernel")), explained(errors, name, n),
                   times(errors, name, n)] for n in (10, 20, 40)]
        assert cells == [cell for one in wanted for cell in one], name
    for name, cells in rows_of(README, "## What it brings").items():
        assert cells[:2] == [explained(errors, name, 20), times(errors, name, 20)], name


def test_figures_of_searches() -> None:
    """The regrets of the README are those of the benchmark's table; differences of regrets are those of the runs."""
    table = rows_of(BENCHMARKS, "Evaluations: until plain Ax's final median regret, as a share of the budget.")
    brief = rows_of(README, "## What it brings")
    assert set(brief) == {*table} - {"nearly symmetric", "not symmetric"}
    sums: dict[tuple[str, str], list[float]] = {}
    csv.field_size_limit(10**7)
    with (RESULTS / "level-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            values = list(map(float, row["values"].split()))[5:]
            sums.setdefault((row["problem"], row["method"]), []).append(sum(values))
            sums.setdefault((row["problem"], "length"), []).append(len(values))
    for name, (*_, regret, final) in brief.items():
        _, _, p_final, _, plain, ours, *_ = table[name]
        means = [float(cell.split(" +- ")[0]) for cell in (plain, ours)]
        assert regret == ", ".join(f"{value:g}" for value in means)
        assert final == ("lower" if float(p_final) < 0.05 else "not told apart")
        gained = mean(sums[name, "kernel"]) - mean(sums[name, "plain"])
        assert means[0] - means[1] == pytest.approx(gained, abs=0.01 * means[0]), name


@pytest.mark.parametrize("page", [p for p in DOCS if blocks_of(p)], ids=lambda p: p.stem)
def test_pages_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(page)
    if absent := next(filter(None, map(missing, blocks)), None):
        pytest.skip(f"this Ax, or this environment, has no {absent}")
    with small_ray(monkeypatch) if "import tune" in blocks[0] else nullcontext():
        old = page.stem == "ax-client"  # the interface itself is what Ax deprecates
        with fast_optimizer() if fits(blocks) else nullcontext(), nullcontext() if old else deprecations_are_errors():
            run(blocks, capsys)


def test_api_page_names_everything_public() -> None:
    api = (ROOT / "docs" / "api.rst").read_text()
    packages = (ax_symmetry, diagnostics, kernels, models, plotting, symmetry)
    source = (ROOT / "ax_symmetry" / "analyses.py").read_text()
    analyses = re.findall(r"^class ([A-Z]\w+)\(", source, flags=re.MULTILINE)
    for name in {*(name for package in packages for name in package.__all__), *analyses, "SymmetricSearch"}:
        assert re.search(rf"^\.\. auto\w+:: (\w+\.)*{name}\b", api, flags=re.MULTILINE), name


def test_every_key_is_declared() -> None:
    """On the page about declaring all keys and options; in the README's table those of a symmetry."""
    declare = (ROOT / "docs" / "declare.md").read_text()
    brief = README.partition("## What can be declared")[2].partition("## Which option when")[0]
    for page, keys in ((brief, SYMMETRY_KEYS), (declare, SYMMETRY_KEYS + OPTION_KEYS)):
        assert set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)) == {*keys}


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *DOCS, *ROOT.glob("benchmarks/*.md")):
        for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", page.read_text()):
            linked = page.parent / target if target else page
            assert linked.exists(), f"{page.name} links to {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", linked.read_text(), flags=re.MULTILINE)
                assert anchor in [re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in headings]


def test_ci_runs_the_command_of_the_readme() -> None:
    commands = re.findall(r"^    (python3 -m venv .*nox -s tests)$", README, flags=re.MULTILINE)
    assert len(commands) == 1 and commands[0] in (ROOT / ".ci" / "run").read_text()


OF_THE_OTHER_GENERATION = {
    "adapter": ("modelbridge", "model_constructors", "relaxed_search"), "modelbridge": ("adapter",)
}[backend.GENERATION]


@pytest.mark.parametrize(
    "name",
    [
        m.name
        for m in pkgutil.walk_packages(ax_symmetry.__path__, "ax_symmetry.")
        if m.name.rpartition(".")[2] not in OF_THE_OTHER_GENERATION
    ],
)
def test_docstring_examples(name: str) -> None:
    if name.endswith(".ray"):
        pytest.importorskip("ray", reason="an extra")
        pytest.importorskip("ax.api.client", reason="Ax 1.0 and later")
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
