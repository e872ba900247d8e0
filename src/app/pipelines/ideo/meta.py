"""meta_view.json: what was prepared, from what, and every count a reader may want to check."""

import logging
from collections.abc import Iterable
from typing import Any

import polars as pl

from app.config.ideo.balance import Balance, ClassWeights
from app.config.ideo.dataset import Dataset
from app.config.ideo.filters import Filters
from app.config.ideo.split import Split
from app.config.ideo.view import View
from app.datasets.actors import Actor
from app.datasets.sides import Frame
from app.datasets.tsv import tsv_sha256
from app.pipelines.ideo.labels import owners
from app.pipelines.ideo.leakage import leakage

log = logging.getLogger(__name__)

PROBLEMS_SHOWN = 20
KEYS_SHOWN = 50


def describe_view(
    sides: pl.DataFrame,
    training: pl.DataFrame,
    duplicates: pl.DataFrame,
    train: Frame,
    job: Frame,
    actors: dict[str, Actor],
    identity: dict[str, Any],
    dataset: Dataset,
    view: View,
    filters: Filters,
    split: Split,
    balance: Balance,
    seed: int,
    profile: str,
) -> dict[str, Any]:
    """The content of meta_view.json. `n_docs_raw` = all documents seen = those on a side plus
    `dropped` by reason. `label_counts_before` counts every document that got a label."""
    on_train, on_job = (sides.filter(pl.col("side") == side) for side in ("train", "job"))
    weights = training.select("label", "weight").unique().sort("label")
    near = filters.near_duplicates != "off"
    labels = sorted({*on_train["label"], *on_job["label"]})
    missing = {
        side: [label for label in labels if label not in set(part["label"])]
        for side, part in (("train", on_train), ("job", on_job))
    }
    _tell(sides, missing)
    return {
        "profile": profile,
        "dataset_id": dataset.dataset_id,
        "eval_dataset_id": dataset.eval_dataset_id,
        "source_corpora": [*dataset.corpus_ids, *dataset.eval_corpora()],
        "source_field": dataset.source_field,
        "merge_mode": dataset.merge_mode,
        "view": view.model_dump(mode="json"),
        "filters": filters.model_dump(mode="json"),
        "split": split.model_dump(mode="json"),
        "balance": balance.model_dump(mode="json"),
        "train_prop": split.train_prop,
        "seed": seed,
        "tokenizer": filters.tokenizer,
        "dedup_on": filters.dedup_on,
        "identity": identity,
        "labels": labels,
        "n_docs_raw": len(sides),
        "n_docs_train_raw": len(on_train),
        "n_docs_train_balanced": len(training),
        "n_docs_job": len(on_job),
        "label_counts_before": _counts(sides, "label"),
        "label_counts_train_before_balance": _counts(on_train, "label"),
        "label_counts_train_after": _counts(training, "label"),
        "label_counts_job": _counts(on_job, "label"),
        "modality_counts": {
            side: _counts(part, "modality") for side, part in (("train", on_train), ("job", on_job))
        },
        "corpus_counts": {
            side: _counts(part, "corpus_id")
            for side, part in (("train", on_train), ("job", on_job))
        },
        "label_weights": dict(weights.iter_rows()),
        "weighted": isinstance(balance.root, ClassWeights),
        "missing_classes": missing,
        "dropped": _counts(sides, "dropped"),
        "problems": _problems(sides),
        "duplicates": _duplicates(duplicates),
        "leakage": leakage(sides, near, split.group_field),
        "ideology": _ideology(sides, actors) if view.source == "ideology" else None,
        "train_sha256": tsv_sha256(train),
        "job_sha256": tsv_sha256(job),
    }


def _tell(sides: pl.DataFrame, missing: dict[str, list[str]]) -> None:
    """One line of where the documents went, and a warning for each class a side lacks."""
    dropped = _counts(sides, "dropped")
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in dropped.items())
    n_dropped = sum(dropped.values())
    log.info(
        "%s documents seen = %s kept + %s dropped%s",
        f"{len(sides):,}",
        f"{len(sides) - n_dropped:,}",
        f"{n_dropped:,}",
        f" ({reasons})" if reasons else "",
    )
    for side, labels in missing.items():
        if labels:
            log.warning("the %s side has no document of: %s", side, ", ".join(labels))


def _counts(table: pl.DataFrame, column: str) -> dict[str, int]:
    known = table.filter(pl.col(column).is_not_null())
    return dict(known.group_by(column).len().sort(column).iter_rows())


def _problems(sides: pl.DataFrame) -> list[dict[str, str | None]]:
    """The first documents that could not be read, each with its place."""
    unread = sides.filter(pl.col("problem").is_not_null())
    return unread.select("id", "problem", "place").head(PROBLEMS_SHOWN).to_dicts()


def _duplicates(duplicates: pl.DataFrame) -> dict[str, dict[str, int]]:
    """For each kind: groups of two or more documents, and the documents in them."""
    return {
        kind: {
            "groups": members["group"].n_unique(),
            "docs": len(members),
            "largest_group": members["group"].value_counts()["count"].max() or 0,  # type: ignore[dict-item]
        }
        for kind in ("text", "near")
        for members in [duplicates.filter(pl.col("kind") == kind)]
    }


def _ideology(sides: pl.DataFrame, actors: dict[str, Actor]) -> dict[str, Any]:
    """How many documents led to an actor, and the names that lead to several."""
    resolved = sides.filter(pl.col("actor").is_in(sorted(actors)))
    return {
        "n_actors": len(actors),
        "n_actors_seen": resolved["actor"].n_unique(),
        "n_docs_resolved": len(resolved),
        "n_docs_ambiguous": sides["unlabelled"].str.starts_with("ambiguous").sum(),
        "ambiguous_domains": _shared_names(owners(actors, "domain").items()),
        "ambiguous_crawls": _shared_names(owners(actors, "crawl").items()),
        "docs_by_actor": _counts(resolved, "actor"),
    }


def _shared_names(owned: Iterable[tuple[str, str | None]]) -> list[str]:
    return [name for name, owner in owned if owner is None][:KEYS_SHOWN]
