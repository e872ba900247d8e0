"""Which labelled documents stay, and one reason for each that does not.

The reasons are tried in the order of `screen_documents`; a document is counted under the first
that applies, so that seen = kept + dropped by reason. The texts are read once more, in batches,
for duplicates; nothing else looks at them.
"""

import numpy as np
import polars as pl

from app.config.ideo.filters import ActorFilter, Filters
from app.datasets.documents import Documents
from app.errors import ConfigError, LabelError, nearest
from app.pipelines.ideo.duplicates import exact_groups, near_groups, scan_texts
from app.pipelines.ideo.normalise import normalise, normalised

SAMPLE_SEED = 1  # the use of the run's seed: each random choice of `prepare` has its own stream


def screen_documents(
    documents: Documents, labelled: pl.DataFrame, filters: Filters, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`screened`: `labelled` with `dropped` (null: kept), `text_group` (documents of one text)
    and `near_group` (near duplicates), null for documents that resemble no other.
    `duplicates`: kind (text, near), group, id, first_id; a row for each member of a group.

    Raises:
        LabelError: no document is left; says how many were dropped for which reason.
        ConfigError: `filters.actors.field` is not a field of the documents.
    """
    table = labelled.with_columns(
        dropped=pl.coalesce(
            pl.col("problem").str.split(":").list.first(),
            pl.when(pl.col("id").is_duplicated() & ~_first("id")).then(pl.lit("duplicate id")),
            pl.when(pl.col("label").is_null()).then("unlabelled"),
            *_by_value(filters),
            *_by_length(filters),
        )
    )
    table = _by_actor(table, filters.actors)
    if filters.dedup_on in ("id", "id_and_text"):
        own_id = pl.col("id").str.strip_prefix(pl.concat_str("corpus_id", pl.lit(":")))
        table = _drop_repeats(table.with_columns(own_id=own_id), "own_id", "duplicate id")
        table = table.drop("own_id")
    table = _by_duplicates(table, documents, filters)
    table = _sampled(table, filters.max_docs_global, seed)
    _require_some(table)
    return table, _members(table)


def _by_value(filters: Filters) -> list[pl.Expr]:
    reasons = []
    if filters.modality:
        wanted = [normalise(name) for name in filters.modality]
        modality = pl.col("modality").map_batches(normalised, return_dtype=pl.String)
        reasons.append(_unless(modality.is_in(wanted), "modality"))
    if filters.language:
        # `fr` also takes the regional forms, `fr-BE`
        primary = pl.col("language").str.to_lowercase().str.split("-").list.first()
        exact = pl.col("language").str.to_lowercase()
        wanted = [name.lower() for name in filters.language]
        reasons.append(_unless(exact.is_in(wanted) | primary.is_in(wanted), "language"))
    return reasons


def _by_length(filters: Filters) -> list[pl.Expr]:
    reasons = []
    for unit in ("chars", "tokens"):
        low, high = getattr(filters, f"min_{unit}"), getattr(filters, f"max_{unit}")
        if low is not None:
            reasons.append(_unless(pl.col(f"n_{unit}") >= low, f"min_{unit}"))
        if high is not None:
            reasons.append(_unless(pl.col(f"n_{unit}") <= high, f"max_{unit}"))
    return reasons


def _by_actor(table: pl.DataFrame, actors: ActorFilter) -> pl.DataFrame:
    if not actors.include and not actors.min_docs:
        return table
    if actors.field not in table.columns:
        raise ConfigError(
            f"filters.actors.field={actors.field!r} is not a field of the documents"
            f"{nearest(actors.field, table.columns)}"
        )
    name = normalised(table[actors.field])
    if actors.include:
        wanted = [normalise(actor) for actor in actors.include]
        table = _drop(table, ~pl.lit(name.is_in(wanted).fill_null(False)), "actors.include")
    if actors.min_docs:
        docs = pl.col("dropped").is_null().sum().over("name")
        few = table.select("dropped", name=name).select(
            few=pl.col("name").is_null() | (docs < actors.min_docs)
        )["few"]
        table = _drop(table, pl.lit(few), "actors.min_docs")
    return table


def _by_duplicates(table: pl.DataFrame, documents: Documents, filters: Filters) -> pl.DataFrame:
    """Marks and, where asked, drops the documents that repeat another."""
    near = filters.near_duplicates != "off"
    threshold = filters.near_threshold if near else None
    scan = scan_texts(documents, table["dropped"].is_null().to_numpy(), threshold)
    table = table.with_columns(text_group=exact_groups(scan))
    if filters.dedup_on in ("text", "id_and_text"):
        table = _drop_repeats(table, "text_group", "duplicate text")
    groups = pl.Series([None] * len(table), dtype=pl.UInt32)
    if near:
        kept = table["dropped"].is_null().to_numpy()
        groups = near_groups(documents, scan, kept, filters.near_threshold)
    table = table.with_columns(near_group=groups)
    if filters.near_duplicates == "drop":
        table = _drop_repeats(table, "near_group", "near duplicate")
    return table


def _sampled(table: pl.DataFrame, limit: int | None, seed: int) -> pl.DataFrame:
    kept = np.flatnonzero(table["dropped"].is_null().to_numpy())
    if limit is None or len(kept) <= limit:
        return table
    rng = np.random.default_rng([seed, SAMPLE_SEED])
    out = np.zeros(len(table), bool)
    out[rng.choice(kept, len(kept) - limit, replace=False)] = True
    return _drop(table, pl.lit(pl.Series(out)), "max_docs_global")


def _require_some(table: pl.DataFrame) -> None:
    if table["dropped"].null_count():
        return
    reasons = table["dropped"].value_counts().sort(["count", "dropped"], descending=[True, False])
    told = ", ".join(f"{reason} {count}" for reason, count in reasons.iter_rows())
    unread = table.filter(pl.col("problem").is_not_null())
    if 2 * len(unread) > len(table):
        first = unread.row(0, named=True)
        advice = (
            f"the first that could not be read: {first['place']}: {first['problem']}; look at "
            "`reader` of its corpus, which says where texts are"
        )
    else:
        advice = (
            "loosen the filter or view with the largest count; `filters=none` keeps all lengths"
        )
    raise LabelError(f"no document is left of {len(table)} read (dropped: {told})\n  {advice}")


def _members(table: pl.DataFrame) -> pl.DataFrame:
    """The members of every group of two or more."""
    kinds = [
        table.select(
            kind=pl.lit(kind),
            group=pl.col(f"{kind}_group"),
            id="id",
            first_id=pl.col("id").first().over(f"{kind}_group"),
            dropped="dropped",
        )
        .filter(pl.col("group").is_not_null())
        .sort("group", maintain_order=True)
        for kind in ("text", "near")
    ]
    return pl.concat(kinds)


def _drop_repeats(table: pl.DataFrame, key: str, reason: str) -> pl.DataFrame:
    """Drops the kept documents that share `key` with an earlier kept one."""
    kept = pl.col("dropped").is_null()
    # a dropped document is no first of its group, and nulls are alike to nothing
    first = pl.when(kept & pl.col(key).is_not_null()).then(key)
    repeats = table.select(
        (kept & first.is_not_null() & ~first.is_first_distinct()).alias("repeats")
    )["repeats"]
    return _drop(table, pl.lit(repeats), reason)


def _drop(table: pl.DataFrame, condition: pl.Expr, reason: str) -> pl.DataFrame:
    return table.with_columns(
        dropped=pl.coalesce("dropped", pl.when(condition).then(pl.lit(reason)))
    )


def _unless(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(~condition.fill_null(False)).then(pl.lit(reason))


def _first(column: str) -> pl.Expr:
    return pl.col(column).is_first_distinct()
