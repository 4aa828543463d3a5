"""Models and generation strategies of Ax that know a symmetry."""
