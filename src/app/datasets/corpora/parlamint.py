"""ParlaMint: each utterance <u> is a document; its speaker's party is looked up by date.

Text is u/seg without what was added to the speech (notes, gestures, noises, incidents, gaps).
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from app.datasets.corpora.affiliations import Parliament, short_name
from app.datasets.corpora.reader import (
    TEI_NAMESPACE,
    XML_ID,
    XML_LANG,
    Found,
    Header,
    is_namespaced,
    own_id,
)
from app.datasets.corpora.text import joined, paragraph_without

NOT_SPEECH = frozenset({"note", "kinesic", "vocal", "incident", "gap"})


class ParlaMintOptions(NamedTuple):
    """What a corpus is configured with; values as in `app.config.ideo.corpora.ParlaMintReader`."""

    persons: str
    orgs: str
    taxonomy: str | None
    roles: Sequence[str]


class ParlaMint:
    """Reads utterances (`TeiDocuments`).

    Fields: speaker (the person's id), gender, role (u/@ana), party (the group's short id),
    orientation (the taxonomy's, as CL or CRR), ches (left-right score), status (coalition or
    opposition), sitting (the TEI's id), date (ISO). Null where the lists do not say.
    """

    def __init__(self, options: ParlaMintOptions) -> None:
        self._options = options
        self._roles = frozenset(options.roles)

    @cached_property
    def _parliament(self) -> Parliament:
        taxonomy = self._options.taxonomy
        return Parliament(
            Path(self._options.persons),
            Path(self._options.orgs),
            Path(taxonomy) if taxonomy else None,
        )

    def inner(self, namespaced: bool) -> list[str]:
        return [f"{{{TEI_NAMESPACE}}}u" if namespaced else "u"]

    def header(self, tei: etree._Element, stem: str) -> Header:
        date = tei.find(".//{*}setting/{*}date")
        day = date.get("when") or date.get("from") if date is not None else None
        return {
            "date": day,
            "sitting": (tei.get(XML_ID) or stem).removesuffix(".xml"),
            XML_LANG: tei.get(XML_LANG),
        }

    def documents(self, element: etree._Element, header: Header) -> Iterator[Found]:
        roles = [role.removeprefix("#") for role in element.get("ana", "").split()]
        if self._roles and not self._roles.intersection(roles):
            return
        segment = f"{{{TEI_NAMESPACE}}}seg" if is_namespaced(element) else "seg"
        text = joined(paragraph_without(part, NOT_SPEECH) for part in element.iterchildren(segment))
        speaker = element.get("who", "").removeprefix("#") or None
        yield Found(
            own_id(element),
            element.get(XML_LANG) or header[XML_LANG],
            None,
            [
                speaker,
                *self._standing(speaker, roles, header["date"]),
                header["sitting"],
                header["date"],
            ],
            text,
        )

    def _standing(
        self, speaker: str | None, roles: list[str], day: str | None
    ) -> tuple[str | None, ...]:
        """gender, role, party, orientation, ches, status."""
        parliament = self._parliament
        person = parliament.persons.get(speaker or "")
        gender = person.gender if person else None
        group = parliament.group_of(speaker, day) if speaker and day else None
        role = roles[0] if roles else None
        if group is None or day is None:
            return gender, role, None, None, None, None
        return (
            gender,
            role,
            short_name(group),
            parliament.groups[group].orientation,
            parliament.ches_of(group, day),
            parliament.status_of(group, day),
        )
