import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipelines.ideo.normalise import normalise, normalised


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Écologie-Nord.fr", "ecologie_nord_fr"),
        ("E\u0301cologie-Nord.fr", "ecologie_nord_fr"),  # the accent as a character of its own
        ("ecologie  nord.FR", "ecologie_nord_fr"),
        ("#orientation.CL", "orientation_cl"),
        ("Œuvre & Straße", "oeuvre_strasse"),
        ("партия №1", "партия_no1"),
        ("...", ""),
    ],
)
def test_one_form(name: str, form: str) -> None:
    assert normalise(name) == form


@given(st.text())
def test_the_form_of_a_form_is_itself(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)


def test_a_column_is_normalised_like_a_name() -> None:
    names = pl.Series("n", ["A b", None, "..", "A b", "é"])
    assert normalised(names).to_list() == ["a_b", None, None, "a_b", "e"]
