"""The two sides: `train` is learned from, `job` is judged on; and the dev part of train.

- stratified: exact quotas by largest remainder; every label keeps its share on both sides, and
  one document at least where it has two.
- group_disjoint: a group (speaker, actor, party, sitting) is wholly on one side (`groups`).
  A document of no known group is a group by itself.
- given: the sides a corpus declares.
Juxtaposed corpora are split each by itself. In a cross-dataset run the other dataset is the job
side; with group_disjoint, documents of its groups are left out of train.
"""

from fractions import Fraction
from typing import Literal

import numpy as np
import polars as pl

from app.config.ideo.dataset import Dataset
from app.config.ideo.split import Split
from app.errors import LabelError
from app.pipelines.ideo.groups import Draw, matched_groups, random_groups
from app.pipelines.ideo.quotas import largest_remainder

SPLIT_SEED, DEV_SEED = 2, 3
SMALL = "label too small to split"
NO_SIDE = "no given side"
JUDGED_GROUP = "group is judged on"
DUPLICATE = r"#dup\d+$"  # what makes the id of a copy out of the id of its document

Unit = Literal["document", "group"]


def split_documents(
    screened: pl.DataFrame, dataset: Dataset, split: Split, seed: int
) -> pl.DataFrame:
    """`screened` with `side`: train, job, or null for a document that was dropped.

    Raises:
        LabelError: fewer than two labels, an empty side, a label too small under
            `split.small_labels=fail`, or label sets of two datasets that do not meet.
    """
    table = screened.with_columns(side=pl.lit(None, pl.String)).with_row_index("row_nr")
    kept = table.filter(pl.col("dropped").is_null())
    _require_labels(kept, "the view and filters leave")
    if eval_ids := dataset.eval_corpora():
        on_job = pl.col("corpus_id").is_in(eval_ids)
        kept = kept.with_columns(
            side=pl.when(on_job).then(pl.lit("job")).otherwise(pl.lit("train"))
        )
        _require_common_labels(kept, dataset)
        if split.strategy == "group_disjoint":
            kept = _without_judged_groups(kept, str(split.group_field))
    elif split.strategy == "given":
        kept = _given(kept, split)
    else:
        kept = _divided(kept, split, dataset.merge_mode == "juxtaposed", seed)
    _require_sides(kept, split)
    table = table.update(kept.select("row_nr", "side", "dropped"), on="row_nr")
    return table.drop("row_nr")


def cut_dev(train: pl.DataFrame, split: Split, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`train` in two: (fit, dev), dev with about `split.dev_prop` of the documents of each label.

    Copies of a document (`#dupN`) are on its side, dev has one copy of each; with group_disjoint
    no group is on both sides. `train` has columns id, label and, then, the group field.

    Raises:
        LabelError: nothing can be cut off: one document or group a label.
    """
    table = train.with_columns(source=pl.col("id").str.replace(DUPLICATE, ""))
    documents = table.unique("source", keep="first", maintain_order=True)
    by_group = split.strategy == "group_disjoint"
    unit: Unit = "group" if by_group else "document"
    group = split.group_field if by_group else None
    strata = documents.select("source", group or pl.lit(None, pl.String).alias("none"), "label")
    rng = np.random.default_rng([seed, DEV_SEED])
    small = _too_small(strata, ["label"], group)
    share = _exactly(split.dev_prop)
    held = _held_out(strata, ["label"], group, matched_groups, share, small, rng)
    if not held.any():
        raise LabelError(
            f"no dev part can be cut from {len(documents)} training documents: every label has "
            f"one {unit} only\n  raise split.train_prop, or choose split=stratified"
        )
    chosen = pl.col("source").is_in(documents.filter(held)["source"].implode())
    fit = table.filter(~chosen).drop("source")
    return fit, documents.filter(held).drop("source")


def _divided(kept: pl.DataFrame, split: Split, by_corpus: bool, seed: int) -> pl.DataFrame:
    strata = ["corpus_id", "label"] if by_corpus else ["label"]
    group = split.group_field if split.strategy == "group_disjoint" else None
    small = _too_small(kept, strata, group)
    if split.small_labels == "fail" and small.any():
        raise LabelError(_small_message(kept, strata, small, split))
    if split.small_labels == "drop":
        kept = kept.with_columns(dropped=pl.when(small).then(pl.lit(SMALL)).otherwise("dropped"))
        rest = kept.filter(~small)
        _require_labels(rest, f"dropping labels with one {_unit(group)} leaves")
        small = small.filter(~small)
    else:
        rest = kept
    rng = np.random.default_rng([seed, SPLIT_SEED])
    draw = matched_groups if split.group_draw == "matched" else random_groups
    share = 1 - _exactly(split.train_prop)
    held = _held_out(rest, strata, group, draw, share, small, rng)
    side = pl.when(held).then(pl.lit("job")).otherwise(pl.lit("train"))
    return kept.update(rest.select("row_nr", side=side), on="row_nr")


def _held_out(
    table: pl.DataFrame,
    strata: list[str],
    group: str | None,
    draw: Draw,
    share: Fraction,
    small: pl.Series,
    rng: np.random.Generator,
) -> pl.Series:
    """Which documents are held out: `share` of each stratum; none of a small one."""
    if group is not None:
        return _held_out_by_group(table, strata, group, draw, share, small, rng)
    keyed = table.select(*strata, small=small, draw=pl.Series(rng.random(len(table))))
    sizes = keyed.group_by(*strata).agg(n=pl.len(), small=pl.col("small").any()).sort(strata)
    sizes = sizes.with_columns(quota=pl.Series(_quotas(sizes, strata[:-1], share), dtype=pl.Int64))
    return (
        keyed.with_columns(rank=pl.col("draw").rank("ordinal").over(strata))
        .join(sizes, on=strata, how="left", maintain_order="left")
        .select(held=pl.col("rank") <= pl.col("quota"))["held"]
    )


def _quotas(sizes: pl.DataFrame, outer: list[str], share: Fraction) -> list[int]:
    """Documents held out of each stratum: within each corpus (`outer`) or overall, they sum to
    the rounded share."""
    quotas: list[int] = []
    parts = sizes.partition_by(outer, maintain_order=True) if outer else [sizes]
    for part in parts:
        counts = part["n"].to_list()
        low = [0 if small else 1 for small in part["small"]]
        high = [0 if small else n - 1 for n, small in part.select("n", "small").iter_rows()]
        total = int(sum(counts) * share + Fraction(1, 2))
        quotas += largest_remainder([n * share for n in counts], total, low, high)
    return quotas


def _held_out_by_group(
    table: pl.DataFrame,
    strata: list[str],
    group: str,
    draw: Draw,
    share: Fraction,
    small: pl.Series,
    rng: np.random.Generator,
) -> pl.Series:
    groups = _group_numbers(table, group)
    stratum = table.select(pl.struct(strata).rank("dense").alias("s") - 1)["s"].to_numpy()
    counts = np.zeros((int(groups.max()) + 1, int(stratum.max()) + 1))
    np.add.at(counts, (groups, stratum), 1)
    never = np.zeros(len(counts), bool)
    never[groups[small.to_numpy()]] = True
    return pl.Series(draw(counts, float(share), never, rng)[groups])


def _group_numbers(table: pl.DataFrame, group: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Groups numbered by their first document; each document without one is its own."""
    number = pl.col("number")
    first = pl.when(pl.col(group).is_null()).then(number).otherwise(number.first().over(group))
    numbered = table.with_row_index("number").select(first.rank("dense").cast(pl.Int64) - 1)
    return numbered.to_series().to_numpy()


def _too_small(table: pl.DataFrame, strata: list[str], group: str | None) -> pl.Series:
    """Whether a document's label has but one document (or one group), so cannot be on both
    sides."""
    if group is None:
        return table.select(pl.len().over(strata) < 2).to_series()
    numbered = table.with_columns(group_nr=pl.Series(_group_numbers(table, group)))
    return numbered.select(pl.col("group_nr").n_unique().over(strata) < 2).to_series()


def _given(kept: pl.DataFrame, split: Split) -> pl.DataFrame:
    field = pl.col(split.given_field or "")
    side = pl.when(field == "train").then(pl.lit("train"))
    kept = kept.with_columns(side=side.when(field == split.given_job).then(pl.lit("job")))
    return kept.with_columns(
        dropped=pl.when(pl.col("side").is_null()).then(pl.lit(NO_SIDE)).otherwise("dropped")
    )


def _require_labels(kept: pl.DataFrame, what: str) -> None:
    labels = kept["label"].unique().sort().to_list()
    if len(labels) < 2:
        raise LabelError(
            f"{what} {f'one label, {labels[0]!r}' if labels else 'no document with a label'}; "
            "two are needed\n  look at view (field, mapping, unknown.policy) and filters"
        )


def _without_judged_groups(kept: pl.DataFrame, group: str) -> pl.DataFrame:
    judged = kept.filter(pl.col("side") == "job")[group].drop_nulls().unique()
    both = (pl.col("side") == "train") & pl.col(group).is_in(judged.implode()).fill_null(False)
    return kept.with_columns(
        side=pl.when(~both).then("side"),
        dropped=pl.when(both).then(pl.lit(JUDGED_GROUP)).otherwise("dropped"),
    )


def _require_common_labels(kept: pl.DataFrame, dataset: Dataset) -> None:
    train, job = (
        kept.filter(pl.col("side") == side)["label"].unique().sort().to_list()
        for side in ("train", "job")
    )
    if not set(train) & set(job):
        raise LabelError(
            f"{dataset.dataset_id} has the labels {train}, {dataset.eval_dataset_id} has {job}: "
            "no label in common, nothing can be evaluated\n  choose a view whose labels both have, "
            "or a view.mapping that gives them common labels"
        )


def _require_sides(kept: pl.DataFrame, split: Split) -> None:
    counts = {side: int((kept["side"] == side).sum()) for side in ("train", "job")}
    if not all(counts.values()):
        empty = next(side for side, n in counts.items() if not n)
        hint = f"split.train_prop={split.train_prop} and the number of documents"
        if split.strategy == "group_disjoint":
            hint = f"split.group_field={split.group_field}: it has too few groups"
        if split.strategy == "given":
            found = kept[split.given_field or ""].unique().sort().to_list()
            hint = f"split.given_field={split.given_field}: it has the values {found}"
        raise LabelError(f"the {empty} side would be empty; look at {hint}")
    _require_labels(kept.filter(pl.col("side") == "train"), "the train side has")


def _small_message(kept: pl.DataFrame, strata: list[str], small: pl.Series, split: Split) -> str:
    names = kept.filter(small).select(strata).unique().sort(strata).rows()
    told = ", ".join(" ".join(map(str, name)) for name in names[:10])
    unit = _unit(split.group_field if split.strategy == "group_disjoint" else None)
    return (
        f"labels with one {unit} cannot be on both sides: {told}\n"
        "  split.small_labels=drop leaves them out, train_only keeps them for training"
    )


def _unit(group: str | None) -> Unit:
    return "document" if group is None else "group"


def _exactly(share: float) -> Fraction:
    """The share as it is written: 0.1 is one tenth, not its binary neighbour."""
    return Fraction(str(share))
