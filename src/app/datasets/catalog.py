"""The data catalog of a run: in-memory data are handed on, not copied.

Node functions are pure and params are frozen, so a copy protects nothing; and to choose how to
copy, Kedro would import pandas into every run.
"""

from typing import Any

from kedro.framework.context.catalog_mixins import CatalogCommandsMixin
from kedro.io import AbstractDataset, DataCatalog, MemoryDataset
from kedro.io.data_catalog import _LazyDataset


class SharingCatalog(DataCatalog, CatalogCommandsMixin):
    """Kedro's catalog, with `copy_mode="assign"` for values given to it and undeclared datasets."""

    default_runtime_patterns = {
        "{default}": {"type": "kedro.io.MemoryDataset", "copy_mode": "assign"}
    }

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(value, AbstractDataset | _LazyDataset):
            value = MemoryDataset(value, copy_mode="assign")
        super().__setitem__(key, value)
