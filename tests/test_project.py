"""The rules that the project keeps about itself: which package may import which, two equal backends, a light import.

One-line bugs that turn it red: ``import torch`` in ``groups/actions.py``; ``from ax_symmetry.symmetry import Symmetry``
in ``_ax/fitting.py``; ``from .transforms import Canonicalize`` (not lazily) in
``__init__.py``; one argument renamed in ``_ax/adapter.py`` but not in ``_ax/modelbridge.py``.
"""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ax_symmetry"
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

# Lowest first: packages and single modules. Each imports from those below it and from its own package; within a package
# imports go in no circle.
LEVELS = (
    "errors",
    "_ax",
    "options",
    "groups",
    "symmetry",
    "space",
    "kernels",
    "search",
    "models",
    "transforms",
    "generation",
    "diagnostics",
    "plotting",
    "analyses",
    "integrations",
    "__main__",
    "__init__",
)
PURE = {"errors", "options", "groups", "symmetry"}
# Symmetry.validate opens a door upwards when it is called, since users look for it there.
DOORS = {("symmetry", "space")}
BACKENDS = ("_ax/modelbridge.py", "_ax/adapter.py")
# Where the two generations of Ax differ by design: the constructor, the hooks for training data, the adapter's name.
GENERATION_METHODS = {
    "__init__",
    "transform_observations",
    "transform_experiment_data",
    "transform_optimization_config",
}


def sources() -> list[str]:
    """Return the package's modules as paths inside it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def parse(name: str) -> ast.Module:
    """Return the syntax tree of one module of the package."""
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"), filename=name)


def layer(name: str) -> str:
    """Return the layer of a module, given as path (``_ax/adapter.py``) or dotted (``_ax.adapter``)."""
    return re.split(r"[/.]", name)[0]


def imports(name: str) -> set[str]:
    """Return the absolute dotted names that a module imports, at its top or inside a function."""
    package = ["ax_symmetry", *name.split("/")[:-1]]
    found = set()
    tree = parse(name)
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # for the type checker alone
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *(node.module.split(".") if node.module else [])])
            # `from . import groups` imports a module, `from .groups import Group` a name of one.
            found.update(f"{stem}.{alias.name}" for alias in node.names)
    return found


def imports_of(name: str, package: str) -> set[str]:
    """Return the imports of a module that belong to one package, without confusing ``ax`` and ``ax_symmetry``."""
    return {target for target in imports(name) if layer(target) == package}


def arguments(function: ast.FunctionDef) -> dict[str, object]:
    """Return the arguments of a function, with their kinds and defaults, but without annotations."""
    args = function.args
    return {
        "positional only": [arg.arg for arg in args.posonlyargs],
        "positional": [arg.arg for arg in args.args],
        "keyword only": [arg.arg for arg in args.kwonlyargs],
        "rest": [arg.arg for arg in (args.vararg, args.kwarg) if arg],
        "defaults": [ast.unparse(default) for default in args.defaults],
        "keyword defaults": [ast.unparse(default) if default else None for default in args.kw_defaults],
    }


def public(name: str) -> dict[str, ast.AST]:
    """Return the public names that a module defines itself: functions, classes and constants."""
    found: dict[str, ast.AST] = {}
    for node in parse(name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node for target in targets if isinstance(target, ast.Name)})
    return {key: node for key, node in found.items() if not key.startswith("_")}


def methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """Return the methods that a class defines itself."""
    return {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}


def test_every_module_has_a_level() -> None:
    """No module escapes the rules below, and no level is left without one."""
    assert {layer(name.removesuffix(".py")) for name in sources()} == set(LEVELS)
    assert (PACKAGE / "py.typed").is_file() and all((PACKAGE / name).is_file() for name in BACKENDS)


@pytest.mark.parametrize("name", sources())
def test_imports_flow_one_way(name: str) -> None:
    """A module imports from the levels below its own and from its own package; a backend does not import the other."""
    own = layer(name.removesuffix(".py"))
    for target in imports_of(name, "ax_symmetry"):
        rest = target.split(".")[1:]
        below = rest[0] if rest and rest[0] in LEVELS else "__init__"
        lower = LEVELS.index(below) < LEVELS.index(own) or (own, below) in DOORS
        chooser = name == "_ax/__init__.py"
        if own == below:
            lower = chooser or name.endswith("/__init__.py") or f"_ax/{rest[1]}.py" not in BACKENDS
        assert lower, f"{name} imports {target}, which is not below {own}"


def test_no_circle() -> None:
    """Within a package, too, imports go one way."""
    graph = {}
    for name in sources():
        inside = {target.removeprefix("ax_symmetry.").replace(".", "/") for target in imports_of(name, "ax_symmetry")}
        found = {f"{stem}.py" for target in inside for stem in (target, target.rpartition("/")[0])} & set(sources())
        graph[name] = {other for other in found - {name} if (layer(name), layer(other)) not in DOORS}
    order = TopologicalSorter({name: below for name, below in graph.items() if not name.endswith("__init__.py")})
    assert list(order.static_order())


@pytest.mark.parametrize("name", sources())
def test_ax_and_torch_stay_in_their_rooms(name: str) -> None:
    """Only _ax imports more of Ax than core and exceptions, alike everywhere; the pure modules import no torch."""
    own = layer(name.removesuffix(".py"))
    ax = imports_of(name, "ax")
    if own not in PURE:
        ax = {target for target in ax if not target.startswith(("ax.core.", "ax.exceptions."))}
    if own != "_ax":
        assert not ax, f"{name} imports {sorted(ax)}"
    if own in PURE:
        heavy = {target for package in ("torch", "gpytorch", "botorch") for target in imports_of(name, package)}
        assert not heavy, f"{name} imports {sorted(heavy)}"


def test_backends_define_the_same() -> None:
    """Both backends define the same public names, with the same arguments; read, not run, so one Ax suffices."""
    old, new = (public(name) for name in BACKENDS)
    assert old and set(old) == set(new), f"only in one backend: {sorted(set(old) ^ set(new))}"
    for name in old:
        assert type(old[name]) is type(new[name]), f"{name} is not of one kind in both backends"
        if isinstance(old[name], ast.FunctionDef):
            assert arguments(old[name]) == arguments(new[name]), name
        elif isinstance(old[name], ast.ClassDef):
            ours, theirs = methods(old[name]), methods(new[name])
            for method in (set(ours) & set(theirs)) - GENERATION_METHODS:
                positional = [arguments(side[method])["positional"] for side in (ours, theirs)]
                assert positional[0] == positional[1], f"{name}.{method}"


def test_import_is_light() -> None:
    """`import ax_symmetry` in a fresh interpreter loads none of the heavy packages."""
    code = "import sys, ax_symmetry; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "ax_symmetry" in loaded
    assert not loaded & {"ax", "torch", "gpytorch", "botorch", "linear_operator", "scipy", "pandas", "plotly"}


@pytest.mark.parametrize("name", sources())
def test_module_is_short_and_never_asserts(name: str) -> None:
    """No module has more than 300 lines, or an `assert`, which `python -O` drops."""
    lines = len((PACKAGE / name).read_text(encoding="utf-8").splitlines())
    assert lines <= 300, f"{name} has {lines} lines"
    asserts = [node.lineno for node in ast.walk(parse(name)) if isinstance(node, ast.Assert)]
    assert not asserts, f"{name} asserts in lines {asserts}"


@pytest.mark.parametrize("name", sources())
def test_module_asks_no_version(name: str) -> None:
    """No module looks at a version: Ax generations are told apart by what they have."""
    words = {"__version__", "version_info"}
    for node in ast.walk(parse(name)):
        values = {getattr(node, field, None) for field in ("id", "attr", "value") if not isinstance(node, ast.Expr)}
        assert not words & {value for value in values if isinstance(value, str)}, f"{name}, line {node.lineno}"
    for target in imports(name):
        asks = re.match(r"(importlib\.metadata|importlib_metadata|packaging|pkg_resources)\b", target)
        assert not asks, f"{name} imports {target}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_test_file_names_its_bug(path: Path) -> None:
    """The docstring of every test file says which one-line bug turns it red."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert re.search(r"\bred\b", docstring), f"say in the docstring of {path.name} which one-line bug turns it red"


def test_changelog_knows_the_version() -> None:
    """The newest heading of the changelog is the version in setup.cfg, or collects unreleased changes."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings and headings[0] in {"Unreleased", config["metadata"]["version"]}


def test_every_lane_is_pinned() -> None:
    """Every lane of the noxfile has its constraints: plain pins, of its own Ax, and the same torch everywhere."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    lanes = next(ast.literal_eval(node.value) for node in tree.body
                 if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LANES")
    assert {f"ax-{lane}.txt" for lane in lanes} == {path.name for path in (ROOT / "constraints").iterdir()}
    for lane in lanes:
        lines = (ROOT / "constraints" / f"ax-{lane}.txt").read_text(encoding="utf-8").splitlines()
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), lane
        assert {f"ax-platform=={lane}", "torch==2.13.0"} <= set(lines), lane
