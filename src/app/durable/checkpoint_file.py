"""The bytes of one checkpoint: a line of JSON, the manifest, then the arrays.

    {"format":1, ..., "arrays":{name:[offset, bytes]}, "sha512_payload":H, "sha512_manifest":H}\\n
    the arrays, one after the other, each as NumPy's .npy format (version 1 to 3, never pickled)

`sha512_payload` is of everything after the line; `sha512_manifest` of the line up to it, its brace
put back. The place of that last field, and of `format`, is the same in every format to come.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.errors import ResumeError

FORMAT = 1
LAST_FIELD = re.compile(rb'^(.*),"sha512_manifest":"([0-9a-f]{128})"\}$', re.DOTALL)

Arrays = dict[str, np.ndarray[Any, Any]]


class DamagedError(Exception):
    """The bytes are not what was written; says where."""


def pack(fields: Mapping[str, Any], arrays: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The manifest made of `fields`, and the whole file.

    Raises:
        TypeError: an array holds what .npy cannot keep without pickling.
    """
    payload, index = io.BytesIO(), {}
    for name, array in arrays.items():
        start = payload.tell()
        np.lib.format.write_array(payload, storable(name, array), allow_pickle=False)
        index[name] = [start, payload.tell() - start]
    content = payload.getvalue()
    manifest = {
        "format": FORMAT,
        **fields,
        "arrays": index,
        "sha512_payload": hashlib.sha512(content).hexdigest(),
    }
    body = json.dumps(manifest, separators=(",", ":")).encode()
    manifest["sha512_manifest"] = hashlib.sha512(body).hexdigest()
    last = f',"sha512_manifest":"{manifest["sha512_manifest"]}"}}\n'
    return manifest, b"".join((body[:-1], last.encode(), content))


def storable(name: str, array: Any) -> np.ndarray[Any, Any]:
    """`array` as it is, if its dtype comes back from an .npy file as it went in."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"array {name!r} is masked; give its data and its mask as two arrays")
    whole: np.ndarray[Any, Any] = np.asarray(array)
    kept = np.lib.format.dtype_to_descr(whole.dtype)
    if whole.dtype.hasobject or np.lib.format.descr_to_dtype(kept) != whole.dtype:
        raise TypeError(f"array {name!r} has dtype {whole.dtype}, which .npy cannot keep exactly")
    return whole


def unpack(content: bytes) -> tuple[dict[str, Any], Arrays]:
    """The manifest, and the arrays: own memory, writable, dtype, shape and order as they were.

    Raises:
        DamagedError: torn, truncated or changed.
        ResumeError: whole, but of another format.
    """
    line, newline, payload = content.partition(b"\n")
    parts = LAST_FIELD.match(line)
    if not newline or parts is None:
        raise DamagedError("its manifest is torn" if content else "it is empty")
    body = parts[1] + b"}"
    if hashlib.sha512(body).hexdigest().encode() != parts[2]:
        raise DamagedError("its manifest does not fit its sha512")
    manifest = json.loads(line)
    if manifest.get("format") != FORMAT:
        raise ResumeError(
            f"is of checkpoint format {manifest.get('format')}, this program reads {FORMAT}; go on "
            "with the version that wrote it, or move it away to begin anew"
        )
    if hashlib.sha512(payload).hexdigest() != manifest["sha512_payload"]:
        raise DamagedError("its payload does not fit its sha512")
    return manifest, {
        name: np.lib.format.read_array(
            io.BytesIO(payload[start : start + size]), allow_pickle=False
        )
        for name, (start, size) in manifest["arrays"].items()
    }
