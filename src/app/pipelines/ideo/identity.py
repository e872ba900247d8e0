"""What a prepared dataset was made from: the config that shaped it and the content of its sources.

Two runs with the same identity prepare the same bytes. Every file made from a preparation records
it, and a stage that finds another identity than its own config's stops: files of another corpus,
view, filter, split, balance or seed are never used.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.config.ideo.balance import Balance
from app.config.ideo.dataset import Dataset
from app.config.ideo.filters import Filters
from app.config.ideo.split import Split
from app.config.ideo.view import View
from app.datasets.actors import Actor
from app.datasets.corpora import Corpora
from app.datasets.sides import Frame
from app.datasets.tsv import tsv_sha256
from app.errors import StaleInputError

# Where files are is no part of what they are: their content is, in `sources`.
PLACES = ("path", "reader.persons", "reader.orgs", "reader.taxonomy", "reader.texts")
SHOWN = 12  # differing keys told


def identify(
    corpora: Corpora,
    declared: dict[str, Any],
    actors: dict[str, Actor],
    dataset: Dataset,
    view: View,
    filters: Filters,
    split: Split,
    balance: Balance,
    seed: int,
) -> dict[str, Any]:
    """{"hash", "config": flattened key -> value, "sources": name -> "<hash> <bytes>"}.

    `declared` is the config of the corpora; only those of the dataset count.
    """
    used = [*dataset.corpus_ids, *dataset.eval_corpora()]
    groups = {
        "corpora": {corpus_id: _plain(declared[corpus_id]) for corpus_id in used},
        "dataset": _plain(dataset),
        "view": _plain(view),
        "filters": _plain(filters),
        "split": _plain(split),
        "balance": _plain(balance),
        "seed": seed,
    }
    places = {f"corpora.{corpus_id}.{place}" for corpus_id in used for place in PLACES}
    places.add("view.actors_file")
    config = {key: value for key, value in _flat(groups) if key not in places}
    sources = dict(corpora.sources())
    if view.source == "ideology":
        content = _canonical({key: _plain(actor) for key, actor in actors.items()})
        sources["view:actors"] = f"{_digest(content)} {len(content)}"
    return {
        "hash": _digest(_canonical({"config": config, "sources": sources})),
        "config": config,
        "sources": sources,
    }


def require_same_identity(
    recorded: Mapping[str, Any], expected: Mapping[str, Any], what: str
) -> None:
    """Stops a stage whose input files were prepared from something else.

    Raises:
        StaleInputError: names the keys and sources that differ, and what to do.
    """
    if recorded.get("hash") == expected["hash"]:
        return
    told: list[str] = []
    for part in ("config", "sources"):
        before, now = recorded.get(part, {}), expected[part]
        for key in sorted({*before, *now}):
            if key not in before or key not in now or before[key] != now[key]:
                told.append(f"{key}: {_told(before, key)} there, {_told(now, key)} in this run")
    more = [f"... and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    raise StaleInputError(
        f"{what} was prepared from something else than this run's config:\n  "
        + "\n  ".join([*told[:SHOWN], *more])
        + "\n  run the stage `prepare` (or the whole study, pipeline=ideo) with this config first"
    )


def require_same_content(table: Frame, meta_view: Mapping[str, Any], side: str) -> None:
    """Stops a stage whose train.tsv or job.tsv is not the one meta_view.json describes: a later
    `prepare` was stopped between the two files.

    Raises:
        StaleInputError: names the file, and what to do.
    """
    if tsv_sha256(table) != meta_view[f"{side}_sha256"]:
        raise StaleInputError(
            f"{side}.tsv is not the file that meta_view.json describes: a later `prepare` was "
            "stopped before its end, or the file was edited\n  run the stage `prepare` again"
        )


def _plain(value: Any) -> Any:
    """Models as JSON values, defaults filled in."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name in value:
            yield from _flat(value[name], f"{key}.{name}" if key else str(name))
    else:
        yield key, list(value) if isinstance(value, tuple) else value


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _told(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "absent"
