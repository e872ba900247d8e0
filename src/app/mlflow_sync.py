"""`kedro mlflow-sync`: MLflow made equal to the ledgers of sweeps."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from app.console import errors_on_one_screen
from app.errors import InputError, TrackingError
from app.tracking.sweep_ledger import LEDGER, SweepLedger

PROJECT = Path(__file__).resolve().parents[2]
SWEEPS = PROJECT / "data" / "superior"


@click.command("mlflow-sync")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def mlflow_sync(paths: tuple[Path, ...]) -> None:
    """Rebuild or repair what MLflow has of sweeps, from their ledgers.

    PATHS are folders of sweeps; by default all under data/superior/ but those that were run with
    tracking=off. Nothing that is already right is written again.
    """
    with errors_on_one_screen():
        for path in paths:
            if not (path / LEDGER).is_file():
                raise InputError(f"{path} is no sweep's folder: it has no {LEDGER}")
        folders = [path.absolute() for path in paths] or _tracked_sweeps()
        failed = [told for told in _synced(folders) if told is not None]
        if failed:
            raise TrackingError(
                "MLflow does not have all of it: " + "; ".join(failed) + "; once that is mended, "
                "`kedro mlflow-sync` goes on"
            )


def _tracked_sweeps() -> list[Path]:
    """Folders under data/superior/; says which are left out, and why."""
    found = []
    for ledger in sorted(SWEEPS.glob(f"*/{LEDGER}")):
        try:
            is_tracked = SweepLedger(ledger.parent).tracking().enabled
        except InputError as error:
            click.echo(f"{ledger.parent.name}: left out: {error}")
            continue
        if is_tracked:
            found.append(ledger.parent)
        else:
            click.echo(f"{ledger.parent.name}: left out: tracking=off (name its folder to add it)")
    if not found:
        click.echo(f"no sweeps to record under {SWEEPS}")
    return found


def _synced(folders: Sequence[Path]) -> Iterator[str | None]:
    """Syncs sweep after sweep; tells what is wrong with one, or None.

    MLflow is imported by a process of its own, without the parts that this does not need.
    """
    if not folders:
        return
    paths = [str(PROJECT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    arguments = [str(PROJECT), *map(str, folders)]
    writer = subprocess.Popen(
        [sys.executable, "-m", "app.tracking.sweep_writer", "sync", *arguments],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert writer.stdout is not None
    try:
        for folder in folders:
            line = writer.stdout.readline()
            if not line:
                yield f"{folder.name}: the writer ended early (exit {writer.wait()})"
                return
            yield _told(folder, json.loads(line))
    finally:
        writer.kill()  # it has ended, but for an interrupt; what it was at is mended by the next
        writer.wait()


def _told(folder: Path, told: dict[str, Any]) -> str | None:
    """Prints what became of one sweep; tells what is wrong, or None."""
    if "error" in told:
        return f"{folder.name}: {told['error']}"
    if "at_work" in told:
        click.echo(f"{folder.name}: at work; its own writer records it")
        return None
    counts = [f"{told[key]} {key}" for key in ("added", "replaced", "removed") if told[key]]
    counts += [f"{told['right']} already right"] if told["right"] or not counts else []
    parent = f"the sweep {told['status']}" + ("" if told["parent"] else " as before")
    click.echo(f"{folder.name}: runs: {', '.join(counts)}; {parent}; {told['page']}")
    for missing in told["missing"]:
        click.echo(f"  run {missing}")
    errors = [f"run {run_id}: {error}" for run_id, error in told["errors"].items()]
    return f"{folder.name}: {', '.join(errors)}" if errors else None
