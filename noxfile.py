"""Test lanes and tools. ``nox`` runs the tests on the lanes that matter most, ``nox -l`` lists the rest."""

import shutil
import sys

import nox

nox.needs_version = ">=2024.3.2"
nox.options.sessions = ["tests"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"  # with pip, also on machines that have uv

# One lane per supported Ax, each pinned in full by constraints/ax-<version>.txt.
# The first two are the default: the last Ax with the ModelBridge, and the newest Ax. The newest also runs the tools.
LANES = ("1.0.0", "1.3.1", "0.4.3", "0.5.0", "1.1.2", "1.2.4")
NEWEST = LANES[1]


CPU_TORCH = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch offers builds without CUDA: 0.2 GB for 3 GB of files to load."""


def install(session: nox.Session, *packages: str, ax: str = NEWEST) -> None:
    """Install packages at the versions that the lane pins; Python compiles what it imports, not all of them."""
    if sys.version_info < (3, 11):
        session.error("the lanes pin packages that need Python 3.11 or newer; make .venv with such a Python")
    shutil.rmtree("build", ignore_errors=True)  # setuptools would pack modules that are deleted by now
    constraints = ["-c", f"constraints/ax-{ax}.txt"]
    if sys.platform == "linux" and shutil.which("nvidia-smi") is None:
        # If it cannot be had, what the default index has comes with the rest.
        once = ["--no-deps", "--retries", "0", "--index-url", CPU_TORCH]
        session.install("--no-compile", *constraints, *once, "torch", success_codes=[0, 1])
    session.install("--no-compile", *constraints, *packages)


ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TORCH_COMPILE_DISABLE": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""One thread for each of two workers; no minutes of C++ for one model of Ax that torch would compile; and what is
imported is compiled once, also where the surroundings forbid Python to keep it: each process would do it again."""

PYTEST = ("pytest", "-n", "2", "--dist", "worksteal")


def run_tests(session: nox.Session, ax: str) -> None:
    """Run pytest in one lane; arguments after ``--`` go to pytest."""
    install(session, ".[test,ray,fast]" if ax in LANES[:2] else ".[test]", ax=ax)
    session.run(*PYTEST, *session.posargs, env=ENVIRONMENT)


@nox.session
@nox.parametrize("ax", LANES[:2], ids=LANES[:2])
def tests(session: nox.Session, ax: str) -> None:
    """Run the tests on the two default lanes."""
    run_tests(session, ax)


@nox.session
@nox.parametrize("ax", LANES[2:], ids=LANES[2:])
def lanes(session: nox.Session, ax: str) -> None:
    """Run the tests on all other lanes."""
    run_tests(session, ax)


@nox.session
def removals(session: nox.Session) -> None:
    """Run the tests on the newest lane without what Ax has announced to remove: AxClient, for one."""
    install(session, ".[test,ray,fast]")
    env = {**ENVIRONMENT, "PYTHONPATH": "tests/external"}
    session.run(*PYTEST, "-p", "removals", *session.posargs, env=env)


@nox.session
def next(session: nox.Session) -> None:
    """Run the tests with a newer Ax than the newest lane: ``nox -s next -- VERSION_OR_PATH``."""
    if not session.posargs:
        session.error("say which Ax: a version, or the path of a copy of its repository")
    which, *arguments = session.posargs
    session.install("torch==2.13.0")
    session.install(".[test]", which if "/" in which else f"ax-platform=={which}")
    session.run(*PYTEST, *arguments, env=ENVIRONMENT)


@nox.session
def example(session: nox.Session) -> None:
    """Run an example, by name after ``--`` or else particle packing; the arguments that follow go to it."""
    install(session, ".[examples]")
    named = session.posargs and not session.posargs[0].startswith("-")
    name, *arguments = session.posargs if named else ["particle_packing", *session.posargs]
    session.run("python", f"examples/{name}.py", *arguments)


@nox.session
def benchmark(session: nox.Session) -> None:
    """Run the benchmark of the transforms; arguments after ``--`` go to it."""
    install(session, ".[benchmarks,fast]")
    session.run("python", "benchmarks/transforms.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html, all examples run, and check its links and its width on a phone."""
    install(session, ".[docs,examples,ray]")
    for made in ("_build", "examples", "pictures"):
        shutil.rmtree(f"docs/{made}", ignore_errors=True)
    command = ["-m", "sphinx", "-b", "html", "-n", "-W", "--keep-going", "docs", "docs/_build/html"]
    session.run("python", *command, env={"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""})
    session.run("python", "docs/check_site.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types; ``autopep8 -i -r FILES`` repairs the format."""
    install(session, "flake8", "autopep8", "mypy", "numpy")
    files = ["ax_symmetry", "tests", "benchmarks", "docs", "examples", "noxfile.py"]
    session.run("flake8", *files)
    session.run("autopep8", "--diff", "--exit-code", "--recursive", *files)
    session.run("mypy")
