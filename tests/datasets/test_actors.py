from pathlib import Path

import pytest

from app.datasets.actors import Actor, ActorsDataset, read_actors
from app.errors import InputError


def load(folder: Path, content: str) -> dict[str, Actor]:
    file = folder / "actors.yml"
    file.write_text(content, encoding="utf-8")
    return read_actors(file)


def test_no_file_no_actors() -> None:
    assert ActorsDataset(None).load() == {}


def test_actors_in_the_order_of_the_file(tmp_path: Path) -> None:
    content = """\
actors:
  b: {domains: [b.fr], side_binary: left}
  a: {crawls: [c], doc_count: 12}
"""
    actors = load(tmp_path, content)
    assert actors == ActorsDataset(str(tmp_path / "actors.yml")).load()
    assert list(actors) == ["b", "a"]
    assert actors["b"].domains == ["b.fr"]
    assert actors["b"].side_binary == "left"
    assert actors["a"].doc_count == 12


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("actors: {a: {domain: [a.fr]}}", "actors.a.domain: .*did you mean 'domains'"),
        ("actors: {a: {side_binary: gauche}}", "actors.a.side_binary: .*'left' or 'right'"),
        ("actors: {a: {domains: a.fr}}", "actors.a.domains: .*list"),
        ("actors: {a: {domains: [12]}}", "actors.a.domains.0: .*string"),
        ("actors: {12: {domains: [a.fr]}}", "actors.12: an actor id is text"),
        ("actors: {a: [a.fr]}", "actors.a: "),
        ("actors: [a, b]", "no `actors:` mapping"),
        ("", "no `actors:` mapping"),
        ("actors:\n  a: {}\n  b: {}\n  a: {}\n", "(?s)key 'a' is written twice.*line 4"),
        ("actors:\n  a: {domains: [a.fr}\n", "(?s)not valid YAML.*line 2"),
        ("actors: !!python/object/apply:os.system [ls]", "not valid YAML"),
    ],
)
def test_faults_name_the_file_and_the_key(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        load(tmp_path, content)
    assert str(tmp_path / "actors.yml") in str(caught.value)


def test_an_absent_file_is_named() -> None:
    with pytest.raises(InputError, match=r"view\.actors_file: no file none\.yml"):
        read_actors(Path("none.yml"))
