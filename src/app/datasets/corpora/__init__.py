"""Reading corpora: TEI in its several forms, and paired lines, as one stream of documents.

Documents go one way: files (`files`) -> whole documents (`cutting`), or documents inside a <TEI>
(`inside`) -> metadata and paragraphs (`tei`, `classic`, `inline`, `parlamint`, `paired_lines`) ->
rows (`rows`) -> frames with checked ids (`frames`). `tasks` divides the files, and `workers` shares
the tasks between processes.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.datasets.corpora.dataset import Corpora, CorporaDataset

__all__ = ["Corpora", "CorporaDataset"]


def __getattr__(name: str) -> Any:
    """The two public classes, on first use: worker processes import this package without them,
    and so without polars and Kedro (60 MB each)."""
    if name in __all__:
        from app.datasets.corpora import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
