"""The part of a pipeline that `kedro run --nodes`, `--from-nodes`, `--tags` and the like choose.

What is chosen must exist, and be able to start: some data pass from node to node in memory only,
and a node that reads them runs together with those that make them.
"""

from collections.abc import Mapping
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from app.errors import ConfigError, nearest

_OPTIONS = {  # arguments of a session's `run` -> option of the command line, what it names
    "tags": ("--tags", "tag"),
    "node_names": ("--nodes", "node"),
    "from_nodes": ("--from-nodes", "node"),
    "to_nodes": ("--to-nodes", "node"),
    "from_inputs": ("--from-inputs", "dataset"),
    "to_outputs": ("--to-outputs", "dataset"),
    "namespaces": ("--namespaces", "namespace"),
}


def require_nodes(pipeline: Pipeline, filters: Mapping[str, Any]) -> None:
    """Checks that `filters` name parts of `pipeline`, and leave some of it.

    Raises:
        ConfigError: names the option and the nearest names, or the options that leave no node.
    """
    known = {
        "tag": {tag for node in pipeline.nodes for tag in node.tags},
        "node": {node.name for node in pipeline.nodes},
        "dataset": pipeline.datasets(),
        "namespace": {node.namespace for node in pipeline.nodes if node.namespace},
    }
    chosen = {name: filters[name] for name in _OPTIONS if filters.get(name)}
    for name, values in chosen.items():
        option, kind = _OPTIONS[name]
        for value in values:
            if value not in known[kind]:
                raise ConfigError(
                    f"{option}={value}: no such {kind} in this pipeline"
                    f"{nearest(value, known[kind])}"
                )
    if "namespaces" in chosen:
        chosen["node_namespaces"] = chosen.pop("namespaces")
    try:
        pipeline.filter(**chosen)
    except ValueError as error:  # the only reason left
        options = " ".join(f"{_OPTIONS[name][0]}={','.join(filters[name])}" for name in chosen)
        raise ConfigError(f"{options}: no node of this pipeline is all of it") from error


class StartsFromFiles:
    """Refuses a part that would read what only other nodes hold in memory."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Raises ConfigError with the nodes to add."""
        absent = _in_memory(pipeline, catalog)
        if not absent:
            return
        study, startable = catalog.load("parameters")["study"], pipeline
        while needed := _in_memory(startable, catalog):
            startable += pipelines[study].only_nodes_with_outputs(*needed)
        names = [node.name for node in (startable - pipeline).nodes]
        stages = [name for name in pipelines if name.startswith(f"{study}.")]
        raise ConfigError(
            f"these data are never in files: {', '.join(sorted(absent))}\n"
            f"  run with them the nodes that make them: {', '.join(names)}\n"
            f"  or run whole stages: --pipeline={', '.join(stages)}"
        )


def _in_memory(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    """The inputs that no node of `pipeline` makes and no file holds."""
    return {
        name
        for name in pipeline.inputs()
        if name != "parameters"
        and not name.startswith("params:")
        and (name not in catalog or isinstance(catalog.get(name), MemoryDataset))
    }
