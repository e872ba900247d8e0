"""What a checkpoint was made under, as plain JSON values, and where two of them differ.

A signature is a nested mapping: config, grid, shapes, hashes of data and model. Two are the same
when every leaf is equal after it went through JSON: the order of keys, a tuple for a list, a numpy
number for Python's, and 1 for 1.0 make no difference; true is not 1.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

SHOWN = 200  # characters of a value in a message
ABSENT = object()


def plain(value: Any, where: str) -> Any:
    """A deep copy in JSON's kinds. Arrays (of a random generator's state) become lists.

    Raises:
        TypeError: names the place of a value JSON cannot hold, or of a key that is no string.
    """
    kind = type(value)
    if value is None or kind in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is no string, as JSON's keys are")
        return {key: plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, where) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist(), where)
    if isinstance(value, str):  # an enumeration's member: its text
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{where}: {kind.__name__} is no JSON value; arrays go into Snapshot.arrays")


def differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A line for each field that differs: its dotted name and both values."""
    return [
        f"{name}: {_shown(before)} in the checkpoint, {_shown(after)} in this run"
        for name, before, after in _pairs("", plain(kept, "signature"), plain(now, "signature"))
        if not _equal(before, after)
    ]


def _pairs(name: str, kept: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """The leaves of two trees side by side; lists are leaves."""
    if not (isinstance(kept, dict) and isinstance(now, dict)) or (name and not (kept and now)):
        yield name, kept, now
        return
    for key in [*kept, *(key for key in now if key not in kept)]:
        below = f"{name}.{key}" if name else key
        yield from _pairs(below, kept.get(key, ABSENT), now.get(key, ABSENT))


def _equal(kept: Any, now: Any) -> bool:
    if isinstance(kept, bool) or isinstance(now, bool):
        return kept is now
    if isinstance(kept, list) and isinstance(now, list):
        return len(kept) == len(now) and all(map(_equal, kept, now))
    if isinstance(kept, dict) and isinstance(now, dict):
        return kept.keys() == now.keys() and all(_equal(kept[key], now[key]) for key in kept)
    return bool(kept == now or (kept != kept and now != now))  # nan is nan


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
