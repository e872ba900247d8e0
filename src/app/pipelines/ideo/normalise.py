"""The one normaliser of labels and keys (domains, crawls, parties, actors).

Lower case, accents folded, every run of characters that are neither letters nor digits is one
`_`, none at either end: `Écologie-Nord.fr` and `ecologie nord.fr` are both `ecologie_nord_fr`.
Letters of other scripts are kept. Everything that compares names goes through here, so that no
two places can disagree on what is the same name.
"""

import re
import unicodedata

import polars as pl

# Letters that Unicode does not decompose into a base letter and an accent.
_LIGATURES = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
)
_OTHER = re.compile(r"[\W_]+")


def normalise(name: str) -> str:
    """The normal form of one name; '' when it has neither letter nor digit."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_LIGATURES)
    letters = "".join(char for char in folded if not unicodedata.combining(char))
    return _OTHER.sub("_", letters).strip("_")


def normalised(names: pl.Series) -> pl.Series:
    """The normal form of every name of a column; null stays null, and '' becomes null."""
    distinct = names.unique().drop_nulls().sort()
    forms = pl.Series([normalise(name) or None for name in distinct], dtype=pl.String)
    return names.replace_strict(distinct, forms, default=None, return_dtype=pl.String)
