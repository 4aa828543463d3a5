"""What a user declares: `Symmetry`, and the parts that it is made of."""

from ax_symmetry.symmetry.declaration import Blocks, Mirror, Simplex
from ax_symmetry.symmetry.symmetry import Symmetry

__all__ = ["Blocks", "Mirror", "Simplex", "Symmetry"]
