"""Malformed, very long, zipped and hostile documents, from the corpus to the end of the run."""

import gzip
import logging
from pathlib import Path

import polars as pl
import pytest
from whole_run import (
    SVM,
    corpus,
    document,
    files,
    meta_view,
    metrics,
    mine,
    refusal,
    side,
    two_classes,
    whole_run,
)

BAD = document("bad", "rouge", "une balise <hi>jamais fermée")
BOMB = '<!DOCTYPE b [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>\n'
DEEP = "<hi>" * 10_000 + "</hi>" * 10_000
WHOLE = corpus(two_classes())
HOSTILE = {
    "truncated before any document": WHOLE[:200].encode(),
    "empty": b"",
    "latin-1 said to be utf-8": WHOLE.encode("latin-1"),
    "entity bomb": WHOLE.replace("<teiCorpus", BOMB + "<teiCorpus").encode(),
    "external entity": WHOLE.replace(
        "<teiCorpus", '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<teiCorpus'
    ).encode(),
    "ten thousand deep": corpus([document("deep", "rouge", DEEP)]).encode(),
    "no TEI": b"<teiCorpus><teiHeader/></teiCorpus>",
    "not XML": b"PK\x03\x04 a spreadsheet",
    "damaged gzip": b"\x1f\x8b\x08\x00 not deflate",
}


@pytest.fixture
def bad_in_the_middle(tmp_path: Path) -> tuple[Path, int]:
    """A corpus with one malformed document, and the byte it starts at."""
    good = two_classes()
    text = corpus([*good[:10], BAD, *good[10:]])
    file = tmp_path / "corpus.xml"
    file.write_text(text, encoding="utf-8")
    return file, text.encode().index(BAD.encode())


def test_one_malformed_document_loses_one_document(
    bad_in_the_middle: tuple[Path, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It lost the whole corpus in the earlier system."""
    file, byte = bad_in_the_middle
    with caplog.at_level(logging.INFO):
        whole_run(tmp_path / "out", *SVM, *mine(file))
    meta = meta_view(tmp_path / "out")
    assert meta["n_docs_raw"] == 25
    assert meta["dropped"] == {"malformed XML": 1}
    assert meta["n_docs_train_raw"] + meta["n_docs_job"] == 24
    assert [problem["place"] for problem in meta["problems"]] == [f"corpus.xml, byte {byte}"]
    assert "25 documents seen = 24 kept + 1 dropped (malformed XML 1)" in caplog.text
    (report,) = (tmp_path / "out").rglob("report.md")
    page = report.read_text(encoding="utf-8")
    assert f"byte {byte}" in page
    assert "25 seen = 24 kept + 1 dropped" in page


def test_one_malformed_document_stops_the_run_when_asked(
    bad_in_the_middle: tuple[Path, int], tmp_path: Path
) -> None:
    file, byte = bad_in_the_middle
    code, said = refusal(tmp_path / "out", *SVM, *mine(file), "dataset.on_bad_document=fail")
    assert code == 3
    assert f"corpus.xml, byte {byte}: malformed XML" in said
    assert files(tmp_path / "out") == {}


def test_documents_beyond_131072_characters_are_trained_and_judged(tmp_path: Path) -> None:
    """Python's csv, and so the training of the earlier system, breaks at that length."""
    long = {"rouge": "égalité publique ", "bleu": "mérite public "}
    texts = [
        document(f"{label}{n}", label, words * 10_000)
        for label, words in long.items()
        for n in range(4)
    ]
    file = tmp_path / "corpus.xml"
    file.write_text(corpus([*two_classes(), *texts]), encoding="utf-8")
    root = tmp_path / "out"
    both = ["models=[tfidf_svm_quick,spacy_bow_quick]", *SVM[1:], "models.spacy_bow_quick.epochs=1"]
    whole_run(root, *mine(file), *both, "split.train_prop=0.5")
    for name in ("train", "job"):
        assert side(root, name)["text"].str.len_chars().max() > 131_072
    everything = pl.concat([side(root, "train"), side(root, "job")])
    first = everything.filter(pl.col("id") == "mine:rouge0")["text"].item()
    assert first.split() == (long["rouge"] * 10_000).split()
    for model_id in ("tfidf_svm_quick", "spacy_bow_quick"):
        assert metrics(root, model_id)["n_eval_docs"] == 16


def test_a_zipped_corpus_is_the_corpus(tmp_path: Path) -> None:
    plain, zipped = tmp_path / "corpus.xml", tmp_path / "corpus.xml.gz"
    plain.write_text(WHOLE, encoding="utf-8")
    zipped.write_bytes(gzip.compress(WHOLE.encode()))
    for name, file in (("plain", plain), ("zipped", zipped)):
        whole_run(tmp_path / name, *SVM, *mine(file))
    for name in ("train", "job"):
        assert side(tmp_path / "plain", name).equals(side(tmp_path / "zipped", name))
    scores = [metrics(tmp_path / name, "tfidf_svm_quick") for name in ("plain", "zipped")]
    assert scores[0]["confusion_matrix"] == scores[1]["confusion_matrix"]
    assert scores[0]["identity"] != scores[1]["identity"]  # the files are others


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file of a corpus, and the folder of a whole run on it."""
    folder = tmp_path_factory.mktemp("earlier")
    file = folder / "corpus.xml"
    file.write_text(WHOLE, encoding="utf-8")
    whole_run(folder / "out", *SVM, *mine(file))
    return file, folder / "out"


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_gets_one_message_and_its_run_no_earlier_files(
    earlier: tuple[Path, Path], kind: str
) -> None:
    file, root = earlier
    file.write_bytes(HOSTILE[kind])
    before = files(root)
    code, said = refusal(root, *SVM, *mine(file))
    assert code == 3
    assert said.startswith("superior: error: ")
    assert "corpus.xml" in said
    assert len(said.splitlines()) <= 3
    code, said = refusal(root, *SVM, *mine(file), "pipeline='train,evaluate,report'")
    assert code == 3  # the files of the earlier corpus are not this one's
    assert "mine:corpus.xml" in said
    assert files(root) == before


def test_duplicate_ids_are_left_out_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "corpus.xml"
    again = document("d1", "bleu", "un autre texte du même nom")
    file.write_text(corpus([*two_classes(), again]), encoding="utf-8")
    whole_run(tmp_path / "out", *SVM, *mine(file))
    meta = meta_view(tmp_path / "out")
    assert meta["dropped"] == {"duplicate id": 1}
    assert meta["n_docs_raw"] == 25 == meta["n_docs_train_raw"] + meta["n_docs_job"] + 1
    both = pl.concat([side(tmp_path / "out", name) for name in ("train", "job")])
    assert both["id"].is_unique().all()
    assert "autre" not in both.filter(pl.col("id") == "mine:d1")["text"].item()
