"""Figures, as commands that print tables; never part of the test suite's verdict."""
