from pathlib import Path

import polars as pl
import pytest
from small_study import IDENTITY, Study, documents, meta_view, models

from app.errors import StaleInputError
from app.pipelines.ideo.formats import format_sklearn, format_spacy, majority_language

SVM = {"family": "sklearn", "estimator": {"name": "linear_svc"}}
BOW = {"family": "spacy", "architecture": "bow", "epochs": 1}
HF = {"family": "hf", "pretrained": "anything"}


def test_formats_of_the_configured_families_only(tmp_path: Path) -> None:
    study = Study(tmp_path, models(svm=SVM, bow=BOW, hf=HF))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hf", "sklearn", "spacy"]
    assert sorted(study.formats["families"]) == ["hf", "sklearn", "spacy"]
    Study(tmp_path, models(check={"family": "check"}))
    assert list(tmp_path.iterdir()) == []  # nothing of the earlier run to be mistaken for this one


def test_meta_formats_counts_what_was_written(tmp_path: Path) -> None:
    formats = Study(tmp_path, models(svm=SVM, bow=BOW)).formats
    assert formats["identity"] == IDENTITY
    assert (formats["labels"], formats["language"]) == (["left", "right"], "fr")
    table = formats["families"]["sklearn"]
    assert table["columns"] == ["id", "label", "text"]
    assert table["n_docs"] == {"train": 200, "job": 60}
    assert table["label_counts"]["train"] == {"left": 50, "right": 150}
    assert formats["families"]["spacy"]["n_shards"] == {"train": 3, "job": 1}


def test_shards_hold_every_document_with_spacy_s_own_tokens(tmp_path: Path) -> None:
    import spacy

    study = Study(tmp_path, models(bow=BOW))
    nlp = spacy.blank("fr")
    for side, table in (("train", study.train), ("job", study.job)):
        loaded = study.shards.load()[side]
        docs = [doc for shard in loaded.shards for doc in shard().get_docs(nlp.vocab)]
        assert loaded.rows["id"].sort().to_list() == table["id"].sort().to_list()
        texts = dict(table.select("id", "text").iter_rows())
        for name, label, doc in zip(loaded.rows["id"], loaded.rows["label"], docs, strict=True):
            fresh = nlp.make_doc(texts[name])
            assert [token.norm for token in doc] == [token.norm for token in fresh]
            assert doc.text == texts[name]
            assert max(doc.cats, key=doc.cats.__getitem__) == label


def test_training_documents_are_dealt_to_shards_within_their_size() -> None:
    train = documents(100, 0, "t").sort("label")  # all of one label come first
    job = documents(10, 0, "j")
    shards = format_spacy(train, job, meta_view(train, job), ["spacy"], 30)["train"]
    sizes = [len(shard()) for shard in shards.shards]
    assert sizes == [25, 25, 25, 25]
    first = shards.rows[:25]["label"].value_counts()
    assert dict(first.iter_rows()) == {"left": 7, "right": 18}


def test_hard_texts_survive_json_lines(tmp_path: Path) -> None:
    study = Study(tmp_path, models(hf=HF))
    hard = ['tab\tline\nquote" \\ \u2028 é 🙂', "x" * 200_000, "null", "12"]
    train = documents(4, 0, "t").with_columns(text=pl.Series(hard), speaker=pl.lit(None, pl.String))
    study.rows.save({"train": train, "job": train})
    loaded = study.rows.load()["train"].lazy().collect()
    assert loaded.equals(train)


def test_tables_of_another_run_are_refused() -> None:
    train, job = documents(20, 0, "t"), documents(10, 0, "j")
    view = meta_view(train, job)
    with pytest.raises(StaleInputError, match=r"n_docs_train_balanced=20 .* 19"):
        format_sklearn(train[:19], job, view, ["sklearn"])


def test_the_language_is_that_of_most_documents() -> None:
    mixed = pl.DataFrame({"language": ["de", "fr", "de", None, None, None]})
    assert majority_language(mixed) == "de"
    assert majority_language(pl.DataFrame({"id": ["a"]})) == "xx"
