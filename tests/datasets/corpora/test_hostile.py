"""Files that are broken or mean harm: one clear message, and never more than is lost."""

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from made_corpora import corpus, document

from app.errors import InputError

Read = Callable[..., pl.DataFrame]

BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE teiCorpus [\n<!ENTITY a "ha">\n'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">\n' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>\n"
)


def test_an_entity_bomb_is_refused_with_file_and_line(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "bomb.xml"
    file.write_text(BOMB + "<TEI><text><body><p n='&i;'>&i;</p></body></text></TEI>")
    with pytest.raises(InputError, match=r"bomb\.xml, line 2: DOCTYPE with an internal subset"):
        read(file)


def test_an_external_entity_is_refused(tmp_path: Path, read: Read) -> None:
    (tmp_path / "secret").write_text("password")
    file = tmp_path / "x.xml"
    subset = f'<!DOCTYPE TEI [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    file.write_text(f"{subset}<TEI><text><body><div><p>&x;</p></div></body></text></TEI>")
    with pytest.raises(InputError, match=r"x\.xml, line 1: DOCTYPE"):
        read(file)


def test_a_bare_doctype_is_not_followed(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    outside = '<!DOCTYPE teiCorpus PUBLIC "-//x" "http://127.0.0.1:1/tei.dtd">\n'
    text = corpus(document("a"), document("b", "<p>caf&eacute;</p>"))
    file.write_text(text.replace("<teiCorpus", outside + "<teiCorpus"))
    frame = read(file)
    assert frame["problem"][0] is None
    assert "eacute" in frame["problem"][1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("<teiCorpus><teiHeader/></teiCorpus>", "no <TEI> element in the file"),
        ("plain words", "no <TEI> element in the file"),
        ("<teiCorpus><a></b><TEI/></teiCorpus>", "line 1: malformed XML before the first <TEI>"),
    ],
)
@pytest.mark.parametrize("policy", ["skip", "fail"])
def test_a_file_that_is_no_corpus(
    tmp_path: Path, read: Read, content: str, message: str, policy: str
) -> None:
    file = tmp_path / "x.xml"
    file.write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        read(file, policy=policy)
    assert str(file) in str(raised.value)


def test_absent_paths(tmp_path: Path, read: Read) -> None:
    with pytest.raises(InputError, match="names no file"):
        read(tmp_path / "none.xml")
    with pytest.raises(InputError, match=r"holds no \*\.xml"):
        read(tmp_path)


def test_a_malformed_document_costs_itself_alone(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    bad = document("bad", "<p>one <b>two</p>")
    text = corpus(document("a"), bad, document("b"))
    file.write_text(text)
    frame = read(file)
    assert frame["id"].to_list() == ["c:a", "c:bad", "c:b"]
    assert frame["problem"].null_count() == 2
    assert frame["problem"][1].startswith("malformed XML: Opening and ending tag mismatch")
    assert frame["place"][1] == f"x.xml, byte {text.index(bad)}"
    with pytest.raises(InputError, match=rf"x\.xml, byte {text.index(bad)}: malformed XML.*skip"):
        read(file, policy="fail")


def test_a_document_never_closed_costs_itself_alone(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a"), document("bad").replace("</TEI>", ""), document("b")))
    frame = read(file)
    assert frame.filter(frame["problem"].is_null())["id"].to_list() == ["c:a", "c:b"]
    assert len(frame) == 3


def test_a_comment_never_closed_costs_its_document(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a"), document("bad", "<!-- <p>x</p>"), document("b")))
    frame = read(file)
    assert frame.filter(frame["problem"].is_null())["id"].to_list() == ["c:a", "c:b"]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_truncated_file(tmp_path: Path, read: Read, zipped: bool) -> None:
    whole = corpus(*(document(f"d{n}", f"<p>{n} {'word ' * (n % 97)}</p>") for n in range(2000)))
    data = gzip.compress(whole.encode())[:-3000] if zipped else whole[:-700].encode()
    file = tmp_path / ("x.xml.gz" if zipped else "x.xml")
    file.write_bytes(data)
    frame = read(file)
    problems = frame.filter(frame["problem"].is_not_null())
    assert len(problems) == 1
    assert problems["problem"][0].startswith("truncated: the ")
    assert frame["problem"].null_count() > 1000


def test_a_file_cut_between_documents_is_noticed(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a")).replace("</teiCorpus>", ""))
    frame = read(file)
    assert frame["problem"][0] is None
    assert frame["problem"][1].startswith("malformed XML after the last document")


def test_latin_1_declared_as_utf_8(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    text = corpus(document("a"), document("b", "<p>né à Évry</p>"))
    file.write_bytes(text.encode("latin-1"))
    frame = read(file)
    assert frame["problem"][0] is None
    assert "set `encoding` of the corpus" in frame["problem"][1]
    assert read(file, encoding="latin-1")["text"][1] == "né à Évry"


def test_ten_thousand_elements_deep(tmp_path: Path, read: Read) -> None:
    deep = "<hi>" * 10_000 + "</hi>" * 10_000
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a"), document("deep", f"<p>{deep}</p>"), document("b")))
    frame = read(file)
    assert frame["problem"].to_list()[0::2] == [None, None]
    assert "nested more than 256 deep" in frame["problem"][1]


def test_duplicate_ids(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    file.write_text(corpus(*(document(name, f"<p>{name}</p>") for name in ("a", "b", "a", "a"))))
    frame = read(file)
    assert frame["problem"].to_list() == [None, None, "duplicate id", "duplicate id"]
    assert frame["place"][2] == "x.xml"
    assert frame["id"].n_unique() == 4
    assert frame["text"][2] == ""
    with pytest.raises(InputError, match=r"x\.xml: duplicate id"):
        read(file, policy="fail")


def test_a_corpus_without_any_readable_document(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a", "<p>"), document("b", "<p>")))
    with pytest.raises(InputError, match=r"no document could be read; x\.xml, byte \d+: malformed"):
        read(file)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hostile_file_among_good_ones_stops_every_reading(
    tmp_path: Path, read: Read, workers: int
) -> None:
    for number in range(4):
        padding = f"<p>{'x ' * 2_500_000}</p>"
        (tmp_path / f"{number}.xml").write_text(corpus(document(f"d{number}", padding)))
    (tmp_path / "2.xml").write_text(BOMB + "<TEI/>")
    with pytest.raises(InputError, match=r"2\.xml, line 2: DOCTYPE"):
        read(tmp_path, workers=workers)


def test_a_damaged_gzip_file(tmp_path: Path, read: Read) -> None:
    file = tmp_path / "x.xml.gz"
    file.write_bytes(b"\x1f\x8b\x08\x00garbage that is not deflate at all")
    with pytest.raises(InputError, match=r"x\.xml\.gz: damaged gzip file"):
        read(file)


def test_a_malformed_turn_loses_the_rest_of_its_tei(tmp_path: Path, read: Read) -> None:
    reader = {"kind": "tei", "document": "u", "text": "tei:seg"}
    good = '<TEI><text><body><u xml:id="u{0}"><seg>said {0}</seg></u></body></text></TEI>\n'
    bad = '<TEI><text><body><u xml:id="u2"><seg>x</seg></u><u></seg></u></body></text></TEI>\n'
    file = tmp_path / "x.xml"
    file.write_text(corpus(good.format(1), bad, good.format(3)))
    frame = read(file, reader)
    assert frame.filter(frame["problem"].is_null())["id"].to_list() == ["c:u1", "c:u2", "c:u3"]
    fault = frame.filter(frame["problem"].is_not_null())
    assert fault["place"].to_list() == ["x.xml, line 4"]
    assert "the rest of this <TEI> was not read" in fault["problem"][0]
