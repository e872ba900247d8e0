"""What the job side shares with the training side, and so need not be learned: the same text, a
near duplicate, or a group (site, speaker, party, sitting) that is on both sides."""

from typing import Any

import polars as pl

# Fields whose values are sources of documents, in any of our readers.
SOURCES = ("actor", "domain", "crawl", "speaker", "party", "sitting")


def leakage(sides: pl.DataFrame, near_looked_for: bool, group_field: str | None) -> dict[str, Any]:
    """For each kind: the job documents concerned, their share of the job side, and the groups on
    both sides. `near_duplicates` is null when they were not looked for."""
    kept = sides.filter(pl.col("side").is_not_null())
    fields = [*SOURCES, *([group_field] if group_field else [])]
    fields = [name for name in dict.fromkeys(fields) if name in kept.columns]
    return {
        "same_text": _shared(kept, "text_group"),
        "near_duplicates": _shared(kept, "near_group") if near_looked_for else None,
        "groups": {name: _shared(kept, name) for name in sorted(fields)},
    }


def _shared(kept: pl.DataFrame, key: str) -> dict[str, Any]:
    known = kept.filter(pl.col(key).is_not_null())
    sides = known.group_by(key).agg(
        on_train=(pl.col("side") == "train").any(), job=(pl.col("side") == "job").sum()
    )
    both = sides.filter(pl.col("on_train") & (pl.col("job") > 0))
    n_job = int((kept["side"] == "job").sum())
    job_docs = int(both["job"].sum())
    return {
        "groups_on_both_sides": len(both),
        "job_docs": job_docs,
        "job_share": round(job_docs / n_job, 6) if n_job else 0.0,
        "docs_without_group": len(kept) - len(known) if key in SOURCES else 0,
    }
