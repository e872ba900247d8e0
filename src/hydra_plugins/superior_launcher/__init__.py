"""Hydra's door to `app.sweep`: `hydra/launcher=superior`."""
