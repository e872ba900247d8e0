"""Schemas of the study `ideo`."""
