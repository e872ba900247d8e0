"""The train and job sides in the form each model family reads.

A format is written for the families of the configured models only; for the others it is `{}`.
Nodes take those families and not the models: runs that differ in a model's options share formats.
`describe_formats` comes last: it records the identity of what was written, and a stage that
finds another identity than its own refuses to go on.
"""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from app.datasets.docbin import DocSide
from app.datasets.sides import Frame
from app.errors import StaleInputError

if TYPE_CHECKING:
    from spacy.tokens import DocBin

ANY_LANGUAGE = "xx"  # spaCy's tokenizer without rules of a language


def format_sklearn(
    train: Frame, job: Frame, meta_view: dict[str, Any], families: Collection[str]
) -> dict[str, Frame]:
    """id, label, text of both sides; `{}` without a scikit-learn model."""
    if "sklearn" not in families:
        return {}
    _require_described(train, job, meta_view)
    columns = ["id", "label", "text"]
    return {"train": train.lazy().select(columns), "job": job.lazy().select(columns)}


def format_hf(
    train: Frame, job: Frame, meta_view: dict[str, Any], families: Collection[str]
) -> dict[str, Frame]:
    """Every column of both sides but the raw label; `{}` without a transformer."""
    if "hf" not in families:
        return {}
    _require_described(train, job, meta_view)
    return {"train": train.lazy().drop("label_raw"), "job": job.lazy().drop("label_raw")}


def format_spacy(
    train: Frame,
    job: Frame,
    meta_view: dict[str, Any],
    families: Collection[str],
    shard_docs: int,
) -> dict[str, DocSide]:
    """Both sides tokenised by spaCy's rules of their language, in shards of
    `shard_docs` documents that are made as they are saved; `{}` without a spaCy model.

    Training documents are dealt to the shards like cards, so that each shard is a cross-section
    of the side: training shuffles inside a shard, and sees one shard at a time.
    """
    if "spacy" not in families:
        return {}
    _require_described(train, job, meta_view)
    learned, judged = train.lazy().collect(), job.lazy().collect()
    n_shards = max(1, -(-learned.height // shard_docs))
    dealt = [learned.gather_every(n_shards, offset) for offset in range(n_shards)]
    in_order = list(judged.iter_slices(shard_docs))
    language = majority_language(learned)
    labels = sorted(meta_view["label_counts_train_after"])
    return {
        side: DocSide(
            rows=pl.concat([part.drop("text") for part in parts]),
            shards=[partial(_shard, part, language, labels) for part in parts],
        )
        for side, parts in (("train", dealt), ("job", in_order))
    }


def describe_formats(
    train: Frame,
    meta_view: dict[str, Any],
    shard_docs: int,
    sklearn_table: dict[str, Frame],
    spacy_shards: dict[str, DocSide],
    hf_rows: dict[str, Frame],
) -> dict[str, Any]:
    """meta_formats.json: what was written for which family, and from which identity."""
    written: dict[str, Any] = {}
    for family, sides in (("sklearn", sklearn_table), ("hf", hf_rows)):
        if sides:
            written[family] = _described({side: data.lazy() for side, data in sides.items()})
    if spacy_shards:
        rows = {side: data.rows for side, data in spacy_shards.items()}
        written["spacy"] = {
            **_described({side: data.lazy() for side, data in rows.items()}),
            "shard_docs": shard_docs,
            "n_shards": {side: len(data.shards) for side, data in spacy_shards.items()},
        }
    return {
        "identity": meta_view["identity"],
        "labels": sorted(meta_view["label_counts_train_after"]),
        "language": majority_language(train),
        "families": written,
    }


def majority_language(train: Frame) -> str:
    """The language most training documents are in; spaCy's `xx` where none is known."""
    if "language" not in train.lazy().collect_schema():
        return ANY_LANGUAGE
    said = train.lazy().filter(pl.col("language").fill_null("") != "").group_by("language").len()
    ranked = said.sort(["len", "language"], descending=[True, False]).collect(engine="streaming")
    return str(ranked["language"][0]) if ranked.height else ANY_LANGUAGE


def _shard(part: pl.DataFrame, language: str, labels: list[str]) -> "DocBin":
    """One shard: tokens, their norm (which models read) and the label as `doc.cats`."""
    from spacy.tokens import DocBin

    from app.pipelines.ideo.models.spacy import blank

    shard = DocBin(attrs=["ORTH", "NORM"])
    tokenizer = blank(language).tokenizer  # its own vocabulary: memory is that of one shard
    for text, label in part.select("text", "label").iter_rows():
        doc = tokenizer(text)
        doc.cats = {name: float(name == label) for name in labels}
        shard.add(doc)
    return shard


def _described(sides: dict[str, pl.LazyFrame]) -> dict[str, Any]:
    counts = {
        side: table.group_by("label").len().sort("label").collect(engine="streaming")
        for side, table in sides.items()
    }
    return {
        "columns": sides["train"].collect_schema().names(),
        "n_docs": {side: int(table["len"].sum()) for side, table in counts.items()},
        "label_counts": {side: dict(table.iter_rows()) for side, table in counts.items()},
    }


def _require_described(train: Frame, job: Frame, meta_view: dict[str, Any]) -> None:
    """The tables are those `meta_view` was made with; it is written before any format."""
    found = {"n_docs_train_balanced": _n_docs(train), "n_docs_job": _n_docs(job)}
    for key, count in found.items():
        if meta_view[key] != count:
            raise StaleInputError(
                f"meta_view.json says {key}={meta_view[key]} and the table has {count} documents: "
                "they come from different runs; run the stage `prepare` again"
            )


def _n_docs(side: Frame) -> int:
    return int(side.lazy().select(pl.len()).collect(engine="streaming").item())
