"""
Regret of every way to use a symmetry
=====================================

How far the best experiment so far is from the optimum, after each evaluation: medians over the seeds, down to a
hundredth of the standard error of a measurement. Dashed: Ax alone. Thick: what this package does without further
options; where the symmetry holds only roughly or not at all, with ``"asymmetry": "learn"``. Dotted: what other projects
do. A click on a name takes its lines away, a double click all others.

The problems, the settings and what is to be learnt from it: :doc:`the level benchmark </benchmarks>`.
"""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

from level import METHODS  # noqa: E402
from regrets import draw, read  # noqa: E402

found = read(BENCHMARKS / "results" / "level-1.3.1.csv", [*METHODS])
draw(found, [*METHODS], Path("regret.html"))
