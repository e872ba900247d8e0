"""What every family trains on: the rows, capped to what the machine may spend, and the facts that
go with them on a model's card."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from app.config.ideo.hardware import Hardware
from app.config.ideo.models import ClassWeight, Model
from app.errors import ConfigError, InputError, LabelError, StaleInputError
from app.pipelines.ideo.quotas import largest_remainder

SAMPLE = 41  # the use of the seed: which documents stay under the cap

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSet:
    """Training rows (id, label, and what the family reads) and what a card says of them."""

    rows: pl.DataFrame
    labels: list[str]  # sorted; a model's classes are in this order
    capped_from: int | None  # documents before the cap of the hardware; null: not capped
    balance_weights: Mapping[str, float]  # label -> weight the view's balance gives it
    seed: int
    threads: int
    identity: Mapping[str, Any]

    @classmethod
    def capped(
        cls,
        rows: pl.DataFrame,
        cap: int,
        cap_key: str,
        *,
        balance_weights: Mapping[str, float],
        seed: int,
        threads: int,
        identity: Mapping[str, Any],
    ) -> "TrainingSet":
        """At most `cap` rows. LabelError when there is only one label to learn."""
        labels = sorted(rows["label"].unique().to_list())
        if len(labels) < 2:
            raise LabelError(
                f"the training side has the labels {labels}: nothing can be learned from fewer "
                "than two; look at the view, its filters and split.train_prop"
            )
        kept = stratified_sample(rows, cap, cap_key, seed)
        capped_from = None if kept.height == rows.height else rows.height
        if capped_from:
            log.warning("training on %d of %d documents (%s)", cap, capped_from, cap_key)
        return cls(kept, labels, capped_from, balance_weights, seed, threads, identity)

    def class_weights(self, option: ClassWeight) -> dict[str, float] | None:
        """label -> weight in the loss; null when every document counts the same."""
        if option == "balanced":
            return balanced_weights(self.rows["label"])
        if option == "none":
            return None
        if missing := sorted(set(self.labels) - set(self.balance_weights)):
            raise InputError(
                f"meta_view.json has no label_weights for {missing}; run the stage `prepare` again"
            )
        return self._unequal_weights()

    def tell_unused_weights(self, model_id: str) -> None:
        """Says that `balance=class_weights` has no effect on a model that takes none."""
        if self._unequal_weights():
            log.warning("%s takes no class weights: balance=class_weights leaves it", model_id)

    def _unequal_weights(self) -> dict[str, float] | None:
        weights = {label: float(self.balance_weights.get(label, 1.0)) for label in self.labels}
        return None if set(weights.values()) == {1.0} else weights

    def card(
        self, model_id: str, spec: Model, packages: Sequence[str], **facts: Any
    ) -> dict[str, Any]:
        """The model card: the same for the same config. `facts` are the family's own."""
        return {
            "model_id": model_id,
            "family": spec.family,
            "spec": spec.model_dump(mode="json"),
            "labels": self.labels,
            "seed": self.seed,
            "threads": self.threads,
            "identity": dict(self.identity),
            "n_train_docs": self.rows.height,
            "capped_from": self.capped_from,
            "packages": {name: version(name) for name in packages},
            "class_weights": None,
            "history": [],
            **facts,
        }


def require_same_limits(card: Mapping[str, Any], hardware: Hardware) -> None:
    """Stops a stage whose model learned from more or fewer documents, or from other shards, than
    this hardware would give it.

    Raises:
        StaleInputError: names the key, and what to do.
    """
    if (key := f"max_train_docs_{card['family']}") not in Hardware.model_fields:
        return  # the family reads no documents
    learned, cap = card["n_train_docs"], getattr(hardware, key)
    available = card["capped_from"] or learned
    differing = None
    if learned != min(available, cap):
        differing = f"learned from {learned} of {available} documents; hardware.{key}={cap} now"
    elif card.get("shard_docs", hardware.shard_docs) != hardware.shard_docs:
        differing = (
            f"learned from shards of {card['shard_docs']} documents; "
            f"hardware.shard_docs={hardware.shard_docs} now"
        )
    if differing:
        raise StaleInputError(
            f"model {card['model_id']} {differing}\n  run the stages train and evaluate again"
        )


def balanced_weights(labels: pl.Series) -> dict[str, float]:
    """n / (k * n_label): every label weighs the same in all."""
    counts = dict(labels.value_counts().iter_rows())
    return {label: len(labels) / (len(counts) * counts[label]) for label in sorted(counts)}


def stratified_sample(rows: pl.DataFrame, cap: int, cap_key: str, seed: int) -> pl.DataFrame:
    """At most `cap` rows, in their order, each label keeping its share and at least one row."""
    if rows.height <= cap:
        return rows
    counts = dict(rows["label"].value_counts().sort("label").iter_rows())
    if cap < len(counts):
        raise ConfigError(
            f"{cap_key}={cap} is less than one document for each of {len(counts)} labels"
        )
    # One document a label, and the rest of the cap in proportion to the rest of the documents.
    spare = (cap - len(counts)) / (rows.height - len(counts))
    shares = [1 + spare * (count - 1) for count in counts.values()]
    quotas = largest_remainder(shares, cap, low=[1] * len(counts), high=list(counts.values()))
    generator = np.random.default_rng([seed, SAMPLE])
    labels = rows["label"].to_numpy()
    chosen = [
        generator.choice(np.flatnonzero(labels == label), size=quota, replace=False)
        for label, quota in zip(counts, quotas, strict=True)
    ]
    return rows[np.sort(np.concatenate(chosen))]
