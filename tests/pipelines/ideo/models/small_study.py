"""A prepared study small enough for a test: French-like texts in which a few words tell the label,
three documents of `right` for one of `left`, written through the real datasets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from app.config.ideo.hardware import Hardware
from app.config.ideo.models import Models
from app.config.ideo.split import Split
from app.datasets.docbin import DocBinDataset
from app.datasets.jsonl import JsonlPairDataset
from app.datasets.models import ModelFolder, ModelsDataset
from app.datasets.table_pair import TablePairDataset
from app.pipelines.ideo import fit, predict
from app.pipelines.ideo.formats import describe_formats, format_hf, format_sklearn, format_spacy

COMMON = [f"mot{number}" for number in range(60)]
TELLING = {"left": ["égalité", "services", "publics"], "right": ["ordre", "mérite", "propriété"]}
IDENTITY = {"hash": "h1", "config": {"seed": 1}, "sources": {"web1:corpus.xml": "abc 10"}}
SPLIT = Split(strategy="stratified", dev_prop=0.2)


def hardware(**changes: Any) -> Hardware:
    caps = {f"max_train_docs_{family}": 10_000 for family in ("sklearn", "spacy", "hf")}
    return Hardware.model_validate({"ram_gb": 1.0, "shard_docs": 70, **caps, **changes})


def models(**specs: Mapping[str, Any]) -> Models:
    return Models.model_validate(specs)


def documents(n: int, seed: int, prefix: str) -> pl.DataFrame:
    """`n` documents with the columns of train.tsv; 20 speakers."""
    generator = np.random.default_rng(seed)
    labels = ["left" if place % 4 == 0 else "right" for place in range(n)]
    texts = []
    for label in labels:
        words = [*generator.choice(COMMON, 12), *generator.choice(TELLING[label], 2)]
        texts.append(" ".join(generator.permutation(words)))
    return pl.DataFrame(
        {
            "id": [f"web1:{prefix}{place}" for place in range(n)],
            "label": labels,
            "label_raw": labels,
            "modality": ["web"] * n,
            "corpus_id": ["web1"] * n,
            "language": ["fr"] * n,
            "speaker": [f"s{place % 20}" for place in range(n)],
            "text": texts,
        }
    )


def meta_view(train: pl.DataFrame, job: pl.DataFrame) -> dict[str, Any]:
    counts = dict(train["label"].value_counts().sort("label").iter_rows())
    return {
        "identity": IDENTITY,
        "n_docs_train_balanced": train.height,
        "n_docs_job": job.height,
        "label_counts_train_after": counts,
        "label_weights": dict.fromkeys(counts, 1.0),
    }


class Study:
    """What `prepare` leaves in a folder, and the stages after it."""

    def __init__(
        self, folder: Path, choice: Models, limits: Hardware | None = None, n_train: int = 200
    ) -> None:
        self.folder, self.models, self.hardware = folder, choice, limits or hardware()
        self.train, self.job = documents(n_train, 1, "t"), documents(60, 2, "j")
        self.view = meta_view(self.train, self.job)
        self.table = TablePairDataset(str(folder / "sklearn"))
        self.shards = DocBinDataset(str(folder / "spacy"))
        self.rows = JsonlPairDataset(str(folder / "hf"))
        self.save_formats()
        self.formats = describe_formats(
            self.train,
            self.view,
            self.hardware.shard_docs,
            self.table.load(),
            self.shards.load(),
            self.rows.load(),
        )

    def save_formats(self) -> None:
        given = (self.train, self.job, self.view, self.models.families())
        self.table.save(format_sklearn(*given))
        self.shards.save(format_spacy(*given, self.hardware.shard_docs))
        self.rows.save(format_hf(*given))

    def trained(self, family: str, seed: int = 7, place: str = "models") -> dict[str, ModelFolder]:
        """Trains the configured models of a family, saves them, and says where they are."""
        shared = (self.view, self.formats, self.models)
        last = (seed, IDENTITY)
        runs = {
            "check": lambda: fit.train_check(*shared, *last),
            "sklearn": lambda: fit.train_sklearn(self.table.load(), *shared, self.hardware, *last),
            "spacy": lambda: fit.train_spacy(
                self.shards.load(), *shared, self.hardware, SPLIT, *last
            ),
            "hf": lambda: fit.train_hf(self.rows.load(), *shared, self.hardware, SPLIT, *last),
        }
        saved = ModelsDataset(str(self.folder / place / family))
        for models in runs[family]():
            saved.save(models)
        return saved.load()

    def predicted(self, family: str, place: str = "models") -> dict[str, pl.DataFrame]:
        folders = ModelsDataset(str(self.folder / place / family)).load()
        given = (self.models, self.hardware, IDENTITY)
        reads = {
            "check": lambda: predict.predict_check(folders, self.job, *given),
            "sklearn": lambda: predict.predict_sklearn(folders, self.table.load(), *given),
            "spacy": lambda: predict.predict_spacy(folders, self.shards.load(), *given),
            "hf": lambda: predict.predict_hf(folders, self.rows.load(), *given),
        }
        return reads[family]()


def accuracy(table: pl.DataFrame) -> float:
    return float((table["label"] == table["predicted"]).mean())


def contents(folder: Path) -> dict[str, bytes]:
    """Relative name -> bytes of every file under `folder`."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def has_pickle(folder: Path) -> bool:
    """Whether a file is a pickle, or a zip with one inside."""
    import pickletools
    import zipfile

    def is_pickle(content: bytes) -> bool:
        try:
            return content[:1] == b"\x80" and len(list(pickletools.genops(content))) > 1
        except ValueError:
            return False

    for file in (file for file in folder.rglob("*") if file.is_file()):
        if is_pickle(file.read_bytes()) or file.suffix in {".pkl", ".pickle", ".joblib", ".bin.pt"}:
            return True
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as parts:
                if any(is_pickle(parts.read(name)) for name in parts.namelist()):
                    return True
    return False
