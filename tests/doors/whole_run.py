"""Whole runs in this process, through what both doors call, and corpora written for them."""

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.config.compose import compose
from app.console import errors_on_one_screen
from app.datasets.tsv import TsvDataset
from app.run import CONF, run

NAMESPACE = "http://www.tei-c.org/ns/1.0"
# The documents say their label themselves.
CLASSES = [
    "view=crawl",
    "view.field=class",
    "view.name=class",
    "filters=none",
    "analysis=documents",
]
SVM = ["models=[tfidf_svm_quick]", "models.tfidf_svm_quick.tfidf.min_df=1"]


def whole_run(root: Path, *overrides: str) -> None:
    """One run with its files under `root`; relative paths of the caller stay what they were."""
    with contextlib.chdir(root.parent):
        run(compose(["tracking=off", f"output_root={root}", *overrides], CONF))


def refusal(root: Path, *overrides: str) -> tuple[int, str]:
    """The exit code of a run that must fail, and what the doors say of it."""
    said = io.StringIO()
    with pytest.raises(SystemExit) as ended, contextlib.redirect_stderr(said):  # noqa: SIM117
        with errors_on_one_screen():
            whole_run(root, *overrides)
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.getvalue()


def mine(path: Path, corpus_id: str = "mine") -> list[str]:
    """Overrides of a run on the corpus at `path`."""
    declared = f"{{path:'{path}',reader:{{kind:classic}},language:fr,modality:web}}"
    return [
        f"corpora.{corpus_id}={declared}",
        f"dataset.dataset_id={corpus_id}",
        f"dataset.corpus_ids=[{corpus_id}]",
        *CLASSES,
    ]


def meta_view(root: Path) -> dict[str, Any]:
    """meta_view.json of the one dataset and view under `root`."""
    (file,) = root.rglob("meta_view.json")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def side(root: Path, name: str) -> pl.DataFrame:
    """train.tsv or job.tsv of the one dataset and view under `root`."""
    (file,) = root.rglob(f"{name}.tsv")
    return TsvDataset(str(file)).load().collect()


def metrics(root: Path, model_id: str) -> dict[str, Any]:
    """metrics.json of the one evaluation of a model under `root`."""
    (file,) = root.rglob(f"{model_id}/metrics.json")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def files(root: Path) -> dict[str, bytes]:
    """Relative name -> bytes of every file under `root`, but for locks."""
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def document(name: str, label: str, text: str, crawl: str = "c") -> str:
    """A <TEI> of the classic form."""
    terms = f'<term type="class">{label}</term><term type="crawl">{crawl}</term>'
    return (
        f'<TEI xml:id="{name}"><teiHeader><profileDesc><textClass><keywords>{terms}</keywords>'
        f"</textClass></profileDesc></teiHeader><text><body><div><p>{text}</p></div></body></text>"
        "</TEI>\n"
    )


def corpus(documents: Sequence[str]) -> str:
    """A <teiCorpus> of documents."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<teiCorpus xmlns="{NAMESPACE}">\n{"".join(documents)}</teiCorpus>\n'


def two_classes(n: int = 24) -> list[str]:
    """Documents of the classes `rouge` (two of three) and `bleu`, told apart by a word."""
    words = {"rouge": "égalité", "bleu": "mérite"}
    labels = ["bleu" if number % 3 == 0 else "rouge" for number in range(n)]
    return [
        document(f"d{number}", label, f"texte numéro {number} de {words[label]} publique")
        for number, label in enumerate(labels)
    ]
