"""`web1`: pages of the sites of some twenty actors, as a crawl leaves them.

Skewed over actors; with pages met twice, pages met again slightly edited, press releases that
other actors reprint, two-line pages, interminable ones, pages in other languages, pages of sites
that have no ideology, and missing metadata.
"""

from collections.abc import Iterator
from dataclasses import replace

from app.pipelines.ideo.demo import lexicon
from app.pipelines.ideo.demo.actors import ACTORS, SHARED_CRAWL, Actor, actor_sequence
from app.pipelines.ideo.demo.draws import Draws
from app.pipelines.ideo.demo.grammar import (
    HABIT,
    Voice,
    capital,
    sentences,
    voices,
)
from app.pipelines.ideo.demo.tei import Document

TITLE = "web1: pages of invented actors"
N_DOCS, N_STRAY = 1200, 30
EXACT_COPIES, NEAR_COPIES = 0.06, 0.06  # share of pages that repeat an earlier one
REPRINTS = 0.15  # share of the exact copies that are of another actor
FOREIGN_PAGES = 0.03
SHORT_PAGES, LONG_PAGES = 0.07, 0.01
MISSING = {"domain": 0.05, "crawl": 0.03, "published": 0.2, "actor": 0.3}  # share without it
NOTICES = (
    "Lire aussi : nos autres articles.",
    "Partager cette page & s'abonner à la lettre.",
    "Page mise à jour ce matin.",
)


def web_pages(seed: int) -> Iterator[Document]:
    """The pages of `web1`, in the order the crawl met them."""
    draws = Draws(seed)
    by_name = voices()
    written: dict[str, list[Document]] = {actor.name: [] for actor in ACTORS}
    for actor in draws.shuffled(actor_sequence(N_DOCS, N_STRAY)):
        earlier = written.get(actor.name, [])
        if earlier and draws.chance(EXACT_COPIES):
            source = written[draws.one(ACTORS).name] if draws.chance(REPRINTS) else earlier
            page = _copied(draws.one(source or earlier), actor, draws)
        elif earlier and draws.chance(NEAR_COPIES):
            page = _edited(_copied(draws.one(earlier), actor, draws), draws)
        else:
            page = _page(by_name[actor.name], draws)
            earlier.append(page)
        yield page


def _page(voice: Voice, draws: Draws) -> Document:
    head = f"{capital(draws.one(lexicon.MATTERS))} : {draws.one(lexicon.PEOPLE)}"
    language = draws.one(("en", "de")) if draws.chance(FOREIGN_PAGES) else "fr"
    n = _n_sentences(draws)
    text = sentences(voice, n, language, draws)
    declared = language if draws.chance(0.5) else "fr"  # half of the foreign pages do not say so
    paragraphs = _paragraphs(text, draws)
    if voice.actor.subfamily is not None and draws.chance(HABIT):
        paragraphs.append(voice.actor.slogan)
    if voice.actor.subfamily is not None and draws.chance(HABIT):
        paragraphs.append(voice.actor.signature)
    return Document(declared, _terms(voice.actor, draws), head, tuple(paragraphs))


def _n_sentences(draws: Draws) -> int:
    if draws.chance(SHORT_PAGES):
        return draws.between(1, 2)
    if draws.chance(LONG_PAGES):
        return draws.between(120, 250)
    return draws.between(4, 20)


def _paragraphs(text: list[str], draws: Draws) -> list[str]:
    paragraphs = []
    while text:
        n = draws.between(2, 5)
        paragraphs.append(" ".join(text[:n]))
        text = text[n:]
    return paragraphs


def _terms(actor: Actor, draws: Draws) -> dict[str, str]:
    shared = actor.subfamily is None or (actor.in_shared and draws.chance(0.3))
    terms = {
        "domain": draws.one(actor.domains),
        "crawl": SHARED_CRAWL if shared else f"crawl-{actor.slug}",
        "modality": "web",
        "published": f"20{draws.between(15, 23)}-{draws.between(1, 12):02d}",
        "class": draws.one(("article", "communiqué", "agenda")),
        "suffix": "example",
        "actor": actor.name,
    }
    missing = {kind for kind, share in MISSING.items() if draws.chance(share)}
    if actor.subfamily is None:
        missing.add("actor")
    return {kind: value for kind, value in terms.items() if kind not in missing}


def _copied(page: Document, actor: Actor, draws: Draws) -> Document:
    """The same text on another page, of the same actor or reprinted by `actor`."""
    return replace(page, terms=_terms(actor, draws))


def _edited(page: Document, draws: Draws) -> Document:
    """The page met again later: a date or number changed, a notice added below."""
    paragraphs = list(page.paragraphs)
    place = draws.below(len(paragraphs))
    paragraphs[place] = paragraphs[place].replace("millions", "milliards", 1)
    paragraphs.append(draws.one(NOTICES))
    return replace(page, paragraphs=tuple(paragraphs))
