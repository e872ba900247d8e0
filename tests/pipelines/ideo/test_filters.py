import polars as pl
import pytest
from hand_made import counts, documents

from app.config.ideo.filters import ActorFilter, Filters
from app.config.ideo.view import View
from app.datasets.documents import Documents
from app.errors import ConfigError, LabelError
from app.pipelines.ideo.filters import screen_documents
from app.pipelines.ideo.labels import label_documents

VIEW = View(name="v", source="field", field="wing")
OPEN = Filters(min_chars=None, max_tokens=None)


def screen(rows: list[dict[str, object]], filters: Filters, seed: int = 42) -> pl.DataFrame:
    return screen_with_duplicates(rows, filters, seed)[0]


def screen_with_duplicates(
    rows: list[dict[str, object]], filters: Filters, seed: int = 42
) -> tuple[pl.DataFrame, pl.DataFrame]:
    docs: Documents = documents([{"wing": "left"} | row for row in rows])
    return screen_documents(docs, label_documents(docs, {}, VIEW), filters, seed)


def words(n: int, first: int = 0) -> str:
    return " ".join(f"mot{i}" for i in range(first, first + n))


def test_one_reason_for_each_document_and_the_sum_is_right() -> None:
    rows = [
        {"problem": "malformed XML: mismatched tag", "text": "", "wing": None},
        {"wing": None},
        {"modality": "speech"},
        {"language": "de"},
        {"text": "court"},
        {"text": words(600)},
        {"language": "fr-BE"},
        {},
    ]
    filters = Filters(min_chars=100, max_tokens=512, modality=["Web"], language=["fr"])
    table = screen(rows, filters)
    assert table["dropped"].to_list() == [
        "malformed XML", "unknown label", "modality", "language", "min_chars", "max_tokens",
        None, None,
    ]  # fmt: skip
    assert len(table) == len(rows)


def test_limits_are_inclusive() -> None:
    filters = Filters(min_chars=4, max_chars=6, min_tokens=1, max_tokens=2)
    table = screen([{"text": t} for t in ("abc", "abcd", "ab cde", "abcdefg", "a b c")], filters)
    assert table["dropped"].to_list() == ["min_chars", None, None, "max_chars", "max_tokens"]


def test_an_id_is_kept_once_though_no_filter_says_so() -> None:
    table = screen([{"id": "w:1"}, {"id": "w:1"}, {"id": "w:2"}], OPEN)
    assert table["dropped"].to_list() == [None, "duplicate id", None]


def test_dedup_on_id_is_about_one_document_in_two_corpora() -> None:
    rows = [{"id": "a:1", "corpus_id": "a"}, {"id": "b:1", "corpus_id": "b"}]
    assert screen(rows, OPEN)["dropped"].to_list() == [None, None]
    on_id = OPEN.model_copy(update={"dedup_on": "id"})
    assert screen(rows, on_id)["dropped"].to_list() == [None, "duplicate id"]


def test_equal_texts_are_reported_and_dropped_only_when_asked() -> None:
    rows = [{"text": t} for t in ("Un, deux: trois!", "autre texte", "un deux  TROIS", "", "", "?")]
    table, duplicates = screen_with_duplicates(rows, OPEN)
    assert table["text_group"].to_list() == [0, None, 0, None, None, None]
    assert table["dropped"].null_count() == 6
    assert duplicates.filter(kind="text")["id"].to_list() == ["w:d0", "w:d2"]
    assert duplicates["first_id"].unique().to_list() == ["w:d0"]
    dropped = screen(rows, OPEN.model_copy(update={"dedup_on": "text"}))
    assert dropped["dropped"].to_list() == [None, None, "duplicate text", None, None, None]


def test_near_duplicates_off_report_drop() -> None:
    rows = [{"text": words(200)}, {"text": words(200, 1000)}, {"text": words(199) + " autre"}]
    groups = {
        mode: screen(rows, OPEN.model_copy(update={"near_duplicates": mode}))
        for mode in ("off", "report", "drop")
    }
    assert groups["off"]["near_group"].null_count() == 3
    assert groups["report"]["near_group"].to_list() == [0, None, 0]
    assert groups["report"]["dropped"].null_count() == 3
    assert groups["drop"]["dropped"].to_list() == [None, None, "near duplicate"]


def test_a_dropped_document_is_no_first_of_its_group() -> None:
    rows = [{"text": words(200), "modality": "speech"}, {"text": words(200)}, {"text": words(200)}]
    table = screen(rows, OPEN.model_copy(update={"modality": ["web"], "dedup_on": "text"}))
    assert table["dropped"].to_list() == ["modality", None, "duplicate text"]


def test_actors_are_counted_over_documents_that_are_kept() -> None:
    rows = [{"actor": "A"}] * 3 + [{"actor": "a "}] + [{"actor": "b", "modality": "speech"}]
    rows += [{"actor": "b"}] * 3 + [{"actor": None}]
    filters = OPEN.model_copy(update={"modality": ["web"], "actors": ActorFilter(min_docs=4)})
    assert counts(screen(rows, filters), "dropped") == {
        None: 4, "actors.min_docs": 4, "modality": 1
    }  # fmt: skip
    include = OPEN.model_copy(update={"actors": ActorFilter(include=["B"])})
    assert counts(screen(rows, include), "dropped") == {None: 4, "actors.include": 5}


def test_an_unknown_actor_field_is_named() -> None:
    filters = OPEN.model_copy(update={"actors": ActorFilter(field="wings", min_docs=1)})
    with pytest.raises(ConfigError, match="did you mean 'wing'"):
        screen([{}], filters)


def test_max_docs_global_is_a_sample_not_the_first() -> None:
    rows = [{"wing": "left" if n < 320 else "right"} for n in range(1000)]
    filters = OPEN.model_copy(update={"max_docs_global": 500, "near_duplicates": "off"})
    table = screen(rows, filters)
    kept = counts(table.filter(pl.col("dropped").is_null()), "label")
    assert sum(kept.values()) == 500
    assert 130 < kept["left"] < 190  # 32 % of 500, give or take 4 standard deviations
    assert table.equals(screen(rows, filters))
    assert not table.equals(screen(rows, filters, seed=0))


def test_nothing_left_says_why() -> None:
    with pytest.raises(LabelError, match=r"no document is left of 3 read \(dropped: min_chars 2, "):
        screen([{"text": "a"}, {"text": "b"}, {"wing": None}], Filters())


def test_nothing_left_of_documents_without_text_points_at_the_reader() -> None:
    rows = [{"problem": "no text", "text": "", "place": "a.xml"}] * 3
    with pytest.raises(LabelError, match=r"could not be read: a\.xml: no text; look at `reader`"):
        screen([row | {"id": f"w:{n}"} for n, row in enumerate(rows)], OPEN)
