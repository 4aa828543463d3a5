"""How the build runs the scripts of `examples/` and `docs/figures/`, and shows what they draw."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from functools import partialmethod
from pathlib import Path
from typing import Any

import ax  # noqa: F401  before the scripts, or its log would go into the page of the first of them
import plotly.graph_objects as go
from tqdm import tqdm

FIGURES = Path(__file__).parent / "_build" / "figures"
# Each script gets those of these options that it knows, so that the build takes minutes: new scripts need no line here.
SMALLER = {"--trials": "12", "--initial": "8", "--repeats": "2", "--file": f"{tempfile.mkdtemp()}/state.json"}
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # or Ray prints the folders of this machine
os.environ["PYTHONPATH"] = str(FIGURES.parents[2] / "examples")  # Ray's workers import from there
drawn: dict[str, str] = {}  # by the name of a figure its frame, until it is shown


def arguments(gallery: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """Start a script as its users do: with options, its docstring, and a file that its worker processes can load."""
    source = Path(script["src_file"]).read_text(encoding="utf-8")
    script["example_globals"].update(__doc__=source.split('"""')[1], __file__=script["src_file"], __spec__=None)
    return [word for option in SMALLER if f'"{option}"' in source for word in (option, SMALLER[option])]


def draw(figure: go.Figure, *given: Any, write: Any = go.Figure.write_html, **options: Any) -> None:
    """Keep a figure for its page, in place of a window or a file; all share one copy of plotly.js."""
    script = Path(sys.argv[0]).stem
    name = f"{script}_{1 + sum(other.startswith(script) for other in drawn)}.html"
    write(figure, FIGURES / name, include_plotlyjs="directory", config={"responsive": True, "displayModeBar": False})
    style = f"height: {20 + (figure.layout.height or 450)}px"  # plotly's pages are 8 px higher than their frames
    traits = f'scrolling="no" style="{style}" src="../_static/{name}" title="{name}"'
    drawn[name] = f'<iframe class="figure" {traits}></iframe>'


def frames(block: object, script: dict[str, Any], gallery: dict[str, Any]) -> str:
    """Put what was drawn into the page."""
    text = "".join(f".. raw:: html\n\n   {frame}\n\n" for frame in drawn.values() if frame)
    drawn.update(dict.fromkeys(drawn, ""))
    return text


def reset(gallery: dict[str, Any], script: str) -> None:
    """Undo what scripts set for their own process: Sphinx needs its log."""
    logging.disable(logging.NOTSET)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


go.Figure.show = go.Figure.write_html = draw
tqdm.__init__ = partialmethod(tqdm.__init__, file=sys.__stderr__)  # progress goes to the terminal
