"""The config tree of `ideo`, and what must hold between its groups."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import model_validator

from app.config.ideo.analysis import Analysis
from app.config.ideo.balance import Balance
from app.config.ideo.corpora import Corpus
from app.config.ideo.dataset import Dataset
from app.config.ideo.filters import Filters
from app.config.ideo.hardware import Hardware
from app.config.ideo.models import Models
from app.config.ideo.split import Split
from app.config.ideo.view import View
from app.config.tree import Config
from app.errors import nearest

_FIELDS = "fields are declared by the readers of this run's corpora"


class StudyConfig(Config):
    """The groups of `ideo`."""

    corpora: dict[str, Corpus]
    dataset: Dataset
    view: View
    filters: Filters
    split: Split
    balance: Balance
    models: Models
    hardware: Hardware
    analysis: Analysis

    @model_validator(mode="after")
    def _groups_agree(self) -> Self:
        declare = "corpora are declared by the files of conf/corpora/: corpora=[...]"
        for corpus_id in self.dataset.corpus_ids:
            _known("dataset.corpus_ids", "corpus", corpus_id, self.corpora, declare)
        for corpus_id in self.dataset.eval_corpora():
            _known("dataset.eval_corpus_ids", "corpus", corpus_id, self.corpora, declare)
        if overlap := set(self.dataset.corpus_ids) & set(self.dataset.eval_corpora()):
            raise ValueError(
                f"dataset.eval_dataset_id: corpora {sorted(overlap)} would be trained and "
                "evaluated on; name another dataset"
            )
        fields = self.field_names()
        named = {
            "view.field": self.view.field,
            "split.group_field": self.split.group_field,
            "split.given_field": self.split.given_field,
            "analysis.group_field": self.analysis.group_field,
            "dataset.source_field": self.dataset.source_field,
        }
        for key, name in named.items():
            if name is not None:
                _known(key, "metadata field", name, fields, _FIELDS)
        for name in self.analysis.compare_by:
            _known("analysis.compare_by", "metadata field", name, fields, _FIELDS)
        if self.filters.actors.include or self.filters.actors.min_docs:
            _known(
                "filters.actors.field", "metadata field", self.filters.actors.field, fields, _FIELDS
            )
        if not self.models.root:
            raise ValueError("models: none chosen; name one or more, e.g. models=tfidf_svm_quick")
        return self

    def derived(self) -> dict[str, Any]:
        return {"dataset_key": self.dataset.key(), "families": self.models.families()}

    def field_names(self) -> tuple[str, ...]:
        """Metadata fields of the documents of this run: those every document has, then those
        its corpora declare, then what the view adds."""
        names = ["corpus_id", "language", "modality"]
        for corpus_id in [*self.dataset.corpus_ids, *self.dataset.eval_corpora()]:
            names += self.corpora[corpus_id].field_names()
        if self.view.source == "ideology":
            names.append("actor")
        return tuple(dict.fromkeys(names))


def _known(key: str, what: str, name: str, names: Iterable[str], hint: str) -> None:
    known = list(names)
    if name not in known:
        raise ValueError(f"{key}: unknown {what} {name!r}{nearest(name, known)}\n  {hint}")
