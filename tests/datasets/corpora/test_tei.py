"""The generic reader: the document element and the XPaths are the user's."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from made_corpora import TEI_NS, corpus, document

from app.datasets.corpora.xpath import in_namespace
from app.errors import ConfigError

Read = Callable[..., pl.DataFrame]

SPEECHES = """<TEI{ns} xml:id="s1" xml:lang="de"><teiHeader><fileDesc><titleStmt><title>Day
  one</title></titleStmt></fileDesc></teiHeader><text><body>
<u who="#a" n="1"><seg>Guten <note>(Beifall)</note>Tag</seg><seg>Herr<pb/>schaften</seg></u>
<note>pause</note>
<u who="#b" ana="chair"><seg>Bitte</seg></u>
<u who="#c" xml:lang="it"><seg>Grazie</seg></u>
</body></text></TEI>"""
READER = {
    "kind": "tei",
    "document": "u",
    "where": "not(@ana='chair')",
    "text": "seg",
    "exclude": ["note"],
    "fields": {"speaker": "substring-after(@who, '#')", "sitting": "ancestor::TEI/@xml:id"},
    "header_fields": {"title": "teiHeader/fileDesc/titleStmt/title"},
}


@pytest.mark.parametrize("ns", [f' xmlns="{TEI_NS}"', ""])
def test_documents_inside_a_tei(tmp_path: Path, read: Read, ns: str) -> None:
    file = tmp_path / "x.xml"
    file.write_text(SPEECHES.format(ns=ns))
    frame = read(file, READER)
    assert frame["id"].to_list() == ["c:1", "c:2"]
    assert frame["speaker"].to_list() == ["a", "c"]
    assert frame["sitting"].to_list() == ["s1", "s1"]
    assert frame["title"].to_list() == ["Day one", "Day one"]
    assert frame["language"].to_list() == ["de", "it"]
    assert frame["text"].to_list() == ["Guten Tag\nHerrschaften", "Grazie"]


def test_each_tei_has_its_own_header(tmp_path: Path, read: Read) -> None:
    one = SPEECHES.format(ns="")
    file = tmp_path / "x.xml"
    file.write_text(corpus(one, one.replace("Day", "Night").replace("s1", "s2")))
    frame = read(file, READER | {"id": "concat(ancestor::TEI/@xml:id, '-', @who)"})
    assert frame["title"].to_list() == ["Day one", "Day one", "Night one", "Night one"]
    assert frame["id"].to_list() == ["c:s1-#a", "c:s1-#c", "c:s2-#a", "c:s2-#c"]


def test_fields_may_be_the_language_and_modality(tmp_path: Path, read: Read) -> None:
    terms = '<term type="medium">radio</term>'
    fields = {
        "modality": "teiHeader/profileDesc/textClass/keywords/term[@type='medium']",
        "language": "teiHeader/profileDesc/langUsage/language/@ident",
        "nothing": "@none",
        "paragraphs": "count(.//p)",
    }
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a", terms=terms)))
    row = read(file, {"kind": "tei", "fields": fields}).row(0, named=True)
    assert (row["modality"], row["language"], row["nothing"]) == ("radio", "fr", None)
    assert (row["paragraphs"], row["text"]) == ("1", "one two")


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ({"fields": {"a": "@x["}}, r"reader\.fields\.a: not an XPath"),
        ({"fields": {"a": "mpt:x/@y"}}, r"reader\.fields\.a: prefix 'mpt'"),
        ({"document": "mpt:turn"}, r"reader\.document: prefix 'mpt'"),
        ({"fields": {"text": "p"}}, r"corpora\.c\.reader: a field cannot be named 'text'"),
    ],
)
def test_mistakes_in_the_config_name_their_key(
    tmp_path: Path, read: Read, reader: dict[str, object], message: str
) -> None:
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a")))
    with pytest.raises(Exception, match=message) as raised:
        read(file, {"kind": "tei", **reader})
    assert isinstance(raised.value, ConfigError) or isinstance(raised.value.__cause__, ConfigError)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("text/body//p", "tei:text/tei:body//tei:p"),
        ("term[@type='div']/text()", "tei:term[@type='div']/text()"),
        ("div div div", "tei:div div tei:div"),
        ("ancestor-or-self::u/@n and mpt:x", "ancestor-or-self::tei:u/@n and mpt:x"),
        ("count(p) > 2 or not(and)", "count(tei:p) > 2 or not(tei:and)"),
        ("self::node()|*[xml:id]", "self::node()|*[xml:id]"),
        ("tei:p/@tei:x", "tei:p/@tei:x"),
    ],
)
def test_names_without_prefix_mean_tei(written: str, meant: str) -> None:
    assert in_namespace(written, True) == meant
    assert in_namespace(meant, False) == written.replace("tei:", "")
