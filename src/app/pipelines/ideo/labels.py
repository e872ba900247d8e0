"""The label of each document: its actor's ideology, or one of its metadata fields.

An ideology view looks a document up by its domain, else by its crawl, else by the actor it
declares. A domain or crawl that several actors share says nothing about which of them wrote: it
is ambiguous, the document gets no label, and both are reported. Names are compared in their
normal form (`normalise`). `unlabelled` says why a document has no label.
"""

from collections.abc import Mapping

import polars as pl

from app.config.ideo.view import UnknownLabels, View
from app.datasets.actors import Actor
from app.datasets.documents import Documents
from app.errors import ConfigError, LabelError, nearest
from app.pipelines.ideo.normalise import normalise, normalised

LOOKED_UP_BY = ("domain", "crawl", "actor")  # the fields that lead to an actor, in this order
LEVELS = {
    "binary": "side_binary",
    "five_way": "global_five",
    "left_intra": "intra_left",
    "right_intra": "intra_right",
}
SIDE_OF_LEVEL = {"left_intra": "left", "right_intra": "right"}
# Columns that `prepare` adds, so no metadata field can have their names.
ADDED = ("label_raw", "unlabelled", "dropped", "text_group", "near_group", "side")
OUTSIDE, UNKNOWN = "outside the view", "unknown label"


def label_documents(documents: Documents, actors: dict[str, Actor], view: View) -> pl.DataFrame:
    """Every column of `documents` but text, with `label`, `label_raw` (the value the label was
    looked up by), `unlabelled` (why there is no label) and, in an ideology view, `actor`.

    Raises:
        LabelError: the documents lack the view's field, or two keys of its mapping are one.
        ConfigError: a metadata field has the name of a column that `prepare` adds.
    """
    table = _without_text(documents)
    if view.source == "ideology":
        return _by_ideology(table, actors, view)
    return _by_field(table, view)


def owners(actors: Mapping[str, Actor], field: str) -> dict[str, str | None]:
    """Normalised domain, crawl or actor name -> its actor; None where several actors share it."""
    found: dict[str, set[str]] = {}
    for actor_id, actor in actors.items():
        names = {"domain": actor.domains, "crawl": actor.crawls, "actor": [actor_id]}[field]
        for name in names:
            if key := normalise(name):
                found.setdefault(key, set()).add(actor_id)
    return {key: min(ids) if len(ids) == 1 else None for key, ids in sorted(found.items())}


def _without_text(documents: Documents) -> pl.DataFrame:
    first = next(iter(documents.frames()), None)
    if first is None:
        raise LabelError("the corpora have no documents; look at corpora.*.path and reader.where")
    if taken := [name for name in ADDED if name in first.columns]:
        raise ConfigError(
            f"a corpus has a field {taken[0]!r}, a name `prepare` uses itself; "
            "give the field another name in conf/corpora"
        )
    return documents.frame([name for name in first.columns if name != "text"])


def _by_ideology(table: pl.DataFrame, actors: Mapping[str, Actor], view: View) -> pl.DataFrame:
    assert view.level is not None  # the config refuses an ideology view without a level
    fields = [field for field in LOOKED_UP_BY if field in table.columns]
    if not fields:
        raise LabelError(
            f"view {view.name}: documents have neither domain, crawl nor actor to look their "
            f"ideology up by; their fields: {', '.join(table.columns)}\n"
            "  choose a view of one of these fields, or declare the field in conf/corpora"
        )
    table = _resolve(table, actors, fields)
    ids = sorted(actors)
    values = [getattr(actors[actor_id], LEVELS[view.level]) for actor_id in ids]
    labels = [None if value is None else normalise(value) for value in values]
    table = table.with_columns(label=_looked_up(table["actor"], ids, labels))
    side = SIDE_OF_LEVEL.get(view.level)
    outside = [
        actor_id
        for actor_id in ids
        if side is not None and actors[actor_id].side_binary not in (None, side)
    ]
    table = table.with_columns(
        unlabelled=pl.when(pl.col("label").is_null() & pl.col("actor").is_in(outside))
        .then(pl.lit(OUTSIDE))
        .otherwise("unlabelled")
    )
    return _settle_unknown(table, pl.coalesce("actor", "label_raw"), view.unknown)


def _resolve(table: pl.DataFrame, actors: Mapping[str, Actor], fields: list[str]) -> pl.DataFrame:
    """Adds `actor`, `label_raw` and `unlabelled` (the ambiguous ones so far)."""
    nothing = pl.lit(None, pl.String)
    resolved, raw, ambiguous = nothing, nothing, nothing
    for field in reversed(fields):
        owner = owners(actors, field)
        keys = normalised(table[field])
        known = pl.lit(keys.is_in(list(owner)).fill_null(False))
        owned = pl.lit(_looked_up(keys, list(owner), list(owner.values())))
        resolved = pl.when(known).then(owned).otherwise(resolved)
        raw = pl.when(known).then(pl.col(field)).otherwise(raw)
        ambiguous = (
            pl.when(known & owned.is_null()).then(pl.lit(f"ambiguous {field}"))
            .when(known).then(nothing)
            .otherwise(ambiguous)
        )  # fmt: skip
    first = pl.coalesce(*fields)  # of a document no actor is known for
    declared = pl.col("actor") if "actor" in fields else nothing
    return table.with_columns(
        actor=pl.coalesce(resolved, pl.when(ambiguous.is_null()).then(declared)),
        label_raw=pl.coalesce(raw, first),
        unlabelled=ambiguous,
    )


def _by_field(table: pl.DataFrame, view: View) -> pl.DataFrame:
    assert view.field is not None  # the config refuses a field view without a field
    if view.field not in table.columns:
        raise LabelError(
            f"view {view.name}: documents have no field {view.field!r}"
            f"{nearest(view.field, table.columns)}"
        )
    keys = normalised(table[view.field])
    labels = keys
    if view.mapping:
        mapping = _normal_mapping(view)
        labels = _looked_up(keys, list(mapping), list(mapping.values()))
    table = table.with_columns(
        label=labels,
        label_raw=pl.col(view.field),
        unlabelled=pl.lit(None, pl.String),
    )
    return _settle_unknown(table, pl.col("label_raw"), view.unknown)


def _normal_mapping(view: View) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for key, label in view.mapping.items():
        normal = normalise(key)
        if mapping.setdefault(normal, normalise(label)) != normalise(label):
            raise LabelError(
                f"view.mapping of {view.name}: {key!r} and another key are both {normal!r} "
                f"once normalised, with labels {mapping[normal]!r} and {normalise(label)!r}; "
                "keep one of them"
            )
    return mapping


def _settle_unknown(table: pl.DataFrame, key: pl.Expr, unknown: UnknownLabels) -> pl.DataFrame:
    """Applies the policy to documents without a label, save those that are ambiguous or outside
    the view, which no policy can label."""
    open_ = pl.col("label").is_null() & pl.col("unlabelled").is_null()
    if unknown.policy == "keep":
        kept = pl.lit(normalised(table.select(key.alias("key"))["key"]))
        table = table.with_columns(label=pl.when(open_).then(kept).otherwise("label"))
    elif unknown.policy == "other":
        other = pl.lit(normalise(unknown.other_label))
        table = table.with_columns(label=pl.when(open_).then(other).otherwise("label"))
    return table.with_columns(
        label=pl.when(pl.col("unlabelled").is_null()).then("label"),
        unlabelled=pl.when(open_).then(pl.lit(UNKNOWN)).otherwise("unlabelled"),
    )


def _looked_up(keys: pl.Series, names: list[str], values: list[str | None]) -> pl.Series:
    """`keys` replaced by their value; null for a key that has none."""
    if not names:
        return pl.Series(keys.name, [None] * len(keys), dtype=pl.String)
    return keys.replace_strict(
        names, pl.Series(values, dtype=pl.String), default=None, return_dtype=pl.String
    )
