import polars as pl
import pytest
from hand_made import counts, documents

from app.config.ideo.view import UnknownLabels, View
from app.datasets.actors import Actor
from app.errors import ConfigError, LabelError
from app.pipelines.ideo.labels import label_documents

ACTORS = {
    "nord": Actor(
        domains=["ecologie-nord.fr"], crawls=["crawl-nord", "commun"], side_binary="left",
        global_five="far_left", intra_left="Écologie",
    ),
    "sud": Actor(
        domains=["sud.fr"], crawls=["commun"], side_binary="right", global_five="right",
        intra_right="libéraux",
    ),
    "est": Actor(domains=["est.fr", "partage.fr"], side_binary=None, global_five="center"),
    "ouest": Actor(domains=["partage.fr"], side_binary="left", global_five="left"),
}  # fmt: skip


def ideology(level: str, policy: str = "drop") -> View:
    return View(
        name="v", source="ideology", level=level, actors_file="x",
        unknown=UnknownLabels(policy=policy, other_label="Autre chose"),
    )  # fmt: skip


def field(name: str, mapping: dict[str, str] | None = None, policy: str = "drop") -> View:
    unknown = UnknownLabels(policy=policy)
    return View(name="v", source="field", field=name, mapping=mapping or {}, unknown=unknown)


def test_domain_first_then_crawl_then_the_declared_actor() -> None:
    table = label_documents(
        documents(
            [
                {"domain": "sud.fr", "crawl": "crawl-nord", "actor": None},
                {"domain": None, "crawl": "Crawl_Nord", "actor": "sud"},
                {"domain": "inconnu.fr", "crawl": "crawl-nord", "actor": None},
                {"domain": None, "crawl": "autre", "actor": "SUD"},
                {"domain": "inconnu.fr", "crawl": None, "actor": "personne"},
            ]
        ),
        ACTORS,
        ideology("binary"),
    )
    assert table["actor"].to_list() == ["sud", "nord", "nord", "sud", "personne"]
    assert table["label"].to_list() == ["right", "left", "left", "right", None]
    assert table["label_raw"].to_list() == [
        "sud.fr",
        "Crawl_Nord",
        "crawl-nord",
        "SUD",
        "inconnu.fr",
    ]
    assert table["unlabelled"].to_list() == [None] * 4 + ["unknown label"]
    assert "text" not in table.columns


def test_accents_and_case_of_a_domain_do_not_matter() -> None:
    table = label_documents(documents([{"domain": "Écologie-Nord.fr"}]), ACTORS, ideology("binary"))
    assert table["label"].to_list() == ["left"]


@pytest.mark.parametrize("policy", ["drop", "keep", "other"])
def test_a_shared_crawl_or_domain_labels_nothing_whatever_the_policy(policy: str) -> None:
    rows = [
        {"domain": None, "crawl": "commun"},
        {"domain": "partage.fr", "crawl": "crawl-nord"},
        {"domain": "sud.fr", "crawl": "commun"},  # its own domain says whose it is
    ]
    table = label_documents(documents(rows), ACTORS, ideology("binary", policy))
    assert table["label"].to_list() == [None, None, "right"]
    assert table["unlabelled"].to_list() == ["ambiguous crawl", "ambiguous domain", None]
    assert table["actor"].to_list() == [None, None, "sud"]


def test_the_order_of_the_actors_file_changes_nothing() -> None:
    rows = documents([{"domain": None, "crawl": "commun"}, {"domain": "sud.fr", "crawl": None}])
    backwards = dict(reversed(ACTORS.items()))
    first, second = (label_documents(rows, a, ideology("binary")) for a in (ACTORS, backwards))
    assert first.equals(second)


def test_levels_and_what_is_outside_them() -> None:
    rows = documents([{"domain": f"{name}.fr"} for name in ("ecologie-nord", "sud", "est")])
    five = label_documents(rows, ACTORS, ideology("five_way"))
    left = label_documents(rows, ACTORS, ideology("left_intra", "other"))
    assert five["label"].to_list() == ["far_left", "right", "center"]
    assert left["label"].to_list() == ["ecologie", None, "autre_chose"]
    assert left["unlabelled"].to_list() == [None, "outside the view", None]


def test_unknown_actors_kept_under_their_own_name_or_as_other() -> None:
    rows = documents([{"domain": d} for d in ("sud.fr", "est.fr", "Inconnu.fr", None)])
    keep = label_documents(rows, ACTORS, ideology("binary", "keep"))
    other = label_documents(rows, ACTORS, ideology("binary", "other"))
    assert keep["label"].to_list() == ["right", "est", "inconnu_fr", None]
    assert keep["unlabelled"].to_list() == [None, None, None, "unknown label"]
    assert other["label"].to_list() == ["right", "autre_chose", "autre_chose", "autre_chose"]


def test_a_field_is_the_label_or_is_mapped_to_it() -> None:
    rows = documents([{"wing": wing} for wing in ("Gauche", "gauche ", "DROITE", None, "centre")])
    plain = label_documents(rows, {}, field("wing"))
    mapped = label_documents(rows, {}, field("wing", {"gauche": "Left", "droite": "right"}))
    kept = label_documents(rows, {}, field("wing", {"gauche": "Left", "droite": "right"}, "keep"))
    assert plain["label"].to_list() == ["gauche", "gauche", "droite", None, "centre"]
    assert plain["label_raw"].to_list() == ["Gauche", "gauche ", "DROITE", None, "centre"]
    assert mapped["label"].to_list() == ["left", "left", "right", None, None]
    assert kept["label"].to_list() == ["left", "left", "right", None, "centre"]


def test_a_metadata_field_called_label_is_its_own_raw_label() -> None:
    table = label_documents(documents([{"label": "Money-FX"}]), {}, field("label"))
    assert table.select("label", "label_raw").row(0) == ("money_fx", "Money-FX")


def test_mapping_keys_that_are_one_key_are_refused() -> None:
    with pytest.raises(LabelError, match="'cl' once normalised"):
        label_documents(documents([{"o": "CL"}]), {}, field("o", {"CL": "left", "cl": "right"}))


def test_an_absent_field_is_named_with_its_nearest() -> None:
    with pytest.raises(LabelError, match="did you mean 'modality'"):
        label_documents(documents([{}]), {}, field("modalité"))
    with pytest.raises(LabelError, match="neither domain, crawl nor actor"):
        label_documents(documents([{}]), ACTORS, ideology("binary"))


def test_a_metadata_field_cannot_hide_a_column_of_ours() -> None:
    with pytest.raises(ConfigError, match="a corpus has a field 'side'"):
        label_documents(documents([{"side": "left"}]), {}, field("side"))


def test_many_actors_and_documents() -> None:
    rows = [{"domain": f"a{n % 700}.fr"} for n in range(5000)]
    actors = {f"a{n}": Actor(domains=[f"a{n}.fr"], side_binary="left") for n in range(500)}
    table = label_documents(documents(rows), actors, ideology("binary"))
    expected = sum(n % 700 < 500 for n in range(5000))
    assert counts(table.filter(pl.col("label").is_not_null()), "label") == {"left": expected}
