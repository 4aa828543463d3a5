"""What a user declares: `Symmetry`, and the parts that it is made of."""

from ax_symmetry.symmetry.blocks import Blocks
from ax_symmetry.symmetry.mirror import Mirror
from ax_symmetry.symmetry.simplex import Simplex
from ax_symmetry.symmetry.symmetry import Symmetry

__all__ = ["Blocks", "Mirror", "Simplex", "Symmetry"]
