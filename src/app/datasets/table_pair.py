"""The train and job sides as a pair of Parquet tables."""

from pathlib import Path

import polars as pl

from app.datasets.sides import SidesDataset

GROUP_ROWS = 5_000  # held in memory while they are written


class TablePairDataset(SidesDataset):
    """<folder>/{train,job}.parquet, compressed with zstd."""

    suffix = ".parquet"

    def read_side(self, file: Path) -> pl.LazyFrame:
        return pl.scan_parquet(file)

    def write_side(self, table: pl.LazyFrame, file: Path) -> None:
        table.sink_parquet(file, compression="zstd", row_group_size=GROUP_ROWS)
