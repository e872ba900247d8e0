"""Observations that models of the expansion are compared with."""
