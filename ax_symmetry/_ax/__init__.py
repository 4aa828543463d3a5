"""The only room that knows the generation of Ax, chosen by a feature and not by a version.

Both backends define the same names. A third generation of Ax costs one more backend and one more line here.
"""

from importlib.util import find_spec

if find_spec("ax.adapter") is not None:
    from ax_symmetry._ax.adapter import (
        GENERATION,
        RowTransform,
        choose_generation_strategy,
        default_transforms,
        generator_keywords,
        get_botorch,
        linear_constraint,
        register,
        surrogate_spec,
        use_kernel,
    )
else:
    from ax_symmetry._ax.modelbridge import (
        GENERATION,
        RowTransform,
        choose_generation_strategy,
        default_transforms,
        generator_keywords,
        get_botorch,
        linear_constraint,
        register,
        surrogate_spec,
        use_kernel,
    )

__all__ = [
    "GENERATION",
    "RowTransform",
    "choose_generation_strategy",
    "default_transforms",
    "generator_keywords",
    "get_botorch",
    "linear_constraint",
    "register",
    "surrogate_spec",
    "use_kernel",
]
