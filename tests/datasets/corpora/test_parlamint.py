"""Who is in which group on a day, on a small parliament with every difficulty in it."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from made_corpora import TEI_NS

from app.errors import InputError

Read = Callable[..., pl.DataFrame]

ORGS = f"""<listOrg xmlns="{TEI_NS}">
<org role="parliamentaryGroup" xml:id="group.Red">
  <state type="politicalOrientation"><state type="Wikipedia" ana="#orientation.L"/></state>
  <state type="CHES"><state type="variable" ana="#ches.lrgen">
    <state type="value" from="2010" to="2013" n="2.1"/>
    <state type="value" from="2014" to="2018" n="2.5"/></state></state>
</org>
<org role="parliamentaryGroup" xml:id="group.Blue">
  <state type="politicalOrientation" ana="#orientation.CRR"/></org>
<org role="government" xml:id="GOV"/>
<listRelation>
  <relation name="coalition" mutual="#party.Red" from="2015-01-01" to="2016-12-31"/>
  <relation name="opposition" active="#group.Blue" passive="#GOV" from="2015-01-01"/>
  <relation name="opposition" active="#party.Red" passive="#GOV" from="2017-01-01"/>
  <relation name="representing" active="#group.Red" passive="#party.Red"/>
</listRelation></listOrg>"""


def person(name: str, *affiliations: str) -> str:
    inside = "".join(f"<affiliation {a}/>" for a in affiliations)
    return f'<person xml:id="{name}"><sex value="F"/>{inside}</person>'


PERSONS = (
    f'<listPerson xmlns="{TEI_NS}">'
    + "".join(
        [
            person("undated", 'ref="#group.Red"'),
            person("gov", 'ref="#GOV"'),
            person(
                "moved",
                'ref="#group.Red" from="2010-01-01" to="2016-05-31"',
                'ref="#group.Blue" from="2016-06-01"',
            ),
            person("overlap", 'ref="#group.Red"', 'ref="#group.Blue" from="2016"'),
            person(
                "torn", 'ref="#group.Red" from="2015-01-01"', 'ref="#group.Blue" from="2015-01-01"'
            ),
        ]
    )
    + "</listPerson>"
)
TAXONOMY = f"""<taxonomy xmlns="{TEI_NS}"><category xml:id="orientation.L"/>
<category xml:id="orientation.CRR"/></taxonomy>"""
SITTING = f"""<TEI xmlns="{TEI_NS}" xml:id="S-{{day}}.xml" xml:lang="de"><teiHeader><profileDesc>
<settingDesc><setting><date when="{{day}}"/></setting></settingDesc></profileDesc></teiHeader>
<text><body><div>{{speeches}}</div></body></text></TEI>"""
SPEECH = '<u who="#{0}" ana="#regular" xml:id="{0}"><seg>Hello <vocal><desc>laughs</desc></vocal>'
SPEAKERS = ("undated", "gov", "moved", "overlap", "torn", "unknown")


def parliament(folder: Path, day: str) -> dict[str, str]:
    (folder / "persons.xml").write_text(PERSONS)
    (folder / "orgs.xml").write_text(ORGS)
    (folder / "taxonomy.xml").write_text(TAXONOMY)
    speeches = "".join(f"{SPEECH.format(name)}all.</seg></u>" for name in SPEAKERS)
    speeches += '<u ana="#chair"><seg>Order!</seg></u>'
    (folder / "sitting.xml").write_text(SITTING.format(day=day, speeches=speeches))
    files = ("persons", "orgs", "taxonomy")
    return {"kind": "parlamint", **{name: str(folder / f"{name}.xml") for name in files}}


def test_affiliations_hold_on_their_days(
    tmp_path: Path, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    reader = parliament(tmp_path, "2016-05-31")
    frame = read(tmp_path / "sitting.xml", reader)
    assert frame["speaker"].to_list() == list(SPEAKERS)
    assert frame["party"].to_list() == ["Red", None, "Red", "Blue", None, None]
    assert frame["orientation"].to_list() == ["L", None, "L", "CRR", None, None]
    assert frame["ches"].to_list() == ["2.5", None, "2.5", None, None, None]
    assert frame["status"][0] == "coalition"
    assert frame["status"][3] == "opposition"
    assert frame["gender"].to_list() == ["F"] * 5 + [None]
    assert set(frame["sitting"]) == {"S-2016-05-31"}
    assert set(frame["date"]) == {"2016-05-31"}
    assert set(frame["text"]) == {"Hello all."}
    assert set(frame["language"]) == {"de"}
    assert "torn is in group.Blue, group.Red on 2016-05-31" in caplog.text


def test_the_day_after_another_group(tmp_path: Path, read: Read) -> None:
    reader = parliament(tmp_path, "2019-06-01")
    frame = read(tmp_path / "sitting.xml", reader)
    assert frame["party"][2] == "Blue"
    assert frame["status"].to_list()[:1] == ["opposition"]
    assert frame["ches"][0] == "2.5", "no survey that year: the last before it"


def test_roles_choose_utterances(tmp_path: Path, read: Read) -> None:
    reader = parliament(tmp_path, "2016-05-31")
    assert len(read(tmp_path / "sitting.xml", {**reader, "roles": []})) == 7
    chair = read(tmp_path / "sitting.xml", {**reader, "roles": ["chair"]})
    assert chair.select("role", "speaker", "text").rows() == [("chair", None, "Order!")]


def test_an_orientation_outside_the_taxonomy_is_refused(tmp_path: Path, read: Read) -> None:
    reader = parliament(tmp_path, "2016-05-31")
    (tmp_path / "taxonomy.xml").write_text(TAXONOMY.replace("orientation.L", "orientation.X"))
    with pytest.raises(InputError, match=r"orgs\.xml, line 2: orientation 'orientation\.L'"):
        read(tmp_path / "sitting.xml", reader)


def test_hostile_or_absent_lists_are_refused(tmp_path: Path, read: Read) -> None:
    reader = parliament(tmp_path, "2016-05-31")
    (tmp_path / "persons.xml").write_text('<!DOCTYPE x [<!ENTITY a "b">]>\n' + PERSONS)
    with pytest.raises(InputError, match=r"persons\.xml, line 1: DOCTYPE"):
        read(tmp_path / "sitting.xml", reader)
    (tmp_path / "persons.xml").unlink()
    with pytest.raises(InputError, match=r"persons\.xml: cannot be read"):
        read(tmp_path / "sitting.xml", reader)
