"""Who belongs to which parliamentary group on a day, and where that group stands.

ParlaMint lists persons with dated affiliations, organisations with their political orientation and
expert scores (CHES), and dated relations of coalition and opposition, in files of their own
(https://clarin-eric.github.io/ParlaMint/, sections on listPerson and listOrg).
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from app.datasets.corpora.hardened import read_tree
from app.datasets.corpora.reader import XML_ID
from app.errors import InputError

log = logging.getLogger(__name__)


class Period(NamedTuple):
    """Days from `start` to `end`, both included; "" is open. Dates are ISO, perhaps shortened."""

    start: str
    end: str

    def holds(self, day: str) -> bool:
        """Whether `day` is inside; a shortened date (2016, 2016-04) stands for all its days."""
        return day[: len(self.start)] >= self.start and (
            not self.end or day[: len(self.end)] <= self.end
        )


class Affiliation(NamedTuple):
    period: Period
    group: str


class Person(NamedTuple):
    gender: str | None
    affiliations: tuple[Affiliation, ...]


class Group(NamedTuple):
    """A parliamentary group. `ches`: left-right score (lrgen, 0 left to 10 right) by survey."""

    orientation: str | None
    ches: tuple[tuple[Period, str], ...]


class Relation(NamedTuple):
    period: Period
    kind: str  # coalition | opposition
    groups: frozenset[str]


class Parliament:
    """The persons and groups of a parliament.

    Raises:
        InputError: a list is absent or malformed, or names a category the taxonomy does not have.
    """

    def __init__(self, persons: Path, orgs: Path, taxonomy: Path | None) -> None:
        known = _categories(taxonomy) if taxonomy is not None else None
        tree = read_tree(orgs)
        self.groups = {
            org.get(XML_ID, ""): _group(org, known, orgs)
            for org in tree.iterfind(".//{*}org[@role='parliamentaryGroup']")
        }
        self.relations = tuple(_relations(tree))
        self.persons = dict(_persons(read_tree(persons), self.groups))
        self._reported: set[str] = set()
        if not self.groups:
            raise InputError(f"{orgs}: no <org role='parliamentaryGroup'>; is it the listOrg file?")
        if not self.persons:
            raise InputError(f"{persons}: no <person>; is it the listPerson file?")

    def group_of(self, person_id: str, day: str) -> str | None:
        """The group a person is in on a day.

        Where several affiliations hold that day, the one that began last counts; where these name
        different groups, none does, and the person is reported in the log, once.
        """
        person = self.persons.get(person_id)
        if person is None:
            return None
        holding = [a for a in person.affiliations if a.period.holds(day)]
        latest = max((a.period.start for a in holding), default="")
        groups = {a.group for a in holding if a.period.start == latest}
        if len(groups) > 1 and person_id not in self._reported:
            self._reported.add(person_id)
            log.warning(
                "%s is in %s on %s: no party is given", person_id, ", ".join(sorted(groups)), day
            )
        return groups.pop() if len(groups) == 1 else None

    def ches_of(self, group: str, day: str) -> str | None:
        """The group's score in the survey of that day, else in the last one before it."""
        begun = [
            (period, score) for period, score in self.groups[group].ches if _begun(period, day)
        ]
        return max(begun, key=lambda item: item[0].start)[1] if begun else None

    def status_of(self, group: str, day: str) -> str | None:
        """`coalition` or `opposition` on that day; the relation that began last counts."""
        holding = [r for r in self.relations if group in r.groups and r.period.holds(day)]
        return max(holding, key=lambda r: r.period.start).kind if holding else None


def short_name(org_id: str) -> str:
    """`parliamentaryGroup.NEOS` -> `NEOS`, `orientation.CRR` -> `CRR`."""
    return org_id.partition(".")[2] or org_id


def _categories(taxonomy: Path) -> frozenset[str]:
    found = (c.get(XML_ID) for c in read_tree(taxonomy).iter("{*}category"))
    return frozenset(name for name in found if name)


def _group(org: etree._Element, known: frozenset[str] | None, file: Path) -> Group:
    states = org.iterfind("{*}state[@type='politicalOrientation']")
    named = (_orientation_of(state) for state in states)
    orientation = next((name for name in named if name), None)
    if orientation is not None and known is not None and orientation not in known:
        raise InputError(
            f"{file}, line {org.sourceline}: orientation {orientation!r} is not in the taxonomy"
        )
    return Group(short_name(orientation) if orientation else None, tuple(_ches(org)))


def _orientation_of(state: etree._Element) -> str | None:
    """The category a state of orientation names, in Wikipedia's judgement or in its own @ana."""
    judged = state.find("{*}state[@type='Wikipedia']")
    ana = (judged if judged is not None else state).get("ana", "")
    return ana.removeprefix("#") or None


def _ches(org: etree._Element) -> Iterator[tuple[Period, str]]:
    for variable in org.iterfind("{*}state[@type='CHES']//{*}state[@ana='#ches.lrgen']"):
        for value in variable.iterfind("{*}state[@type='value']"):
            if score := value.get("n"):
                yield _period(value), score


def _relations(orgs: etree._Element) -> Iterator[Relation]:
    """Coalitions and oppositions; a relation of parties holds for the groups representing them."""
    representing: dict[str, list[str]] = {}
    for relation in orgs.iterfind(".//{*}relation[@name='representing']"):
        for party in _references(relation, "passive"):
            representing.setdefault(party, []).extend(_references(relation, "active"))
    for relation in orgs.iterfind(".//{*}relation"):
        kind = relation.get("name")
        if kind in ("coalition", "opposition"):
            named = _references(relation, "mutual" if kind == "coalition" else "active")
            groups = [group for name in named for group in (name, *representing.get(name, ()))]
            yield Relation(_period(relation), kind, frozenset(groups))


def _persons(root: etree._Element, groups: dict[str, Group]) -> Iterator[tuple[str, Person]]:
    for person in root.iter("{*}person"):
        sex = person.find("{*}sex")
        affiliations = tuple(
            Affiliation(_period(affiliation), group)
            for affiliation in person.iterfind("{*}affiliation")
            for group in _references(affiliation, "ref")
            if group in groups
        )
        yield (
            person.get(XML_ID, ""),
            Person(sex.get("value") if sex is not None else None, affiliations),
        )


def _period(element: etree._Element) -> Period:
    when = element.get("when", "")
    return Period(element.get("from", when), element.get("to", when))


def _begun(period: Period, day: str) -> bool:
    return day[: len(period.start)] >= period.start


def _references(element: etree._Element, attribute: str) -> list[str]:
    return [reference.removeprefix("#") for reference in element.get(attribute, "").split()]
