"""A first actors file from a corpus: who is in it, where it publishes, how much, and its labels.

An actor is, in this order: what a document's `actor` term says; the actor whose other documents,
or whose entry in the existing file, have its domain; else the registrable part of the domain
(`blog.site.fr` -> `site_fr`). A document with neither belongs to the actor of its crawl, unless
several actors share the crawl: it is then counted as unresolved, never guessed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from app.errors import InputError
from app.pipelines.ideo.concept import LABELS, actor_labels
from app.pipelines.ideo.normalise import normalise

FIELDS = ("actor", "domain", "crawl")
UNRESOLVED = "(unresolved)"
# Second-level names under which sites are registered, as in `site.asso.fr` or `site.co.uk`. Not
# the Public Suffix List: a domain cut too short is mended by naming the actor in the file.
_SECOND_LEVEL = frozenset({"ac", "asso", "co", "com", "edu", "gouv", "gov", "net", "nom", "org"})

Claims = Mapping[str, set[str]]  # a normalised domain or crawl -> the actors that have it


class Place(NamedTuple):
    """Where documents were published; None where a document does not say."""

    actor: str | None
    domain: str | None
    crawl: str | None


def ideology_skeleton(
    frames: Iterable[pl.DataFrame],
    concept: Mapping[str, Any],
    existing: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, dict[str, Any]], pl.DataFrame]:
    """The actors of the documents in `frames`, and a table of them.

    `concept` is the conceptual file; `existing` the actors of an earlier actors file: labels and
    places a person wrote there are kept, and only empty labels are filled. Both results are
    in order of documents, then of id; the table ends with the unresolved documents, if any.

    Raises:
        InputError: the documents have none of the fields actor, domain and crawl.
    """
    counts = _count_places(frames)
    domains = _claims("domain", existing, {place: _named_actor(place) for place in counts})
    actor_of = {place: _named_actor(place) or _domain_actor(place, domains) for place in counts}
    crawls = _claims("crawl", existing, actor_of)
    for place, actor in actor_of.items():
        if actor is None and place.domain is None and place.crawl is not None:
            actor_of[place] = _only(crawls[normalise(place.crawl)])

    labels = actor_labels(concept)
    totals: Counter[str | None] = Counter()
    places: defaultdict[str, list[Place]] = defaultdict(list)
    for place, n in counts.items():
        actor = actor_of[place]
        totals[actor] += n
        if actor is not None:
            places[actor].append(place)
    names = sorted({*places, *existing}, key=lambda name: (-totals[name], name))
    actors = {
        name: _entry(existing.get(name, {}), labels.get(name, {}), places[name], totals[name])
        for name in names
    }
    return actors, _table(actors, crawls, totals[None])


def _count_places(frames: Iterable[pl.DataFrame]) -> dict[Place, int]:
    """Documents per combination of the fields, in a fixed order."""
    counts: Counter[Place] = Counter()
    known = False
    for frame in frames:
        present = [field for field in FIELDS if field in frame.columns]
        known = known or bool(present)
        read = frame.filter(pl.col("problem").is_null()) if "problem" in frame.columns else frame
        columns = [
            pl.col(field) if field in present else pl.lit(None, pl.String).alias(field)
            for field in FIELDS
        ]
        for *place, n in read.select(columns).group_by(FIELDS).len().iter_rows():
            counts[Place(*(value if normalise(value or "") else None for value in place))] += n
    if not known:
        raise InputError(
            "the corpus has none of the fields actor, domain and crawl: its documents say nothing "
            "of who wrote them; map one in the corpus file, e.g. reader.fields.actor"
        )
    return {
        place: counts[place] for place in sorted(counts, key=lambda p: [part or "" for part in p])
    }


def _named_actor(place: Place) -> str | None:
    return normalise(place.actor) if place.actor is not None else None


def _claims(
    kind: str,
    existing: Mapping[str, Mapping[str, Any]],
    actor_of: Mapping[Place, str | None],
) -> Claims:
    """Which actors have each domain (or crawl), by the existing file and by the documents."""
    claims: defaultdict[str, set[str]] = defaultdict(set)
    for actor, entry in existing.items():
        for value in entry.get(f"{kind}s") or []:
            claims[normalise(value)].add(actor)
    for place, named in actor_of.items():
        value = getattr(place, kind)
        if value is not None and named is not None:
            claims[normalise(value)].add(named)
    return claims


def _domain_actor(place: Place, domains: Claims) -> str | None:
    """The one actor of the domain; the domain's own name where nobody claims it."""
    if place.domain is None:
        return None
    claimed = domains.get(normalise(place.domain))
    return _only(claimed) if claimed else normalise(registrable(place.domain))


def registrable(domain: str) -> str:
    """The part of a domain that its owner registered: `blog.site.co.uk` -> `site.co.uk`."""
    labels = domain.lower().strip(".").split(".")
    third = len(labels) > 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if third else labels[-2:])


def _only(actors: set[str]) -> str | None:
    return next(iter(actors)) if len(actors) == 1 else None


def _entry(
    written: Mapping[str, Any],
    labels: Mapping[str, str | None],
    places: list[Place],
    doc_count: int,
) -> dict[str, Any]:
    """One actor of the file: what a person wrote, completed by what was seen and is known."""
    entry: dict[str, Any] = {
        "domains": _merged(written.get("domains"), [place.domain for place in places]),
        "crawls": _merged(written.get("crawls"), [place.crawl for place in places]),
        "doc_count": doc_count,
    }
    for label in LABELS:
        by_hand = written.get(label)
        entry[label] = labels.get(label) if by_hand is None else by_hand
    return entry


def _merged(written: list[str] | None, seen: list[str | None]) -> list[str]:
    """The values in order; of several that are the same once normalised, the one written."""
    by_key = {normalise(value): value for value in sorted({v for v in seen if v}, reverse=True)}
    by_key |= {normalise(value): value for value in written or []}
    return [by_key[key] for key in sorted(by_key)]


def _table(
    actors: Mapping[str, Mapping[str, Any]], crawls: Claims, n_unresolved: int
) -> pl.DataFrame:
    rows = [
        {
            "actor": name,
            "doc_count": entry["doc_count"],
            **{label: entry[label] for label in LABELS},
            "domains": " ".join(entry["domains"]),
            "crawls": " ".join(entry["crawls"]),
            "shared_crawls": " ".join(
                crawl for crawl in entry["crawls"] if len(crawls[normalise(crawl)]) > 1
            ),
        }
        for name, entry in actors.items()
    ]
    if n_unresolved:
        rows.append({"actor": UNRESOLVED, "doc_count": n_unresolved})
    text = dict.fromkeys((*LABELS, "domains", "crawls", "shared_crawls"), pl.String)
    return pl.DataFrame(rows, schema={"actor": pl.String, "doc_count": pl.Int64, **text})
