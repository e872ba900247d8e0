"""The training side, balanced. The job side keeps its natural distribution, always.

Every strategy is a number of copies for each document: 0 leaves it out, 2 repeats it once. Within
a label documents are taken in an order drawn from the seed; copies are `<id>#dup1`, `#dup2`, ...
Juxtaposed corpora are balanced each by itself.
"""

from fractions import Fraction

import numpy as np
import polars as pl

from app.config.ideo.balance import (
    AlphaTotal,
    Balance,
    CapDocs,
    CapTokens,
    ClassWeights,
    Oversample,
)
from app.config.ideo.dataset import Dataset
from app.errors import LabelError
from app.pipelines.ideo.quotas import largest_remainder

BALANCE_SEED = 4


def balance_train(
    sides: pl.DataFrame, dataset: Dataset, balance: Balance, seed: int
) -> pl.DataFrame:
    """The training rows in document order: id, row (the id of this copy), label, weight.

    weight: 1, or with class_weights n / (k * n_label), the same for all documents of a label.

    Raises:
        LabelError: the strategy would leave a label without documents.
    """
    strata = ["corpus_id", "label"] if dataset.merge_mode == "juxtaposed" else ["label"]
    rng = np.random.default_rng([seed, BALANCE_SEED])
    train = sides.filter(pl.col("side") == "train")
    train = train.select("id", "corpus_id", "label", "n_tokens").with_row_index("at")
    train = train.with_columns(draw=pl.Series(rng.random(len(train))))
    train = train.with_columns(
        place=pl.col("draw").rank("ordinal").over(strata).cast(pl.Int64) - 1,
        n=pl.len().over(strata).cast(pl.Int64),
    )
    train = train.with_columns(copies=_copies(train, strata, balance))
    _require_every_label(train, balance)
    rows = _repeated(train)
    return rows.join(_weights(train, strata, balance), on="label", maintain_order="left").select(
        "id", "row", "label", "weight"
    )


def _copies(train: pl.DataFrame, strata: list[str], balance: Balance) -> pl.Series:
    match balance.root:
        case CapDocs() as spec:
            copies = _capped(spec)
        case CapTokens() as spec:
            copies = _token_capped(strata, spec)
        case AlphaTotal() | Oversample() as spec:
            quotas = _quotas(train, strata, spec)
            keyed = train.join(quotas, on=strata, how="left", maintain_order="left")
            return keyed.select(_filled(pl.col("place"), pl.col("n"), pl.col("quota"))).to_series()
        case _:
            copies = pl.lit(1, pl.Int64)
    return train.select(pl.zeros(pl.len(), dtype=pl.Int64) + copies).to_series()


def _filled(place: pl.Expr, n: pl.Expr, quota: pl.Expr) -> pl.Expr:
    """Copies of the document at `place` of `n`, so that all have `quota` copies in all and no
    document has two more than another."""
    return quota // n + (place < quota % n).cast(pl.Int64)


def _capped(spec: CapDocs) -> pl.Expr:
    place, n = pl.col("place") - spec.offset, pl.col("n") - spec.offset
    quota = pl.lit(spec.cap_per_label)
    if not spec.oversample:
        quota = pl.min_horizontal(quota, n)
    return pl.when(place >= 0).then(_filled(place, n, quota)).otherwise(0)


def _token_capped(strata: list[str], spec: CapTokens) -> pl.Expr:
    """Documents in drawn order as long as the tokens stay within the cap; the first in any case."""
    tokens = pl.col("n_tokens").cast(pl.Int64)
    running = tokens.cum_sum().over(strata, order_by="place")
    return ((running <= spec.cap_tokens_per_label) | (pl.col("place") == 0)).cast(pl.Int64)


def _quotas(train: pl.DataFrame, strata: list[str], spec: AlphaTotal | Oversample) -> pl.DataFrame:
    """strata columns and `quota`, the documents wished for each."""
    sizes = train.group_by(*strata).agg(n=pl.len().cast(pl.Int64)).sort(strata)
    outer = strata[:-1]
    parts = sizes.partition_by(outer, maintain_order=True) if outer else [sizes]
    counts = [part["n"].to_list() for part in parts]
    quotas: list[int] = []
    if isinstance(spec, Oversample):
        ratio = Fraction(str(spec.chosen().ratio))
        for part in counts:
            quotas += [max(n, int(ratio * max(part))) for n in part]
    else:
        for part, total in zip(counts, _totals(counts, spec), strict=True):
            powers = [float(n) ** spec.chosen().alpha for n in part]
            shares = [total * power / sum(powers) for power in powers]
            quotas += largest_remainder(shares, total, [1] * len(part))
    return sizes.select(*strata, quota=pl.Series(quotas, dtype=pl.Int64))


def _totals(counts: list[list[int]], spec: AlphaTotal) -> list[int]:
    """`total_docs` shared out between corpora in proportion to their size."""
    total, n = spec.chosen().total_docs, sum(map(sum, counts))
    least = [len(part) for part in counts]
    if total < sum(least):
        raise LabelError(
            f"balance.presets.{spec.preset}.total_docs={total} is less than one document for each "
            f"of {sum(least)} labels; raise it"
        )
    return largest_remainder([Fraction(total * sum(part), n) for part in counts], total, least)


def _repeated(train: pl.DataFrame) -> pl.DataFrame:
    copies = train["copies"].to_numpy()
    index = np.repeat(np.arange(len(train)), copies)
    first = np.repeat(np.cumsum(copies) - copies, copies)
    rows = train[index].with_columns(copy=pl.Series(np.arange(len(index)) - first))
    copied = pl.concat_str("id", pl.lit("#dup"), pl.col("copy"))
    return rows.with_columns(row=pl.when(pl.col("copy") > 0).then(copied).otherwise("id"))


def _weights(train: pl.DataFrame, strata: list[str], balance: Balance) -> pl.DataFrame:
    """label, weight. In juxtaposed corpora a label's weight is the mean of its weights inside
    each, by documents: models take one weight a label."""
    if not isinstance(balance.root, ClassWeights):
        return train.select(pl.col("label").unique()).with_columns(weight=pl.lit(1.0))
    outer = strata[:-1]
    total, labels = pl.len(), pl.col("label").n_unique()
    if outer:
        total, labels = total.over(outer), labels.over(outer)
    each = train.select("label", weight=total / (labels * pl.col("n")))
    return each.group_by("label").agg(pl.col("weight").mean()).sort("label")


def _require_every_label(train: pl.DataFrame, balance: Balance) -> None:
    left = train.group_by("label").agg(pl.col("copies").sum(), pl.len()).sort("label")
    lost = left.filter(pl.col("copies") == 0)
    if len(lost):
        told = ", ".join(f"{label} ({n} documents)" for label, _, n in lost.iter_rows())
        raise LabelError(
            f"balance {balance.root.strategy} leaves no training document of {told}; "
            "lower balance.offset"
        )
