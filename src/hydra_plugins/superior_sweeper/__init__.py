"""Hydra's sweeper for grids with paired axes: `hydra/sweeper=superior`."""
