"""`kedro verify PATH`: is a journal what was written?"""

import sys
from pathlib import Path

import click

from app.console import errors_on_one_screen
from app.errors import ConfigError


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--head",
    "heads",
    nargs=2,
    multiple=True,
    metavar="EVENTS ROOT",
    help="A head kept elsewhere (a manifest, an MLflow tag); may be given several times.",
)
def verify(path: Path, heads: tuple[tuple[str, str], ...]) -> None:
    """Check a journal, or every journal (*.jsonl with a .head file) under a folder.

    Names each event that was flipped, deleted, inserted, moved, cut off or rewritten, and exits
    with 3 when there is one.
    """
    with errors_on_one_screen():
        if not _report(_journals(path), heads):
            sys.exit(3)


def _journals(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [head.with_suffix("") for head in sorted(path.rglob("*.jsonl.head"))]
    if not found:
        raise ConfigError(f"{path}: no journal there (a .jsonl file with a .head file beside it)")
    return found


def _report(journals: list[Path], heads: tuple[tuple[str, str], ...]) -> bool:
    """Prints what is found; whether every journal is whole."""
    from app.durable.journal import read_events, verify
    from app.durable.sealed import Head

    try:
        kept = [Head(int(events), root) for events, root in heads]
    except ValueError as error:
        raise ConfigError(f"--head takes a number of events and a root: {error}") from error
    whole = True
    for journal in journals:
        problems = verify(journal, kept)
        if not problems:
            click.echo(f"{journal}: whole, {sum(1 for _ in read_events(journal))} events")
        for problem in problems:
            click.echo(f"{journal}: {problem.kind}: {problem.text}")
        whole = whole and not problems
    return whole
