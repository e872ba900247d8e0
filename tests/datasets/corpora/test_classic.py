"""The classic form, and what holds for every corpus of whole <TEI> documents."""

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from made_corpora import TEI_NS, corpus, document

from app.datasets.corpora import cutting, tasks

Read = Callable[..., pl.DataFrame]

TERMS = (
    '<term type="domain">Ecologie-Nord.fr</term><term type="modality">asr</term>'
    '<term type="actor"> a1 </term><term type="actor">a2</term><term type="odd">x</term>'
)
TEXT = "<head>Title</head><p>one\n   two <hi>three</hi></p><p/><p>four\u00a0five</p>"


@pytest.mark.parametrize("namespace", [TEI_NS, ""])
def test_metadata_and_text(tmp_path: Path, read: Read, namespace: str) -> None:
    file = tmp_path / "corpus.xml"
    file.write_text(corpus(document("d1", TEXT, TERMS), namespace=namespace))
    row = read(file).row(0, named=True)
    assert row == {
        "id": "c:d1",
        "corpus_id": "c",
        "language": "fr",
        "modality": "asr",
        "domain": "Ecologie-Nord.fr",
        "crawl": None,
        "published": None,
        "class": None,
        "suffix": None,
        "ideology": None,
        "actor": "a1",
        "n_chars": 29,
        "n_tokens": 6,
        "text": "Title\none two three\nfour five",
        "problem": None,
        "place": None,
    }


def test_columns_have_their_types(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "corpus.xml"
    file.write_text(corpus(document("d1")))
    schema = read(file).schema
    assert schema["n_chars"] == schema["n_tokens"] == pl.UInt32
    assert {schema[name] for name in set(schema) - {"n_chars", "n_tokens"}} == {pl.String()}


def test_ids_are_xml_id_else_n_else_a_counter(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "corpus.xml"
    others = [document("").replace('xml:id=""', mark) for mark in ('n="7b"', "", "")]
    file.write_text(corpus(document("d1"), *others))
    assert read(file)["id"].to_list() == ["c:d1", "c:7b", "c:3", "c:4"]


def test_defaults_where_a_document_does_not_say(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "corpus.xml"
    bare = "<TEI><text><body><p>x</p></body></text></TEI>"
    file.write_text(corpus(bare, bare.replace("<TEI>", '<TEI xml:lang="de">')))
    frame = read(file)
    assert frame["language"].to_list() == ["en", "de"]
    assert frame["modality"].to_list() == ["text", "text"]


def test_a_document_without_text_is_kept_as_a_problem(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "corpus.xml"
    file.write_text(corpus(document("a", "<p> </p>"), document("b")))
    assert read(file, policy="fail")["problem"].to_list() == ["no text", None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings_as_declared(tmp_path: Path, read: Read, encoding: str) -> None:
    file = tmp_path / "corpus.xml"
    text = corpus(
        document("d1", "<p>À l’été</p>".replace("’", "'" if encoding == "latin-1" else "’"))
    )
    declared = encoding.removesuffix("-sig")
    file.write_bytes(text.replace('"UTF-8"', f'"{declared}"').encode(encoding))
    assert read(file)["text"][0] in ("À l’été", "À l'été")
    assert read(file)["problem"][0] is None


def test_tokenizers(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "corpus.xml"
    file.write_text(corpus(document("d1", "<p>L'été, c'est ça.</p>")))
    assert read(file, tokenizer="whitespace")["n_tokens"][0] == 3
    assert read(file, tokenizer="simple")["n_tokens"][0] == 9
    assert read(file, tokenizer="spacy:fr")["n_tokens"][0] == 7


def test_folders_globs_zips_and_exclusions(tmp_path: Path, read: Read) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.xml").write_text(corpus(document("b")))
    (tmp_path / "sub" / "a.xml").write_text(document("s").strip())
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(corpus(document("z")).encode()))
    (tmp_path / "list.xml").write_text("<listPerson/>")
    (tmp_path / "notes.txt").write_text("no corpus")
    assert read(tmp_path, exclude=["list*"])["id"].to_list() == ["c:z", "c:b", "c:s"]
    assert read(tmp_path / "*.xml", exclude=["list*"])["id"].to_list() == ["c:b"]
    assert read(tmp_path / "**" / "[ab].xml")["id"].to_list() == ["c:b", "c:s"]


HIDDEN = [
    "<!-- <TEI xml:id='no'><text/></TEI> -->",
    "<!-- </TEI> -->",
    "<?keep <TEI> </TEI> ?>",
    "<!-- <TEI -->",
]


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("block", [64, 1000, 2**17])
def test_tags_in_comments_are_no_documents(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch, hidden: str, block: int
) -> None:
    monkeypatch.setattr(cutting, "BLOCK", block)
    inside = f"<p>x {hidden} <![CDATA[ </TEI> <TEI> ]]> y</p>"
    text = corpus(
        hidden, document("a"), hidden, document("b", inside), document("c"), hidden, document("d")
    )
    file = tmp_path / "corpus.xml"
    file.write_text(text)
    frame = read(file)
    assert frame["id"].to_list() == ["c:a", "c:b", "c:c", "c:d"]
    assert frame["text"][1] == "x </TEI> <TEI> y"
    assert frame["problem"].null_count() == 4


def test_enclosing_namespaces_and_prefixes_reach_every_document(tmp_path: Path, read: Read) -> None:
    reader = {
        "kind": "tei",
        "namespaces": {"m": "urn:m"},
        "fields": {"mark": "@m:mark"},
        "text": "text/body/p",
    }
    bodies = "".join(
        f'<t:TEI m:mark="{n}"><t:text><t:body><t:p>p{n}</t:p></t:body></t:text></t:TEI >'
        for n in range(3)
    )
    file = tmp_path / "x.xml"
    file.write_text(
        f'<t:teiCorpus xmlns:t="{TEI_NS}">\n<t:teiCorpus\nxmlns:m="urn:m">{bodies}'
        "</t:teiCorpus></t:teiCorpus>"
    )
    frame = read(file, reader)
    assert frame["mark"].to_list() == ["0", "1", "2"]
    assert frame["text"].to_list() == ["p0", "p1", "p2"]
    assert frame["problem"].null_count() == 3


def mixed(count: int) -> str:
    """A corpus with every kind of trouble in it."""
    parts = []
    for number in range(count):
        body = f"<p>{number} {'word ' * (number % 50)}</p>"
        if number % 41 == 0:
            body = f"<p>{number} <!-- <TEI> </TEI> --> z</p>"
        if number % 97 == 3:
            body = "<p>broken"
        name = f"d{number - 5}" if number % 53 == 7 else f"d{number}"
        parts.append(document(name, body))
        if number % 61 == 0:
            parts.append("<!-- " + document("hidden") * 40 + " -->\n")
    return corpus(*parts)


def test_any_division_of_the_work_gives_the_same_documents(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "corpus.xml"
    file.write_text(mixed(1500))
    whole = read(file)
    assert whole["problem"].drop_nulls().len() > 20
    for size, block in ((20_000, 4096), (3_000, 512), (250, 128)):
        monkeypatch.setattr(tasks, "RANGE", size)
        monkeypatch.setattr(cutting, "BLOCK", block)
        assert read(file).equals(whole), (size, block)


def test_two_workers_read_what_one_reads(tmp_path: Path, read: Read) -> None:
    """A file of several ranges, of which one begins inside a comment."""
    long = "".join(document(f"l{n}", f"<p>{'word ' * 400}</p>") for n in range(3000))
    comment = "<!-- " + document("no") * 15_000 + " -->\n"
    for name, text in (("a", corpus(long, comment, document("z"))), ("b", mixed(800))):
        (tmp_path / f"{name}.xml").write_text(text)
    one, two = (read(tmp_path, workers=workers) for workers in (1, 2))
    assert (tmp_path / "a.xml").stat().st_size > 2 * tasks.RANGE
    assert one.equals(two)
    assert "c:z" in one["id"]
    assert "c:no" not in one["id"]
