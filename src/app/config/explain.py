"""A failed validation, said so that it can be mended: the key, where it was set, what is valid."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.config.base import NAME
from app.config.schema import inner, member
from app.config.settings import classic_keys, origin, set_in_file
from app.errors import nearest

_PREFIX = re.compile(r"^[+~]*")
_NAMED_KEY = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): ")  # checks between groups name their key


def explain(
    error: ValidationError,
    schema: type[BaseModel],
    values: Mapping[str, Any],
    overrides: Sequence[str],
    chosen: Mapping[str, str],
    conf: Path,
) -> str:
    """One paragraph an error: `key: what is wrong; did you mean ...?` and where it was set."""
    paragraphs = []
    for detail in error.errors(include_url=False):
        key = _key(detail, values)
        if not key and (named := _NAMED_KEY.match(str(detail.get("ctx", {}).get("error", "")))):
            place_of = named[1].split(".")
        else:
            place_of = key
        place = _override_of(place_of, overrides) or _line_of(place_of, chosen, conf)
        paragraphs.append(
            _sentence(detail, key, schema, values) + (f"\n  {place}" if place else "")
        )
    return "\n".join(dict.fromkeys(paragraphs))


def _key(detail: ErrorDetails, values: Mapping[str, Any]) -> list[str]:
    """The path of the faulty key in the tree; pydantic adds the tags of unions, which are not."""
    path: list[str] = []
    here: Any = values
    *inner, last = detail["loc"] or ("",)
    for part in inner:
        indexed = isinstance(here, list) and isinstance(part, int)
        if not indexed and not (isinstance(here, dict) and part in here):
            continue
        here = here[part]
        path.append(str(part))
    known = isinstance(here, dict) and last in here
    if known or isinstance(here, list) or detail["type"] == "missing":
        path.append(str(last))
    if detail["type"] == "union_tag_invalid":
        path.append(str(detail["ctx"]["discriminator"]).strip("'"))
    return path


def _sentence(
    detail: ErrorDetails, key: list[str], root: type[BaseModel], values: Mapping[str, Any]
) -> str:
    dotted = ".".join(key)
    match detail["type"]:
        case "extra_forbidden" if dotted in ("profile", "experiment"):
            return f"{dotted}: its file must begin with the line `# @package _global_`"
        case "extra_forbidden":
            return f"{dotted}: unknown key{_instead(key, root, values)}"
        case "missing":
            return f"{dotted}: this key is needed and has no value"
        case "union_tag_invalid":
            expected = re.findall(r"'([^']+)'", str(detail["ctx"]["expected_tags"]))
            tag = str(detail["ctx"]["tag"])
            return f"{dotted}={tag}: not a known one{nearest(tag, expected)}"
        case "union_tag_not_found":
            tag = str(detail["ctx"]["discriminator"]).strip("'")
            known = (
                f"; models= does not choose {key[-1]}, add it there" if key[0] == "models" else ""
            )
            return f"{dotted}: has no {tag}{known}"
        case "literal_error":
            expected = re.findall(r"'([^']+)'", str(detail["ctx"]["expected"]))
            given = str(detail["input"])
            return f"{dotted}={given}: not a known value{nearest(given, expected)}"
        case "value_error":
            reason = str(detail["ctx"]["error"])
            names_it = not dotted or reason.startswith(f"{dotted}.")
            return reason if names_it else f"{dotted}: {reason}"
        case "string_pattern_mismatch" if detail["ctx"]["pattern"] == NAME:
            return (
                f"{dotted}={detail['input']!r}: a name has letters of ASCII, digits, `_`, `.` and "
                "`-`, and begins with a letter or a digit"
            )
        case _:
            reason = detail["msg"].replace("Input should", "should")
            return f"{dotted}={detail['input']!r}: {reason}"


def _instead(key: list[str], root: type[BaseModel], values: Mapping[str, Any]) -> str:
    """What the key may have been meant for. Keys of earlier scripts are such, in the files of
    settings that may have them."""
    known, [*above, name] = _fields_beside(key, root, values), key
    if not above and (classic := classic_keys(str(values.get("study")))):
        if set_in_file(name):
            known = [*known, *classic]
        elif name in classic:
            return f"; files of settings may have it (settings=FILE), here it is {classic[name]}"
    return nearest(name, known)


def _override_of(key: list[str], overrides: Sequence[str]) -> str:
    dotted = ".".join(key)
    related = [
        override
        for override in overrides
        if (name := _PREFIX.sub("", override).partition("=")[0])
        and (dotted == name or dotted.startswith(name + ".") or name.startswith(dotted + "."))
    ]
    related.reverse()  # of two of one key the last counts
    nearest_one = max(related, key=lambda item: len(item.partition("=")[0]), default=None)
    return origin(nearest_one) if nearest_one else set_in_file(dotted)


def _line_of(key: list[str], chosen: Mapping[str, str], conf: Path) -> str:
    """The file and line under `conf` that sets the key, the last word first."""
    if not key:
        return ""
    for file in _files_for(key[0], chosen, conf):
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8")
        root = [] if "@package _global_" in text else list(file.relative_to(conf).parts[:-1])
        if key[: len(root)] != root:
            continue
        line = _line_in(text, key[len(root) :])
        if line is not None:
            return f"set in conf/{file.relative_to(conf).as_posix()}, line {line}"
    return ""


def _files_for(group: str, chosen: Mapping[str, str], conf: Path) -> Iterator[Path]:
    names = {name: re.findall(r"[^\[\], ]+", choice) for name, choice in chosen.items()}
    yield from (conf / "profile" / f"{name}.yaml" for name in names.get("profile", []))
    yield conf / "config.yaml"
    yield from (conf / group / f"{name}.yaml" for name in names.get(group, []))
    yield from sorted((conf / group).glob("*.yaml"))  # files that a chosen file names


def _line_in(text: str, key: Sequence[str]) -> int | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    line: int | None = None
    for part in key:
        if not isinstance(node, yaml.MappingNode):
            return line
        for name, value in node.value:
            if name.value == part:
                node, line = value, name.start_mark.line + 1
                break
        else:
            return None
    return line


def _fields_beside(key: list[str], root: type[BaseModel], values: Mapping[str, Any]) -> list[str]:
    """The keys the schema knows where `key` stands."""
    schema: Any = root
    here: Any = values
    for part in key[:-1]:
        schema = inner(member(schema, here), part)
        here = here.get(part) if isinstance(here, dict) else None
    schema = member(schema, here)
    is_model = isinstance(schema, type) and issubclass(schema, BaseModel)
    return list(schema.model_fields) if is_model else []
