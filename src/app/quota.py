"""`kedro plan-quota`: long work as a sequence of short runs, each ending within its quota, each
going on from the checkpoint that the one before it published."""

import shlex
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import click

from app.config.durations import seconds_of
from app.console import errors_on_one_screen
from app.errors import ConfigError, InputError

RESUME = "checkpoint.resume_from=models:/{study}@latest"
DEFAULT_RESERVE = 1 / 9  # of a quota: 5 of 45 minutes
MARGIN = 1.25  # of a reserve over what was measured, as the governor has it
PLANNED = ("budget.", "checkpoint.resume_from=")  # what the plan itself decides


@click.command("plan-quota")
@click.option("--total-work", help="All of the work, e.g. 9h.")
@click.option("--quota", required=True, help="Time of one run, e.g. 45m.")
@click.option("--reserve", help="Of each quota, for the phases after training; default: measured.")
@click.argument("run", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
def plan_quota(total_work: str | None, quota: str, reserve: str | None, run: Path | None) -> None:
    """Print the commands that do long work in quotas. With PATH, the folder of a run that was
    begun, for what is left of it, at the cost it had."""
    with errors_on_one_screen():
        profile = _profile(run) if run is not None else {}
        limit = _seconds("--quota", quota)
        kept = _seconds("--reserve", reserve) if reserve else _measured_reserve(profile, limit)
        again = _repeated(profile)
        work = _remaining(profile, _seconds("--total-work", total_work) if total_work else None)
        usable = limit - kept - again
        if usable <= 0.0:
            raise ConfigError(
                f"--quota={quota}: nothing is left to train in, with {_written(kept)} kept for the "
                f"phases after it and {_written(again)} for those before; make the quota longer"
            )
        if work <= 0.0:
            click.echo(f"nothing is left: {run} did all of its work")
            return
        runs = ceil(work / usable)
        click.echo(
            f"# {_written(work)} of work in {runs} runs of {quota}: {_written(usable)} of each for "
            f"it, {_written(kept)} kept for the phases after it"
        )
        for number in range(1, runs + 1):
            click.echo(_command(profile, quota, kept, goes_on=number > 1 or run is not None))


def _profile(folder: Path) -> dict[str, Any]:
    from app.durable.profile import PROFILE, read_profile

    profile = read_profile(folder / PROFILE)
    if profile is None:
        raise InputError(
            f"{folder / PROFILE} is absent, or no profile of a run; give the folder of a run that "
            "ended, or --total-work alone"
        )
    return profile


def _remaining(profile: Mapping[str, Any], total_s: float | None) -> float:
    """Seconds of work left: of each phase that is under way, as much as its rest will take at the
    speed it had; of those that a deadline ended and that have no target, what `total_s` has more.
    """
    phases = profile.get("phases", {})
    left = [float(cost["left_s"]) for cost in phases.values() if "left_s" in cost]
    if left:
        return sum(left)
    if total_s is not None:
        return total_s - sum(float(cost["seconds"]) for cost in phases.values())
    if profile.get("cause") == "complete":
        return 0.0
    raise ConfigError("--total-work: how much work there is, is not known; give it, e.g. 9h")


def _measured_reserve(profile: Mapping[str, Any], quota_s: float) -> float:
    measured = profile.get("reserve_s", {})
    return MARGIN * sum(measured.values()) if measured else DEFAULT_RESERVE * quota_s


def _repeated(profile: Mapping[str, Any]) -> float:
    """Seconds of the phases that every command runs again, besides the reserved ones."""
    phases, reserved = profile.get("phases", {}), profile.get("reserve_s", {})
    if all(cost["reached"] >= 1.0 for cost in phases.values()):
        return 0.0  # which of them is the long one, is not told
    done = (cost for name, cost in phases.items() if name not in reserved and cost["reached"] >= 1)
    return float(sum(cost["seconds"] for cost in done))


def _command(profile: Mapping[str, Any], quota: str, reserve_s: float, *, goes_on: bool) -> str:
    study = profile.get("study", "vesuvius")
    overrides = [f"profile={study}_full"]
    told = profile.get("command", [])
    if told and told[0].endswith("__main__.py"):
        overrides = [item for item in told[1:] if "=" in item and not item.startswith(PLANNED)]
    overrides += [f"budget.total={quota}", f"budget.reserve={_written(reserve_s)}"]
    overrides += [RESUME.format(study=study)] if goes_on else []
    return "python -m app " + " ".join(map(shlex.quote, overrides))


def _seconds(option: str, duration: str) -> float:
    try:
        return seconds_of(duration)
    except ValueError as error:
        raise ConfigError(f"{option}={duration}: {error}") from error


def _written(seconds: float) -> str:
    """As a config has it: `1h30m`, `5m`, `4.2s`."""
    if seconds < 60.0:
        return f"{ceil(10.0 * seconds) / 10.0:g}s"
    minutes, rest = divmod(ceil(seconds), 60)
    parts = [(minutes // 60, "h"), (minutes % 60, "m"), (rest, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number)
