"""Hydra's sweeper for searches with Optuna: `hydra/sweeper=optuna`."""
