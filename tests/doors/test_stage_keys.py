"""What a key depends on, and what not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.config.ideo.models import Models
from app.datasets.table_pair import TablePairDataset
from app.datasets.tsv import TsvDataset
from app.stages import code
from app.stages.keys import content_key, definition, node_key

SVM = {"family": "sklearn", "estimator": {"name": "linear_svc"}}
BAYES = {"family": "sklearn", "estimator": {"name": "complement_nb"}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (1, "1"),
        (None, "null"),
        ([1, 2], (1, 2)),
        ([1, 2], [[1], 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),  # a node may go by the order
        ({1: "a"}, {"1": "a"}),
        ([], {}),
        (
            Models.model_validate({"a": SVM, "b": BAYES}),
            Models.model_validate({"b": BAYES, "a": SVM}),
        ),
    ],
)
def test_values_that_differ_have_keys_that_differ(one: Any, other: Any) -> None:
    assert content_key(one) != content_key(other)
    assert None not in (content_key(one), content_key(other))


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), float("nan"), [len], {"a": {1}}])
def test_other_values_have_none(value: Any) -> None:
    assert content_key(value) is None


@pytest.mark.parametrize(
    ("kind", "place"), [(TsvDataset, "filepath"), (TablePairDataset, "folder")]
)
def test_where_a_dataset_writes_is_no_part_of_its_definition(
    kind: Callable[..., Any], place: str
) -> None:
    one, other = definition(kind(**{place: "/a/b"})), definition(kind(**{place: "/c/d"}))
    assert one == other
    assert "/a/b" not in str(one)
    assert content_key(one) is not None


def test_two_kinds_of_dataset_have_two_definitions() -> None:
    assert definition(TsvDataset("a")) != definition(TablePairDataset("a"))


def test_a_key_is_of_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    key = node_key("node", {"a": "1"}, {})
    assert key == node_key("node", {"a": "1"}, {})
    assert key != node_key("node", {"a": "2"}, {})
    assert key != node_key("other", {"a": "1"}, {})
    monkeypatch.setattr("app.stages.keys.CODE", "edited")
    assert key != node_key("node", {"a": "1"}, {})


def test_every_edit_of_a_source_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("a = 1\n")
    monkeypatch.setattr(code, "ROOT", tmp_path)
    monkeypatch.setattr(code, "_STATES", code._states())
    before = code._digest()
    (tmp_path / "notes.txt").write_text("no source")
    assert not code.has_changed()
    (tmp_path / "added.css").write_text("")
    assert code.has_changed()
    assert code._digest() != before
