"""`asr1`: speech of the same actors as a recogniser writes it down.

No capitals and no punctuation; hesitations, repetitions and false starts of the speaker; words
the recogniser lost, confused with others that sound alike, or wrote without accents.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from app.pipelines.ideo.demo.actors import ACTORS, SHARED_PROGRAMME, Actor, actor_sequence
from app.pipelines.ideo.demo.draws import Draws
from app.pipelines.ideo.demo.grammar import Voice, sentences, voices
from app.pipelines.ideo.demo.tei import Document

TITLE = "asr1: recognised speech of invented actors"
N_DOCS = 600
EXACT_COPIES, NEAR_COPIES = 0.03, 0.04  # share of transcripts that repeat an earlier one
FOREIGN_SPEECH = 0.02
SHORT_TURNS, LONG_TURNS = 0.08, 0.01
MISSING = {"crawl": 0.05, "published": 0.1, "actor": 0.15}  # share of transcripts without it
HESITATION, REPETITION, LOSS, CONFUSION, NO_ACCENT = 0.04, 0.02, 0.02, 0.08, 0.02  # of words
SLOGAN = 0.45  # share of transcripts where the slogan is said

FILLERS = ("euh", "ben", "donc voilà", "hein", "alors", "je veux dire", "en fait")
SOUNDS_LIKE = {
    "et": "est", "est": "et", "a": "à", "à": "a", "ce": "se", "sur": "sûr", "nous": "non",
    "voix": "voie", "prix": "pris", "plan": "plant", "canal": "canaux", "stade": "stage",
    "contre": "comte", "sans": "cent", "faire": "fer", "mieux": "mieu", "ils": "il",
    "commune": "comme une", "communes": "commun", "salaires": "salaire", "peuple": "people",
    "grève": "brève", "travail": "travaille", "nation": "notion", "impôts": "un pot",
}  # fmt: skip
BARE = str.maketrans("éèêëàâîïôöùûüç", "eeeeaaiioouuuc")


def transcripts(seed: int) -> Iterator[Document]:
    """The transcripts of `asr1`, in the order they were broadcast."""
    draws = Draws(seed)
    by_name = voices()
    spoken: dict[str, list[Document]] = {actor.name: [] for actor in ACTORS}
    for actor in draws.shuffled(actor_sequence(N_DOCS, n_stray=0)):
        earlier = spoken[actor.name]
        if earlier and draws.chance(EXACT_COPIES):
            yield replace(draws.one(earlier), terms=_terms(actor, draws))
        elif earlier and draws.chance(NEAR_COPIES):
            yield _cut_otherwise(replace(draws.one(earlier), terms=_terms(actor, draws)), draws)
        else:
            turn = _turn(by_name[actor.name], draws)
            earlier.append(turn)
            yield turn


def _turn(voice: Voice, draws: Draws) -> Document:
    language = draws.one(("en", "de")) if draws.chance(FOREIGN_SPEECH) else "fr"
    n = _n_sentences(draws)
    said = sentences(voice, n, language, draws)
    if draws.chance(SLOGAN):
        said.insert(draws.below(len(said) + 1), voice.actor.slogan)
    head = f"Émission, extrait {draws.between(1, 40)}"
    heard = _recognised(" ".join(said), draws)
    return Document(language, _terms(voice.actor, draws), head, (heard,))


def _n_sentences(draws: Draws) -> int:
    if draws.chance(SHORT_TURNS):
        return 1
    if draws.chance(LONG_TURNS):
        return draws.between(80, 120)
    return draws.between(8, 28)


def _cut_otherwise(turn: Document, draws: Draws) -> Document:
    """The same speech broadcast again, its extract beginning a little later."""
    words = turn.paragraphs[0].split()
    later = " ".join(words[draws.between(1, 3) :])
    return replace(turn, paragraphs=(later or turn.paragraphs[0],))


def _terms(actor: Actor, draws: Draws) -> dict[str, str]:
    shared = actor.in_shared and draws.chance(0.25)
    terms = {
        "crawl": SHARED_PROGRAMME if shared else f"chaine-{actor.slug}",
        "modality": "speech",
        "published": f"20{draws.between(18, 23)}-{draws.between(1, 12):02d}",
        "class": draws.one(("entretien", "meeting", "débat")),
        "actor": actor.name,
    }
    missing = {kind for kind, share in MISSING.items() if draws.chance(share)}
    return {kind: value for kind, value in terms.items() if kind not in missing}


def _recognised(said: str, draws: Draws) -> str:
    """The words of `said` as the recogniser returns them."""
    heard: list[str] = []
    for word in re.findall(r"\w+(?:['-]\w+)*'?", said.lower()):
        if draws.chance(HESITATION):
            heard.append(draws.one(FILLERS))
        if draws.chance(REPETITION):
            heard.append(word)
        if not draws.chance(LOSS):
            heard.append(_misheard(word, draws))
    return " ".join(heard) or "euh"


def _misheard(word: str, draws: Draws) -> str:
    if word in SOUNDS_LIKE and draws.chance(CONFUSION):
        return SOUNDS_LIKE[word]
    return word.translate(BARE) if draws.chance(NO_ACCENT) else word
