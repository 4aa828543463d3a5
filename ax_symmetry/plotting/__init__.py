"""Figures of what a symmetry does: plotly figures, as Ax's own."""

from ax_symmetry.plotting.figures import plot_best, plot_domain, plot_left_out, plot_orbits

__all__ = ["plot_best", "plot_domain", "plot_left_out", "plot_orbits"]
