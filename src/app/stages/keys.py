"""What a node's outputs are made from, as one hash: code, packages, params and inputs.

An input that a keyed node made is known by that node's key; any other by its content. What has
neither (a table of an earlier run) leaves the node without a key: it is run, and nothing is kept.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from kedro.io import MemoryDataset
from pydantic import BaseModel

from app.stages.code import CODE, environment

FORM = 1  # of entries; a change of what is stored, or how, counts it up
_PLACES = ("filepath", "folder")  # where a dataset writes is no part of what it writes


@runtime_checkable
class HasFingerprint(Protocol):
    """Data that is read from files a run does not write."""

    def fingerprint(self) -> str:
        """Changes whenever what is read from it could."""


def node_key(node: str, inputs: Mapping[str, str], outputs: Mapping[str, Any]) -> str | None:
    """The key of a node's results: `inputs` are name -> key, `outputs` name -> definition."""
    return content_key(
        {
            "form": FORM,
            "code": CODE,
            "environment": environment(),
            "node": node,
            "inputs": dict(inputs),
            "outputs": dict(outputs),
        }
    )


def content_key(value: Any) -> str | None:
    """The hash of a value of JSON's types, models, or data with a fingerprint; None for others."""
    try:
        return digest(_plain(value))
    except (TypeError, ValueError):
        return None


def definition(dataset: Any) -> dict[str, Any]:
    """What a dataset's definition says of the bytes it writes: its type and arguments."""
    if isinstance(dataset, MemoryDataset):
        return {}  # values are handed on as they are
    said: dict[str, Any] = _placeless(dataset._init_config())  # Kedro's only account of it
    return said


def digest(value: Any) -> str:
    """Of a JSON value; TypeError or ValueError for what JSON cannot say."""
    content = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _placeless(said: Any) -> Any:
    """At any depth: of a class that inherits its constructor, Kedro tells `kwargs`."""
    if not isinstance(said, dict):
        return said
    return {key: _placeless(value) for key, value in said.items() if key not in _PLACES}


def _plain(value: Any) -> Any:
    match value:
        case dict():
            # pairs, in their order: 1 and "1" differ, and a node may go by the order
            return ["dict", [[_plain(key), _plain(item)] for key, item in value.items()]]
        case list() | tuple():
            return [type(value).__name__, [_plain(item) for item in value]]
        case str() | int() | float() | None:
            return value
        case BaseModel():
            return [type(value).__name__, _plain(value.model_dump(mode="json"))]
        case HasFingerprint():
            return ["fingerprint", value.fingerprint()]
    raise TypeError(f"a {type(value).__name__} has no content key")
