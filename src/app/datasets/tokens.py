"""How many tokens a text has, for length limits and counts.

`whitespace`: maximal runs without whitespace. `simple`: words and single punctuation marks.
`spacy:<language>`: spaCy's rule-based tokenizer of that language, without a trained pipeline.
"""

import re
from collections.abc import Callable

from app.errors import ConfigError, MissingExtraError

SIMPLE_TOKEN = re.compile(r"\w+|[^\w\s]")


def token_counter(tokenizer: str) -> Callable[[str], int]:
    """The function that counts the tokens of a text under `tokenizer`."""
    if tokenizer == "whitespace":
        return lambda text: len(text.split())
    if tokenizer == "simple":
        return lambda text: len(SIMPLE_TOKEN.findall(text))
    family, _, language = tokenizer.partition(":")
    if family == "spacy" and language:
        return _spacy_counter(language)
    raise ConfigError(
        f"unknown tokenizer {tokenizer!r}; known: whitespace, simple, spacy:<language>"
    )


def _spacy_counter(language: str) -> Callable[[str], int]:
    try:
        import spacy  # half a second, paid only by those who ask for it
    except ImportError:
        raise MissingExtraError("tokenizer spacy needs spaCy; install the extra `spacy`") from None
    try:
        tokenize = spacy.blank(language).tokenizer
    except ImportError:
        raise ConfigError(f"spaCy has no tokenizer for the language {language!r}") from None
    return lambda text: len(tokenize(text))
