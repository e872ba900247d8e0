"""The actors file a corpus gives: who is seen where, with labels a person's hand outranks."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from app.datasets.actors import read_actors
from app.errors import InputError
from app.pipelines.ideo.concept import actor_labels
from app.pipelines.ideo.skeleton import UNRESOLVED, ideology_skeleton, registrable
from app.pipelines.ideo.skeleton_cli import ideology_skeleton as command

PROJECT = Path(__file__).parents[3]
CONCEPT: dict[str, Any] = {
    "families": {
        "left": {
            "side": "left",
            "about": "a",
            "subfamilies": {"green": {"about": "b", "actors": ["Écologie-Nord"]}},
        },
        "right": {"side": "right", "about": "c", "actors": ["Cap Franc"]},
        "center": {"side": None, "about": "d", "actors": ["milieu_fr"]},
    }
}


def frame(*rows: tuple[str | None, str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("actor", "domain", "crawl"), pl.String), orient="row"
    )


def test_actors_places_counts_and_labels() -> None:
    actors, counts = ideology_skeleton(
        [
            frame(("Écologie-Nord", "www.nord.fr", "c1"), (None, "WWW.Nord.FR", None)),
            frame(("ecologie nord", None, "c1"), ("Cap Franc", None, "c2"), (None, None, "c1")),
        ],
        CONCEPT,
        {},
    )
    assert actors == {
        "ecologie_nord": {
            "domains": ["WWW.Nord.FR"],
            "crawls": ["c1"],
            "doc_count": 4,
            "side_binary": "left",
            "global_five": "left",
            "intra_left": "green",
            "intra_right": None,
        },
        "cap_franc": {
            "domains": [],
            "crawls": ["c2"],
            "doc_count": 1,
            "side_binary": "right",
            "global_five": "right",
            "intra_left": None,
            "intra_right": None,
        },
    }
    assert counts["actor"].to_list() == ["ecologie_nord", "cap_franc"]
    assert counts["doc_count"].to_list() == [4, 1]


def test_a_domain_nobody_claims_names_its_actor() -> None:
    actors, _ = ideology_skeleton([frame((None, "blog.milieu.fr", None))], CONCEPT, {})
    assert list(actors) == ["milieu_fr"]
    assert actors["milieu_fr"]["global_five"] == "center"
    assert actors["milieu_fr"]["side_binary"] is None


def test_a_shared_crawl_resolves_nobody() -> None:
    rows = [("A", None, "both"), ("B", None, "both"), (None, None, "both"), (None, None, None)]
    actors, counts = ideology_skeleton([frame(*rows)], CONCEPT, {})
    assert {name: entry["doc_count"] for name, entry in actors.items()} == {"a": 1, "b": 1}
    assert counts.filter(actor=UNRESOLVED)["doc_count"].to_list() == [2]
    assert counts.filter(actor="a")["shared_crawls"].to_list() == ["both"]


def test_a_shared_domain_resolves_nobody() -> None:
    rows = [("A", "x.fr", None), ("B", "x.fr", None), (None, "x.fr", None)]
    actors, counts = ideology_skeleton([frame(*rows)], CONCEPT, {})
    assert [entry["doc_count"] for entry in actors.values()] == [1, 1]
    assert counts["actor"].to_list()[-1] == UNRESOLVED


def test_labels_written_by_hand_are_never_overwritten() -> None:
    existing = {
        "ecologie_nord": {"global_five": "center", "domains": ["nord.fr"]},
        "gone": {"side_binary": "left", "crawls": ["old"]},
    }
    actors, _ = ideology_skeleton([frame((None, "nord.fr", "c1"))], CONCEPT, existing)
    assert list(actors) == ["ecologie_nord", "gone"]
    assert actors["ecologie_nord"]["global_five"] == "center"  # the concept says left
    assert actors["ecologie_nord"]["side_binary"] == "left"  # was empty: filled
    assert actors["ecologie_nord"]["doc_count"] == 1
    assert actors["gone"] == {
        "domains": [],
        "crawls": ["old"],
        "doc_count": 0,
        "side_binary": "left",
        "global_five": None,
        "intra_left": None,
        "intra_right": None,
    }


def test_order_is_by_documents_then_id_whatever_the_batches() -> None:
    rows = [("b", None, "x"), ("a", None, "y"), ("c", None, "z"), ("c", None, "z")]
    whole = ideology_skeleton([frame(*rows)], CONCEPT, {})
    apart = ideology_skeleton([frame(row) for row in reversed(rows)], CONCEPT, {})
    assert list(whole[0]) == ["c", "a", "b"]
    assert whole[0] == apart[0]
    assert whole[1].equals(apart[1])


def test_documents_that_cannot_be_read_do_not_count() -> None:
    documents = frame(("A", None, None), ("A", None, None)).with_columns(
        problem=pl.Series([None, "no text"])
    )
    actors, _ = ideology_skeleton([documents], CONCEPT, {})
    assert actors["a"]["doc_count"] == 1


def test_a_corpus_without_any_of_the_fields_is_refused() -> None:
    with pytest.raises(InputError, match="none of the fields actor, domain and crawl"):
        ideology_skeleton([pl.DataFrame({"id": ["1"]})], CONCEPT, {})


@pytest.mark.parametrize(
    ("concept", "said"),
    [
        ({}, "families"),
        ({"families": {"middle": {"about": ""}}}, "families.middle"),
        ({"families": {"left": {"about": "", "side": "up"}}}, "families.left.side"),
        ({"families": {"left": {"about": "", "actor": []}}}, "families.left.actor"),
        (
            {
                "families": {
                    "left": {"about": "", "actors": ["Été"]},
                    "right": {"about": "", "actors": ["ete"]},
                }
            },
            "'ete' is in families left and right",
        ),
    ],
)
def test_a_wrong_concept_is_refused(concept: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        actor_labels(concept)


@pytest.mark.parametrize(
    ("domain", "owned"),
    [
        ("Blog.Site.fr", "site.fr"),
        ("www.site.co.uk", "site.co.uk"),
        ("site.asso.fr", "site.asso.fr"),
        ("com.fr", "com.fr"),
        ("localhost", "localhost"),
    ],
)
def test_registrable(domain: str, owned: str) -> None:
    assert registrable(domain) == owned


def test_the_command_reproduces_the_demo_actors_file_and_keeps_labels(tmp_path: Path) -> None:
    arguments = ["--corpus", "web1", "--corpus", "asr1", "--output", str(tmp_path)]
    arguments.append(f"data_root={tmp_path}")
    ended = CliRunner().invoke(command, arguments)
    assert ended.exit_code == 0, ended.output
    written = tmp_path / "ideology_actors_web1_asr1.yml"
    shipped = PROJECT / "conf" / "ideology" / "demo_actors.yml"
    assert yaml.safe_load(written.read_text()) == yaml.safe_load(shipped.read_text())
    table = (tmp_path / "actors_counts_web1_asr1.tsv").read_text().splitlines()
    assert table[0].split("\t")[:2] == ["actor", "doc_count"]
    assert table[-1].startswith(UNRESOLVED)

    stray = "annuaire_des_villages_example"
    assert read_actors(written)[stray].global_five is None
    content = yaml.safe_load(written.read_text())
    content["actors"][stray]["global_five"] = "center"
    written.write_text(yaml.safe_dump(content))
    assert CliRunner().invoke(command, arguments).exit_code == 0
    assert read_actors(written)[stray].global_five == "center"


def test_the_command_says_what_is_wrong() -> None:
    ended = CliRunner().invoke(command, ["--corpus", "web9"])
    assert ended.exit_code == 2
    assert "web1" in ended.output
