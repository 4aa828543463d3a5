"""What README, documentation and docstrings show runs as written, and what their comments say of it is so.

One-line bugs that turn this file red: rename a keyword that the README or a page uses; break the order of the canonical
candidate; write another order or number into the comment of a `print`; let a docstring's example give something else;
name an option in the README that the transforms do not know, or forget one; name another test command in .ci/run; leave
a public name out of the API page; link to a page or heading that is not there.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ax_symmetry
import pytest
from ax_symmetry import diagnostics, kernels, models, plotting, symmetry
from ax_symmetry._ax import backend
from ax_symmetry.symmetry.declaration import OPTION_KEYS, SYMMETRY_KEYS
from support import fast_optimizer

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
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("RAY_AUTH_TOKEN", "only-for-this-test" * 2)
    ray = pytest.importorskip("ray", reason="an extra")
    ray.init("local", num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def test_readme_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = blocks_of(ROOT / "README.md")
    assert len(blocks) == 4
    assert len(blocks[0].splitlines()) <= 25
    names, printed = run(blocks, capsys)
    assert str(names["candidate"]) in printed and "by 8 observations of density" in printed
    assert [n for n in names["model"].transforms if n in ("Canonicalize", "SymmetrizeObservations")] == [
        "Canonicalize",
        "SymmetrizeObservations",
    ]


@pytest.mark.parametrize("page", [p for p in DOCS if blocks_of(p)], ids=lambda p: p.stem)
def test_pages_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(page)
    with small_ray(monkeypatch) if "import tune" in blocks[0] else nullcontext():
        with fast_optimizer() if "from ax." in blocks[0] else nullcontext():
            run(blocks, capsys)


def test_api_page_names_everything_public() -> None:
    api = (ROOT / "docs" / "api.rst").read_text()
    packages = (ax_symmetry, diagnostics, kernels, models, plotting, symmetry)
    source = (ROOT / "ax_symmetry" / "analyses.py").read_text()
    analyses = re.findall(r"^class ([A-Z]\w+)\(", source, flags=re.MULTILINE)
    for name in {*(name for package in packages for name in package.__all__), *analyses, "SymmetricSearch"}:
        assert re.search(rf"^\.\. auto\w+:: (\w+\.)*{name}\b", api, flags=re.MULTILINE), name


def test_readme_names_every_key() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE))
    assert listed == {*SYMMETRY_KEYS, *OPTION_KEYS}


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


OF_THE_OTHER_GENERATION = {"adapter": ("modelbridge", "model_constructors"), "modelbridge": ("adapter",)}[
    backend.GENERATION
]


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
