"""Sentences from the lexicon: what an actor would write, and how much of it gives the actor away.

A slot of a sentence is filled from the actor's own phrases, from those all share, or from an
opponent's, whom it quotes. How partisan a text is varies from page to page, so that some cannot
be told apart by their words: classifiers must err on this corpus. Each actor knows only part of
its family's phrases, so that what is learnt of some actors does not all carry over to others.
"""

from dataclasses import dataclass

from app.pipelines.ideo.demo import lexicon
from app.pipelines.ideo.demo.actors import ACTORS, SIDES, STRAY, SUBFAMILIES, Actor
from app.pipelines.ideo.demo.draws import Draws
from app.pipelines.ideo.demo.lexicon import Pool

KNOWN_SHARE = 0.7  # of its family's phrases an actor uses
FAMILY_WEIGHT, SIDE_WEIGHT = 2, 2  # how much likelier than a phrase of the subfamily
PARTISAN = (0.6, 0.35, 0.15, 0.03)  # share of slots filled with own phrases, one drawn a text
QUOTING = 0.08  # share of slots filled with the phrases of another family
HABIT = 0.25  # share of texts that carry the slogan, the town or the signature

NEUTRAL = (
    "{Matter} sera à l'ordre du jour {time}.",
    "Nous avons rencontré {people} {time} à {town}.",
    "{People} attendent des réponses sur {matter}.",
    "Le conseil a débattu {time}, sans conclure, et {people} s'interrogent.",
    "Que faire pour {matter} ?",
    "Une réunion publique aura lieu {time} à {town} avec {people}.",
    "Le rapport rendu {time} chiffre {matter} à {number} millions d'euros.",
    "Il faut regarder {matter} en face.",
    "{People} le disent : {matter} ne peut plus attendre.",
    "Sur {matter}, les chiffres parlent : {number} % de plus {time}.",
)
PARTISAN_SENTENCES = (
    "Nous défendons {cause} et {cause2}.",
    "Pour {people}, {cause} passe avant {ill}.",
    "Contre {ill}, nous voulons {action}.",
    "Il est temps d'agir contre {ill} : {action}, vite.",
    "{Cause}, voilà ce que demandent {people} {time}.",
    "On nous répond par {ill} ; nous disons : {action} !",
    "Sans {cause}, {matter} restera une promesse.",
    "Notre priorité : {action} et {action2}.",
    "Qui parle encore pour {cause} ?",
    "Devant {matter}, il faut {action}.",
    "{People} méritent mieux que {ill} : ils méritent {cause}.",
    "Le choix est simple : {cause} ou {ill}.",
)
FOREIGN = {  # invented filler, not translations: what a crawl gathers by accident
    "en": (
        "The members of the old harbour meet every second week near the mill.",
        "Please read the notice below before you send your form to the office.",
        "Our garden club has new seats, and the tea room opens at nine.",
        "All tickets are sold at the door, and children may enter without one.",
        "This page was last updated by the keeper of the archive.",
    ),
    "de": (
        "Die Mitglieder treffen sich jeden zweiten Montag neben der alten Mühle.",
        "Bitte lesen Sie den Hinweis, bevor Sie das Formular an das Büro senden.",
        "Unser Gartenverein hat neue Bänke, und die Teestube öffnet um neun.",
        "Karten gibt es nur an der Tür, Kinder kommen ohne Karte hinein.",
        "Diese Seite wurde zuletzt vom Hüter des Archivs geändert.",
    ),
}


@dataclass(frozen=True)
class Voice:
    """An actor and the phrases it uses, the more its own the more often repeated."""

    actor: Actor
    own: Pool


def voices() -> dict[str, Voice]:
    """The voice of each actor, by its name. Does not depend on the corpus or its seed."""
    return {
        actor.name: Voice(actor, _own_phrases(actor, Draws(1000 + number)))
        for number, actor in enumerate((*ACTORS, *STRAY))
    }


def sentences(voice: Voice, n: int, language: str, draws: Draws) -> list[str]:
    """`n` sentences of one text: neutral ones, and ones more or less partisan; filler where the
    language is not French."""
    if language != "fr":
        return [draws.one(FOREIGN[language]) for _ in range(n)]
    partisan = draws.one(PARTISAN)
    return [_sentence(voice, partisan, draws) for _ in range(n)]


def capital(phrase: str) -> str:
    return phrase[0].upper() + phrase[1:]


def _own_phrases(actor: Actor, draws: Draws) -> Pool:
    if actor.subfamily is None:
        return lexicon.COMMON
    family = SUBFAMILIES[actor.subfamily]
    pools = [lexicon.SUBFAMILY_POOLS[actor.subfamily]]
    pools += [lexicon.FAMILY_POOLS[family]] * FAMILY_WEIGHT
    if family in SIDES:
        pools += [lexicon.SIDE_POOLS[SIDES[family]]] * SIDE_WEIGHT

    def known(kind: str) -> tuple[str, ...]:
        phrases = [phrase for pool in pools for phrase in getattr(pool, kind)]
        return tuple(draws.some(phrases, int(len(phrases) * KNOWN_SHARE)))

    return Pool(known("causes"), known("ills"), known("actions"))


def _sentence(voice: Voice, partisan: float, draws: Draws) -> str:
    template = draws.one(draws.one((NEUTRAL, PARTISAN_SENTENCES)))
    people, matter = draws.one(lexicon.PEOPLE), draws.one(lexicon.MATTERS)
    cause = _pool(voice, partisan, draws).causes
    action = _pool(voice, partisan, draws).actions
    chosen = draws.one(cause)
    town = voice.actor.town if draws.chance(HABIT) else draws.one(ACTORS).town
    return template.format(
        people=people,
        People=capital(people),
        matter=matter,
        Matter=capital(matter),
        time=draws.one(lexicon.TIMES),
        town=town,
        number=draws.between(2, 90),
        cause=chosen,
        Cause=capital(chosen),
        cause2=draws.one(cause),
        ill=draws.one(_pool(voice, partisan, draws).ills),
        action=draws.one(action),
        action2=draws.one(action),
    )


def _pool(voice: Voice, partisan: float, draws: Draws) -> Pool:
    if draws.chance(partisan):
        return voice.own
    if voice.actor.subfamily is not None and draws.chance(QUOTING):
        return lexicon.FAMILY_POOLS[draws.one(tuple(lexicon.FAMILY_POOLS))]
    return lexicon.COMMON
