"""Typed config: the schemas of the groups, and the one tree both doors compose."""
