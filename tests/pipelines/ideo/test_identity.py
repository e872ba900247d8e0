from typing import Any

import pytest
from hand_made import ONE, STRATIFIED

from app.config.ideo.balance import Balance
from app.config.ideo.filters import Filters
from app.config.ideo.view import View
from app.datasets.actors import Actor
from app.errors import StaleInputError
from app.pipelines.ideo.identity import identify, require_same_identity

ACTORS = {"a": Actor(domains=["a.fr"], side_binary="left")}
VIEW = View(name="v", source="ideology", level="binary", actors_file="here/actors.yml")


class Sources:
    """Corpora with known files."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def sources(self) -> dict[str, str]:
        return self.files


def identity(**changes: Any) -> dict[str, Any]:
    given = {
        "corpora": Sources(f="abc 10"),
        "declared": {"w": {"path": "here/w.xml", "reader": {"kind": "classic"}}, "other": {}},
        "actors": ACTORS,
        "dataset": ONE,
        "view": VIEW,
        "filters": Filters(),
        "split": STRATIFIED,
        "balance": Balance.model_validate({"strategy": "none"}),
        "seed": 42,
    }
    return identify(**(given | changes))


def test_the_same_config_and_files_are_the_same() -> None:
    require_same_identity(identity(), identity(), "meta_view.json")


def test_where_files_are_does_not_matter_what_is_in_them_does() -> None:
    moved = {"w": {"path": "there/w.xml", "reader": {"kind": "classic"}}}
    elsewhere = VIEW.model_copy(update={"actors_file": "there/actors.yml"})
    require_same_identity(identity(), identity(declared=moved, view=elsewhere), "x")
    with pytest.raises(StaleInputError, match="f: 'abc 10' there, 'def 10' in this run"):
        require_same_identity(identity(), identity(corpora=Sources(f="def 10")), "x")
    actors = {"a": Actor(domains=["a.fr"], side_binary="right")}
    with pytest.raises(StaleInputError, match="view:actors"):
        require_same_identity(identity(), identity(actors=actors), "x")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 0}, "seed: 42 there, 0 in this run"),
        ({"filters": Filters(min_chars=100)}, "filters.min_chars: 200 there, 100 in this run"),
        (
            {"balance": Balance.model_validate({"strategy": "class_weights"})},
            "balance.strategy: 'none' there, 'class_weights' in this run",
        ),
        (
            {"split": STRATIFIED.model_copy(update={"train_prop": 0.7})},
            "split.train_prop: 0.8 there, 0.7 in this run",
        ),
        ({"declared": {"w": {"reader": {"kind": "tei"}}}}, "corpora.w.reader.kind: 'classic'"),
        ({"corpora": Sources()}, "f: 'abc 10' there, absent in this run"),
    ],
)
def test_every_difference_is_refused_and_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(StaleInputError) as caught:
        require_same_identity(identity(), identity(**changes), "train.tsv")
    assert told in str(caught.value)
    assert "train.tsv was prepared from something else" in str(caught.value)
    assert "run the stage `prepare`" in str(caught.value)


def test_identities_are_stable() -> None:
    assert identity() == identity()
    assert list(identity()["config"])[:1] == ["corpora.w.reader.kind"]
