"""What the machine may spend: documents, threads, shards."""

from pydantic import Field

from app.config.base import Group


class Hardware(Group):
    """A preset for a size of machine; a cap that cuts training documents is printed and kept."""

    ram_gb: float = Field(gt=0)
    workers: int = Field(default=1, ge=1)  # processes that read corpora
    blas_threads: int = Field(default=1, ge=1)
    max_train_docs_sklearn: int = Field(ge=1)
    max_train_docs_spacy: int = Field(ge=1)
    max_train_docs_hf: int = Field(ge=1)
    shard_docs: int = Field(default=10_000, ge=1)  # documents a DocBin shard
