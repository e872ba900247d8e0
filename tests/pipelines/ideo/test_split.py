import random
from fractions import Fraction

import polars as pl
import pytest
from hand_made import ACROSS, BESIDE, ONE, STRATIFIED, TWO, counts, screened
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config.ideo.split import Split
from app.errors import LabelError
from app.pipelines.ideo.split import cut_dev, split_documents

BY_SPEAKER = Split(strategy="group_disjoint", group_field="speaker")
GIVEN = Split(strategy="given", given_field="part")


def sides_of(table: pl.DataFrame) -> dict[tuple[str, str], int]:
    return counts(table.filter(pl.col("side").is_not_null()), "label", "side")


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.integers(2, 60), min_size=2),
    st.sampled_from([0.1, 0.29, 0.5, 0.7, 0.8, 0.9]),
)
def test_exact_quotas(labels: dict[str, int], prop: float) -> None:
    split = STRATIFIED.model_copy(update={"train_prop": prop})
    found = sides_of(split_documents(screened(labels), ONE, split, 42))
    total = sum(labels.values())
    job = sum(n for (_, side), n in found.items() if side == "job")
    assert all(found.get((label, side), 0) >= 1 for label in labels for side in ("train", "job"))
    if all(n * min(prop, 1 - prop) >= 1 for n in labels.values()):  # no label needs its one
        share = 1 - Fraction(str(prop))
        assert job == int(total * share + Fraction(1, 2))
        assert all(abs(found[label, "job"] - n * share) < 1 for label, n in labels.items())


def test_the_seed_chooses_and_zero_is_a_seed() -> None:
    table = screened({"left": 50, "right": 50})
    by_seed = {seed: split_documents(table, ONE, STRATIFIED, seed)["side"] for seed in (0, 42, 7)}
    assert by_seed[42].equals(split_documents(table, ONE, STRATIFIED, 42)["side"])
    assert not by_seed[0].equals(by_seed[42])
    assert not by_seed[7].equals(by_seed[42])


def test_dropped_documents_have_no_side() -> None:
    dropped = pl.when(pl.col("id") == "w:d3").then(pl.lit("min_chars"))
    table = screened({"left": 10, "right": 10}).with_columns(dropped=dropped)
    side = split_documents(table, ONE, STRATIFIED, 42)["side"]
    assert [i for i, value in enumerate(side) if value is None] == [3]


def test_juxtaposed_keeps_the_proportions_of_each_corpus() -> None:
    corpus = ["a"] * 30 + ["b"] * 10 + ["a"] * 10 + ["b"] * 50
    table = screened({"left": 40, "right": 60}, corpus_id=corpus)
    found = split_documents(table, BESIDE, STRATIFIED, 42)
    assert counts(found.filter(pl.col("side") == "job"), "corpus_id", "label") == {
        ("a", "left"): 6, ("a", "right"): 2, ("b", "left"): 2, ("b", "right"): 10
    }  # fmt: skip
    pooled = split_documents(table, TWO, STRATIFIED, 42)
    assert counts(pooled.filter(pl.col("side") == "job"), "label") == {"left": 8, "right": 12}


@pytest.mark.parametrize(("policy", "side"), [("train_only", "train"), ("drop", None)])
def test_a_label_with_one_document(policy: str, side: str | None) -> None:
    split = STRATIFIED.model_copy(update={"small_labels": policy})
    table = split_documents(screened({"center": 1, "left": 10, "right": 10}), ONE, split, 42)
    assert table["side"][0] == side
    assert table["dropped"][0] == (None if side else "label too small to split")
    assert sum(n for (_, on), n in sides_of(table).items() if on == "job") == 4


def test_a_label_with_one_document_can_fail() -> None:
    split = STRATIFIED.model_copy(update={"small_labels": "fail"})
    with pytest.raises(LabelError, match="one document cannot be on both sides: center"):
        split_documents(screened({"center": 1, "left": 10, "right": 10}), ONE, split, 42)


def test_one_label_or_none_is_refused() -> None:
    with pytest.raises(LabelError, match="one label, 'left'; two are needed"):
        split_documents(screened({"left": 10}), ONE, STRATIFIED, 42)
    drop = STRATIFIED.model_copy(update={"small_labels": "drop"})
    with pytest.raises(LabelError, match="dropping labels with one document leaves one label"):
        split_documents(screened({"left": 10, "right": 1}), ONE, drop, 42)


def speeches(n: int = 2000, n_speakers: int = 120) -> pl.DataFrame:
    """A few speakers speak a lot; each is of one side."""
    rng = random.Random(5)
    who = sorted(int(n_speakers * rng.random() ** 3) for _ in range(n))
    labels = ["left" if speaker % 3 else "right" for speaker in who]
    order = sorted(range(n), key=lambda i: labels[i])
    speakers = [f"s{who[i]}" for i in order]
    return screened({label: labels.count(label) for label in ("left", "right")}, speaker=speakers)


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_groups_are_on_one_side_and_labels_keep_their_shares(seed: int) -> None:
    table = split_documents(speeches(), ONE, BY_SPEAKER, seed)
    assert table.group_by("speaker").agg(pl.col("side").n_unique())["side"].max() == 1
    found = sides_of(table)
    for label in ("left", "right"):
        assert abs(found[label, "job"] / (found[label, "job"] + found[label, "train"]) - 0.2) < 0.01


def test_group_splits_differ_by_seed_and_not_by_call() -> None:
    table = speeches()
    sides = [split_documents(table, ONE, BY_SPEAKER, seed)["side"] for seed in (0, 0, 42)]
    assert sides[0].equals(sides[1])
    assert not sides[0].equals(sides[2])


def test_documents_of_no_known_group_are_groups_by_themselves() -> None:
    speakers = [None] * 10 + ["s"] * 5 + [None] * 15
    table = split_documents(screened({"l": 15, "r": 15}, speaker=speakers), ONE, BY_SPEAKER, 42)
    assert counts(table, "side") == {"job": 6, "train": 24}


def test_a_label_of_one_group_stays_in_training() -> None:
    speakers = ["s0"] * 5 + [f"s{i % 9}" for i in range(1, 41)]
    table = screened({"center": 5, "left": 20, "right": 20}, speaker=speakers)
    # s0 speaks for the center only here; elsewhere it is heard too, and goes with it
    side = split_documents(table, ONE, BY_SPEAKER, 42)
    assert set(side.filter(pl.col("speaker") == "s0")["side"]) == {"train"}
    fail = BY_SPEAKER.model_copy(update={"small_labels": "fail"})
    with pytest.raises(LabelError, match="one group cannot be on both sides: center"):
        split_documents(table, ONE, fail, 42)


def test_one_group_cannot_be_split() -> None:
    table = screened({"left": 5, "right": 5}, speaker=["s"] * 10)
    with pytest.raises(LabelError, match=r"job side would be empty.*group_field=speaker"):
        split_documents(table, ONE, BY_SPEAKER, 42)


def test_given_sides_and_what_has_none() -> None:
    parts = ["train", "test", "dev", "train", "test", None]
    table = split_documents(screened({"l": 3, "r": 3}, part=parts), ONE, GIVEN, 42)
    assert table["side"].to_list() == ["train", "job", None, "train", "job", None]
    assert table["dropped"].to_list() == [None, None, "no given side", None, None, "no given side"]
    other = GIVEN.model_copy(update={"given_job": "eval"})
    with pytest.raises(LabelError, match=r"given_field=part: it has the values"):
        split_documents(screened({"l": 3, "r": 3}, part=parts), ONE, other, 42)


def test_cross_dataset_sides_are_the_datasets() -> None:
    corpus = ["a"] * 5 + ["b"] * 5 + ["a"] * 5 + ["b"] * 5
    table = split_documents(screened({"l": 10, "r": 10}, corpus_id=corpus), ACROSS, STRATIFIED, 42)
    assert counts(table, "corpus_id", "side") == {("a", "train"): 10, ("b", "job"): 10}


def test_cross_dataset_speakers_judged_on_are_not_learned_from() -> None:
    corpus = ["a"] * 5 + ["b"] * 5 + ["a"] * 5 + ["b"] * 5
    speakers = ["anna"] * 3 + ["ben"] * 7 + ["carl"] * 5 + ["dora"] * 5
    table = screened({"l": 10, "r": 10}, corpus_id=corpus).with_columns(speaker=pl.Series(speakers))
    found = split_documents(table, ACROSS, BY_SPEAKER, 42)
    learned, judged = (set(found.filter(side=side)["speaker"]) for side in ("train", "job"))
    assert not learned & judged
    assert learned == {"anna", "carl"}
    assert set(found.filter(dropped="group is judged on")["speaker"]) == {"ben"}
    assert found.filter(side="job").height == 10


def test_cross_dataset_labels_that_do_not_meet_are_refused() -> None:
    corpus = ["a"] * 10 + ["b"] * 10
    table = screened({"l": 5, "r": 5, "gauche": 5, "droite": 5}, corpus_id=corpus)
    with pytest.raises(LabelError, match=r"a has the labels \['l', 'r'\], b has \['droite', 'gau"):
        split_documents(table, ACROSS, STRATIFIED, 42)


def training(copies: int = 3) -> pl.DataFrame:
    """40 documents of two labels, ten speakers, each document with copies."""
    ids = [f"w:d{i}" + (f"#dup{c}" if c else "") for i in range(40) for c in range(copies)]
    numbers = [i for i in range(40) for _ in range(copies)]
    return pl.DataFrame(
        {
            "id": ids,
            "label": ["l" if i % 2 else "r" for i in numbers],
            "speaker": [f"s{i // 4}" for i in numbers],
        }
    )


def test_dev_has_one_copy_and_fit_none_of_its_documents() -> None:
    fit, dev = cut_dev(training(), STRATIFIED, 42)
    documents = {name.split("#")[0] for name in fit["id"]}
    assert counts(dev, "label") == {"l": 2, "r": 2}
    assert not documents & {name.split("#")[0] for name in dev["id"]}
    assert len(fit) == 3 * 36
    assert fit.columns == dev.columns == training().columns
    assert not cut_dev(training(), STRATIFIED, 0)[1].equals(dev)


def test_dev_holds_out_groups_when_the_split_does() -> None:
    split = BY_SPEAKER.model_copy(update={"dev_prop": 0.2})
    fit, dev = cut_dev(training(), split, 42)
    assert not set(fit["speaker"]) & set(dev["speaker"])
    assert counts(dev, "label") == {"l": 4, "r": 4}


def test_no_dev_part_says_so() -> None:
    one_each = training().filter(pl.col("id").is_in(["w:d0", "w:d1"]))
    with pytest.raises(LabelError, match="no dev part can be cut from 2 training documents"):
        cut_dev(one_each, STRATIFIED, 42)
