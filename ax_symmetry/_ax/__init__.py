"""The only package that knows the generation of Ax, chosen by a feature and not by a version. It imports Ax alone.

Both backends define the same names. A third generation of Ax costs one more backend and one more line here.
"""

from importlib.util import find_spec

if find_spec("ax.adapter") is not None:
    from ax_symmetry._ax import adapter as backend
else:
    from ax_symmetry._ax import modelbridge as backend

GENERATION = backend.GENERATION

__all__ = ["GENERATION", "backend"]
