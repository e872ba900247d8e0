"""The Kedro door: `kedro run` with this project's config, and the project's own commands."""

import atexit
import gc
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.utils import load_obj

from app.config.compose import compose
from app.config.overrides import overrides_from
from app.console import errors_on_one_screen
from app.errors import ConfigError, nearest
from app.estimate import estimate
from app.example_config import example_config
from app.mlflow_sync import mlflow_sync
from app.pipelines.ideo.skeleton_cli import ideology_skeleton
from app.quota import plan_quota
from app.run import CONF, Selection, run
from app.running import status, watch
from app.sweeps import sweeps
from app.verify import verify

atexit.register(gc.freeze)  # the interpreter's last look for garbage took half a second and more


@click.group(context_settings=CONTEXT_SETTINGS, name="superior")
def cli() -> None:
    """Superior's own commands."""


def _overrides(_: click.Context, __: click.Parameter, value: Any) -> list[str]:
    """`a.b=1,balance=oversample,models=[x,y]` as Hydra overrides; commas in brackets or quotes
    do not separate."""
    if isinstance(value, dict):
        return overrides_from(value)
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    parts, start, depth, quote = [], 0, 0, ""
    for at, char in enumerate(value):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "[{(":
            depth += 1
        elif char in "]})":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(value[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, value[start:]] if part.strip()]


def _runner(name: str) -> Any:
    """The class of a runner; ConfigError where there is none, or one that cannot run this."""
    if name == "ParallelRunner":
        raise ConfigError(
            "--runner=ParallelRunner: nodes hand each other data in memory, which processes do "
            "not share; use SequentialRunner or ThreadRunner (hardware.workers reads in parallel)"
        )
    try:
        return load_obj(name, "kedro.runner")
    except (AttributeError, ImportError, ValueError) as error:
        known = ["SequentialRunner", "ThreadRunner"]
        raise ConfigError(f"--runner={name}: no such runner{nearest(name, known)}") from error


def _run(**options: Any) -> None:
    """Run a pipeline: the same run as `python -m app`, with Kedro's selections."""
    with errors_on_one_screen():
        overrides = list(options["params"])
        names = [options["pipeline"]] if options["pipeline"] else list(options["pipelines"])
        if names:
            overrides.append(f"pipeline='{','.join(names)}'")
        runner = _runner(options["runner"] or "SequentialRunner")
        run(
            compose(overrides, CONF),
            Selection(
                env=options["env"],
                filters={
                    "runner": runner(**options["runner_params"]),
                    "tags": tuple(options["tags"]),
                    "node_names": tuple(options["node_names"]),
                    "from_nodes": options["from_nodes"],
                    "to_nodes": options["to_nodes"],
                    "from_inputs": options["from_inputs"],
                    "to_outputs": options["to_outputs"],
                    "namespaces": options["namespaces"],
                    "only_missing_outputs": options["only_missing_outputs"],
                },
            ),
        )


# Kedro's own options, but for those that have no meaning here: the config has one source, files
# have no Kedro versions, and nodes are saved in order.
_NOT_HERE = {"conf_source", "load_versions", "is_async"}
_PARAMS = click.Option(
    ["--params"],
    default="",
    type=click.UNPROCESSED,  # a mapping, from --config
    callback=_overrides,
    help="Config as Hydra overrides: --params balance=oversample,split.train_prop=0.7",
)
cli.add_command(
    click.Command(
        "run",
        callback=_run,
        help=_run.__doc__,
        params=[
            _PARAMS if option.name == "params" else option
            for option in kedro_run.params
            if option.name not in _NOT_HERE
        ],
    )
)
cli.add_command(example_config)
estimate.params.append(_PARAMS)
cli.add_command(estimate)
cli.add_command(ideology_skeleton)
cli.add_command(mlflow_sync)
cli.add_command(plan_quota)
cli.add_command(status)
cli.add_command(sweeps)
cli.add_command(verify)
cli.add_command(watch)
