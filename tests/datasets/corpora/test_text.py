"""The text of a document: white space and words as `str.split` sees them, whatever the path."""

import pytest

from app.datasets.corpora.text import ODD_SPACES, joined


@pytest.mark.parametrize(
    "paragraphs",
    [
        [],
        [None, "", " \n "],
        ["un"],
        ["un deux", " trois ", None, "quatre"],
        ["un  deux"],
        ["un\ndeux", "trois"],
        ["un \n deux"],
        ["l’œuvre – été", "\U0001f600 fin"],
        *([f"a{space}b c", "d"] for space in ODD_SPACES),
    ],
)
def test_words_are_those_of_split(paragraphs: list[str | None]) -> None:
    words = [split for paragraph in paragraphs if (split := (paragraph or "").split())]
    expected = "\n".join(" ".join(split) for split in words)
    text = joined(paragraphs)
    assert text.utf8.decode() == expected
    assert (text.chars, text.words) == (len(expected), sum(map(len, words)))
