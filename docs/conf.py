"""Settings of the documentation; `nox -s docs` builds it.

Links are written as they lead somewhere in the repository, includes too; `link_pages` leads them to the site's pages.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

HERE = Path(__file__).parent
FIGURES = HERE / "_build" / "figures"
FIGURES.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(HERE))  # for run_scripts.py

project = html_title = "ax_symmetry"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "figures", "sg_execution_times.rst", "*/sg_execution_times.rst"]
nitpicky = True
# Names of others: only a network would know their pages.
nitpick_ignore = [("py:class", "Interval"), ("py:class", "SearchSpace")]  # as GPyTorch and Ax name them
nitpick_ignore_regex = [("py:.*", r"(ax|botorch|collections|gpytorch|plotly|ray|torch)\..*")]
html_theme, html_copy_source, html_show_sphinx, html_show_copyright = "furo", False, False, False
html_use_index = False
html_static_path, html_css_files = ["_static", "_build/figures"], ["site.css"]
html_math_renderer = "mathml"
myst_enable_extensions, myst_heading_anchors = ["dollarmath"], 3

# Docstrings: names in backticks are code, |G| is the order of a group, and types stand with the arguments.
default_role = "code"
rst_prolog = ".. |G| replace:: \\|G\\|"
napoleon_use_ivar = True
autodoc_typehints, autodoc_typehints_format = "description", "short"
autodoc_typehints_description_target = "documented"
smartquotes = False
maximum_signature_line_length = 60

sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "figures"],
    "gallery_dirs": ["examples", "pictures"],
    "filename_pattern": "",
    "ignore_pattern": r"(comparison|mixtures)\.py",  # no examples, but what several share
    "copyfile_regex": r"index\.rst",
    "reset_argv": "run_scripts.arguments",
    "reset_modules": ("run_scripts.reset",),
    "reset_modules_order": "both",
    "image_scrapers": ("run_scripts.frames",),
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
}

# What is linked in the repository, and the page that holds it.
PAGES = {
    "README.md": "docs/index.md",
    "CHANGELOG.md": "docs/changes.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "benchmarks/README.md": "docs/benchmarks.md",
}


def link_pages(app: Any, page: Any, *parts: Any) -> None:
    """Lead links to files of the repository to the pages that hold them."""
    folder = posixpath.dirname(posixpath.normpath(f"docs/{page}"))

    def lead(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        target = re.sub(r"^(examples/\w+)\.py$", r"docs/\1.rst", PAGES.get(target, target))
        return f"](/{posixpath.relpath(target, 'docs')}"

    parts[-1][0] = re.sub(r"\]\((?!\w+:)([\w./-]+\.(?:md|py))", lead, parts[-1][0])


def mathml(self: Any, node: nodes.Element) -> None:
    """Write a formula as browsers read it: no script, no network."""
    self.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Any) -> None:
    app.connect("source-read", link_pages)
    app.connect("include-read", link_pages)
    app.add_html_math_renderer("mathml", (mathml, None), (mathml, None))
