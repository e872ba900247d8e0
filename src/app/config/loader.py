"""Kedro's config loader over the Hydra tree: parameters are the whole tree, and the catalog reads
its values as `${runtime_params:...}`. Each study has a catalog: `catalog_<study>.yml`."""

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from app.config.compose import Tree, compose
from app.config.overrides import overrides_from
from app.config.tree import STUDIES


class HydraConfigLoader(OmegaConfigLoader):
    """Takes a composed tree as it is, with the catalog of its study alone; from anything else it
    is given it composes the tree of each study, so that `kedro viz`, `kedro ipython` and
    `kedro catalog` see what `kedro run` would, of all of them."""

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if isinstance(runtime_params, Tree):
            trees = [dict(runtime_params)]  # OmegaConf takes no subclass of dict
        else:
            conf, told = Path(conf_source), overrides_from(runtime_params or {})
            chosen = compose(told, conf).tree
            others = [name for name in STUDIES if name != chosen["study"]]
            trees = [
                *(dict(compose([f"study={name}"], conf).tree) for name in others),
                dict(chosen),
            ]
        *rest, own = trees
        patterns = {"catalog": ["catalog.yml", f"catalog_{own['study']}.yml"]}
        super().__init__(
            conf_source, env=env, runtime_params=own, config_patterns=patterns, **options
        )
        for tree in rest:
            other = HydraConfigLoader(conf_source, env, Tree(tree), **options)
            self["catalog"] = {**other["catalog"], **self["catalog"]}
        self["parameters"] = {key: value for tree in trees for key, value in tree.items()}
