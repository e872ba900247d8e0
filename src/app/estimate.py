"""`kedro estimate`: what a run of the study `janus` will take, before it is started."""

import json
import os
from pathlib import Path
from typing import Any

import click

from app.console import errors_on_one_screen
from app.errors import ConfigError

PROJECT = Path(__file__).resolve().parents[2]
CONF = PROJECT / "conf"
STUDY = "janus"


@click.command("estimate")
@click.argument("overrides", metavar="[OVERRIDES]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(overrides: tuple[str, ...], as_json: bool, params: list[str] | None = None) -> None:
    """Measure, for a moment, what a run of `janus` would do, and print what it will take: time,
    evaluations, memory. OVERRIDES are those of the run: sampler=emcee likelihood=[jla_binned,hz].

    Nothing is started and nothing is written.
    """
    with errors_on_one_screen():
        from app.pipelines.janus.estimates.whole_run import estimate_of
        from app.studies import janus

        config = _config([*overrides, *(params or [])])
        janus.require_inputs(config)
        found = estimate_of(config, janus.written_folder(config), _tell)
        click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


def lines(found: dict[str, Any]) -> list[str]:
    """What `estimate_of` found, as people read it."""
    from app.sweep.words import duration, memory

    told = [f"{found['run']}, sampler={found['sampler']}; nothing was started"]
    for name, one in found["models"].items():
        told += [
            "",
            f"{name} ({', '.join(one['parameters'])})",
            f"  each evaluation  {each(one['per_evaluation_s'])}; {_methods(one['likelihood'])}",
            f"  evaluations      {one['evaluations']:,}",
            f"  sampling         {_span(one['seconds'], one['seconds_most'])}",
            f"  from             {one['how']}",
        ]
        if one["workers"]:
            told.append(f"  workers          {one['workers']['told']}")
    told += [
        "",
        f"report   {duration(found['report_s'])}, from {found['report_from']}",
        f"total    {_span(found['total_s'], found['total_most_s'])}",
        f"memory   {memory(found['memory_bytes'] / 1e9)} at most; "
        f"{_fits(found['fits_memory'], memory(found['memory_room_bytes'] / 1e9))} "
        f"({found['memory_room']})",
    ]
    if found["time_limit"]:
        limit = duration(found["time_limit_s"])
        told.append(f"time     {_fits(found['fits_time'], limit)} ({found['time_limit']})")
    return told


def each(seconds: float) -> str:
    """`1.91 us`, `5.08 ms` or `1.2 s`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _span(seconds: float, most: float) -> str:
    from app.sweep.words import duration

    at_most = f", at most about {duration(most)}" if most > 1.05 * seconds else ""
    return f"{duration(seconds)}{at_most}"


def _fits(does: bool, room: str) -> str:
    return f"fits into {room}" if does else f"DOES NOT FIT into {room}"


def _methods(parts: dict[str, Any]) -> str:
    return "; ".join(" ".join([name, *_method(part)]) for name, part in parts.items())


def _method(part: dict[str, Any]) -> list[str]:
    told = [part["method"]]
    if "nodes" in part:
        told.append(f"on {part['nodes']} nodes")
    if "measured_error" in part:
        told.append(f"(chi2 within {part['measured_error']:.1g})")
    return told


def _config(overrides: list[str]) -> Any:
    """As a run composes it; of the study that this is about, where none is named."""
    from app.config.compose import compose
    from app.config.study import named_study

    os.chdir(PROJECT)  # relative paths are the project's, as in a run
    if named_study(overrides, CONF) is None:
        overrides = [f"pipeline={STUDY}", *overrides]
    config = compose(overrides, CONF).config
    if config.study != STUDY:
        raise ConfigError(
            f"kedro estimate is of the study {STUDY}, not {config.study}; leave out pipeline=, or "
            f"give pipeline={STUDY}"
        )
    return config


def _tell(line: str) -> None:
    click.echo(line, err=True)
