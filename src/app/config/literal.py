"""Values in the grammar of Hydra's overrides, which reads them back as what they were."""

import re
from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*|0|[1-9][0-9]*")  # as a part of a dotted key
_INNER_KEY = re.compile(r"[A-Za-z0-9_/\\+.$%*@?| ()\[\]{}:=,-]+")  # as a key of a value
_NOT_TEXT = re.compile(r"true|false|null|[+-]?(inf|nan|[0-9_.]+(e[+-]?[0-9_]+)?)", re.IGNORECASE)


def literal(value: Any) -> str:
    """`value`, of what YAML and JSON have, as the right side of an override.

    Raises:
        ValueError: it is of another kind, or has keys that the grammar cannot hold.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return QuotedString(value, Quote.single).with_quotes()
    if isinstance(value, list):
        return "[" + ",".join(map(literal, value)) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{_inner_key(key)}:{literal(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    raise ValueError(f"{value!r} is no text, number, truth value, list or mapping")


def _inner_key(key: Any) -> str:
    """Without quotes, which the grammar does not have there: so a text like a number is none."""
    is_text = isinstance(key, str) and _INNER_KEY.fullmatch(key) and not _NOT_TEXT.fullmatch(key)
    if not is_text or key != key.strip():
        raise ValueError(
            f"the key {key!r} cannot stand here: its letters are those of ASCII, and it is no "
            "number; set it in a file of conf/"
        )
    return re.sub(r"[\\()\[\]{}:=, ]", r"\\\g<0>", key)
