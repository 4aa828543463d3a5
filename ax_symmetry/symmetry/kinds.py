"""The kinds of symmetry that there are. The keys of the dict, reading and writing follow from this table."""

from ax_symmetry.symmetry.absent import Absent
from ax_symmetry.symmetry.blocks import Blocks
from ax_symmetry.symmetry.distinct import Distinct
from ax_symmetry.symmetry.kind import Kind
from ax_symmetry.symmetry.mirror import Mirror
from ax_symmetry.symmetry.period import Period
from ax_symmetry.symmetry.rotate import Rotate
from ax_symmetry.symmetry.scale import Scale
from ax_symmetry.symmetry.shift import Shift
from ax_symmetry.symmetry.simplex import Simplex

KINDS: tuple[type[Kind], ...] = (Blocks, Mirror, Simplex, Period, Scale, Shift, Rotate, Absent, Distinct)
