"""Kedro's config loader over the Hydra tree: parameters are the whole tree, and the catalog reads
its values as `${runtime_params:...}`."""

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from app.config.compose import Tree, compose, overrides_from


class HydraConfigLoader(OmegaConfigLoader):
    """Takes a composed tree as it is; composes one from anything else it is given, so that
    `kedro viz`, `kedro ipython` and `kedro catalog` see what `kedro run` would."""

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(runtime_params, Tree):
            runtime_params = compose(overrides_from(runtime_params or {}), Path(conf_source)).tree
        tree = dict(runtime_params)  # OmegaConf takes no subclass of dict
        super().__init__(conf_source, env=env, runtime_params=tree, **options)
        self["parameters"] = tree
