"""Kedro's settings: Hydra composes the config, hooks tell and record what runs."""

from app.config.loader import HydraConfigLoader
from app.datasets.catalog import SharingCatalog
from app.node_lines import NodeLines
from app.node_status import NodeStatus
from app.selection import StartsFromFiles
from app.tracking.hooks import TrackingHooks

DATA_CATALOG_CLASS = SharingCatalog
CONFIG_LOADER_CLASS = HydraConfigLoader
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
HOOKS = (StartsFromFiles(), NodeLines(), NodeStatus(), TrackingHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-viz")  # nothing of theirs is needed in a run
