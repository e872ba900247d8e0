"""Schemas of the study `vesuvius`."""
