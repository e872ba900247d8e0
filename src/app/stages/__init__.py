"""Unchanged stages once: a Kedro runner that takes nodes' results from the stage cache.

A node tagged `cached` is pure and worth keeping. Its key (`keys`) says what it was made from; its
outputs (`outputs`) are the catalog's files, or values written as Arrow or JSON; `runner` runs the
nodes whose key is new and links the results of the others.
"""
