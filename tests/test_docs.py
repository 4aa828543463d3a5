"""What README, guide and docstrings show runs as written.

One-line bugs that turn this file red: rename a keyword that the README uses; break the order of the canonical
candidate; let a docstring's example give something else; name an option in the README that the transforms do not know,
or forget one; name another test command in .ci/run.
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import ax_symmetry
import pytest
from ax_symmetry._ax import GENERATION
from ax_symmetry.declaration import OPTION_KEYS, SYMMETRY_KEYS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_readme_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 4
    assert len(blocks[0].splitlines()) <= 25
    for block in blocks:
        if GENERATION == "modelbridge":
            block = block.replace("from ax.adapter.registry", "from ax.modelbridge.registry")
        exec(block, names)  # noqa: S102  the README is ours
    trial = names["parameters"]
    assert trial["mu_1"] <= trial["mu_2"] <= trial["mu_3"]
    candidate = names["candidate"]
    assert candidate["mu_1"] <= candidate["mu_2"] <= candidate["mu_3"]
    printed = capsys.readouterr().out
    assert str(candidate) in printed and "by 8 observations of density" in printed
    assert [n for n in names["model"].transforms if n in ("Canonicalize", "SymmetrizeObservations")] == [
        "Canonicalize",
        "SymmetrizeObservations",
    ]


def test_readme_names_every_key() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE))
    assert listed == {*SYMMETRY_KEYS, *OPTION_KEYS}


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")):
        for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", page.read_text()):
            linked = page.parent / target if target else page
            assert linked.exists(), f"{page.name} links to {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", linked.read_text(), flags=re.MULTILINE)
                assert anchor in [re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in headings]


def test_ci_runs_the_command_of_the_readme() -> None:
    commands = re.findall(r"^    (python3 -m venv .*nox -s tests)$", README, flags=re.MULTILINE)
    assert len(commands) == 1 and commands[0] in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    "name",
    [
        m.name
        for m in pkgutil.walk_packages(ax_symmetry.__path__, "ax_symmetry.")
        if not m.name.startswith("ax_symmetry._ax.") or m.name.endswith((GENERATION, "rows"))
    ],
)
def test_docstring_examples(name: str) -> None:
    if name.endswith(".ray"):
        pytest.importorskip("ray", reason="an extra")
        pytest.importorskip("ax.api.client", reason="Ax 1.0 and later")
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
