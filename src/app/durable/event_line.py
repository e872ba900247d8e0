"""An event as one line of JSON: by orjson where it says the same as the standard module."""

import json
from typing import Any

import orjson

OPTIONS = (
    orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_SERIALIZE_NUMPY
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def encoded(event: dict[str, Any]) -> bytes:
    """The line, newline included. Raises TypeError for what is no JSON value, nor NumPy's."""
    try:
        line = orjson.dumps(event, None, OPTIONS)
    except TypeError:  # an integer of more than 64 bits, a key that is a number: JSON can
        return _standard(event)
    return line if line.find(b"null") < 0 else _standard(event)  # nan and infinities are not null


def is_json(line: bytes) -> bool:
    """Reading is the standard module's (orjson rounds long integers); this only looks."""
    try:
        orjson.loads(line)
    except ValueError:  # nan and infinities are JSON to the standard module
        try:
            json.loads(line)
        except ValueError:
            return False
    return True


def _standard(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=_of_numpy)
    return text.encode() + b"\n"


def _of_numpy(value: Any) -> Any:
    if not hasattr(value, "tolist"):
        raise TypeError(f"{type(value).__name__} is no JSON value")
    return value.tolist()
