"""`kedro example-config STUDY`: a file of all its settings, for `settings=FILE`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import click

from app.config.example import MISSING, Entry, Section, sections_of
from app.console import errors_on_one_screen

CONF = Path(__file__).resolve().parents[2] / "conf"
WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # of YAML, as bare words
_HEAD = """\
# All settings of the study {study}: {command}
# Use: python -m app settings=FILE [OVERRIDES...], or kedro run --params settings=FILE,OVERRIDES...
# A line left out keeps its default; overrides on the command line win over the file. Another choice
# has other keys: kedro example-config {study} GROUP=CHOICE shows them.
"""


@click.command("example-config")
@click.option("--json", "as_json", is_flag=True, help="JSON, which has no comments.")
@click.argument("study")
@click.argument("overrides", nargs=-1)
def example_config(as_json: bool, study: str, overrides: tuple[str, ...]) -> None:
    """Print a file of all settings of STUDY, with what they mean and the choices there are, for
    settings=FILE. OVERRIDES are those of a run, e.g. sampler=emcee."""
    with errors_on_one_screen():
        sections = sections_of(study, overrides, CONF)
        if as_json:
            click.echo(json.dumps(_values(sections), indent=2, ensure_ascii=False))
            return
        command = " ".join(["kedro example-config", study, *overrides])
        click.echo(_HEAD.format(study=study, command=command))
        click.echo("\n\n".join("\n".join(_section(section)) for section in sections))


def _values(sections: Sequence[Section]) -> dict[str, Any]:
    return {
        entry.key: entry.value
        for section in sections
        for entry in section.entries
        if entry.is_given and entry.value != MISSING
    }


def _section(section: Section) -> Iterator[str]:
    if section.title:
        name = section.entries[0].key
        told = f"{name}: {section.title}. Choices: {', '.join(section.known)}"
        yield from wrap(told, WIDTH, initial_indent="# ", subsequent_indent="#   ")
    for entry in section.entries:
        yield from _lines(entry)


def _lines(entry: Entry, indent: str = "") -> Iterator[str]:
    """`key: value # comment`; the comment above where it is long, a mapping below its key where
    its own keys have comments."""
    value = MISSING if entry.value == MISSING else _flow(entry.value)
    start = f"{indent}{_scalar(entry.key)}: {value}"
    is_block = bool(entry.value) and (_is_told(entry.children) or _is_long(start, entry))
    if is_block:
        start = f"{indent}{_scalar(entry.key)}:"
    if entry.value == MISSING or not entry.is_given:
        start = f"{indent}# {start.lstrip()}"
    line = f"{start} # {entry.comment}" if entry.comment else start
    if entry.comment and len(line) > WIDTH:
        yield from wrap(
            entry.comment,
            WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# ",
            break_on_hyphens=False,
        )
        line = start
    yield line
    if is_block:
        for child in entry.children:
            yield from _lines(child, indent + "  ")


def _is_told(children: Sequence[Entry]) -> bool:
    return any(child.comment or _is_told(child.children) for child in children)


def _is_long(line: str, entry: Entry) -> bool:
    return bool(entry.children) and len(line) > WIDTH


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value)
    if text in ("inf", "-inf", "nan"):
        return text.replace("inf", ".inf").replace("nan", ".nan")
    return re.sub(r"^(-?\d+)e", r"\1.0e", text)
