"""Does the data support a symmetry, and which symmetries does it suggest?"""

from ax_symmetry.diagnostics.check_symmetry import SymmetryReport, check_symmetry
from ax_symmetry.diagnostics.suggest_symmetries import Suggestion, suggest_symmetries

__all__ = ["Suggestion", "SymmetryReport", "check_symmetry", "suggest_symmetries"]
