"""Schemas of the choices of `janus`."""
