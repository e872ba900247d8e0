"""Which corpora make the dataset of a run, and how several are put together."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.config.base import NAME, Group

MergeMode = Literal["single", "merged", "juxtaposed", "separate"]


class Dataset(Group):
    """One or more corpora under one id.

    `merge_mode`:
    - `single`: exactly one corpus.
    - `merged`: documents are pooled; labels are split and balanced over the pool.
    - `juxtaposed`: pooled, but split and balanced inside each corpus, so each keeps its own
      proportions on both sides.
    - `separate`: one run per corpus, each with its own files, models and report.
    """

    dataset_id: str = Field(pattern=NAME)
    corpus_ids: list[str] = Field(min_length=1)
    merge_mode: MergeMode = "single"
    source_field: str = "corpus_id"  # the metadata field that says which source a document has
    eval_dataset_id: str | None = Field(default=None, pattern=NAME)
    eval_corpus_ids: list[str] = []  # corpora evaluated on instead; []: [eval_dataset_id]
    on_bad_document: Literal["fail", "skip"] = "skip"  # a document that cannot be read

    @model_validator(mode="after")
    def _one_corpus_when_single(self) -> Self:
        if self.merge_mode == "single" and len(self.corpus_ids) != 1:
            raise ValueError(
                f"merge_mode=single takes one corpus, corpus_ids names {len(self.corpus_ids)}; "
                "choose merged, juxtaposed or separate"
            )
        if len(set(self.corpus_ids)) != len(self.corpus_ids):
            raise ValueError(f"corpus_ids names a corpus twice: {self.corpus_ids}")
        if self.eval_corpus_ids and self.eval_dataset_id is None:
            raise ValueError("eval_corpus_ids needs eval_dataset_id, the name of that dataset")
        return self

    def eval_corpora(self) -> list[str]:
        """Ids of the corpora evaluated on in place of a held-out side; [] when there are none."""
        if self.eval_dataset_id is None:
            return []
        return self.eval_corpus_ids or [self.eval_dataset_id]

    def key(self) -> str:
        """The folder name of this dataset's files: a cross-dataset run has its own."""
        if self.eval_dataset_id is None:
            return self.dataset_id
        return f"{self.dataset_id}_on_{self.eval_dataset_id}"
