import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hand_made import BESIDE, ONE, counts, on_train
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.config.ideo.balance import Balance
from app.errors import LabelError
from app.pipelines.ideo.balance import balance_train

LABELS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 80), min_size=2)
SEVERAL = settings(max_examples=50, deadline=None)


def balance(strategy: str, **options: Any) -> Balance:
    return Balance.model_validate({"strategy": strategy, **options})


def alpha(alpha: float, total: int) -> Balance:
    return balance("alpha_total", preset="p", presets={"p": {"alpha": alpha, "total_docs": total}})


def oversample(ratio: float) -> Balance:
    return balance("oversample", preset="p", presets={"p": {"ratio": ratio}})


def balanced(labels: dict[str, int], spec: Balance, seed: int = 42) -> pl.DataFrame:
    return balance_train(on_train(labels), ONE, spec, seed)


def assert_copies_are_even(rows: pl.DataFrame) -> None:
    """Unique row ids `id`, `id#dup1`, ...; within a label no document has two more than another."""
    assert rows["row"].n_unique() == len(rows)
    for (doc,), copies in rows.group_by("id"):
        expected = [doc, *(f"{doc}#dup{n}" for n in range(1, len(copies)))]
        assert copies["row"].to_list() == expected
    spread = (
        rows.group_by("label", "id")
        .len()
        .group_by("label")
        .agg(spread=pl.col("len").max() - pl.col("len").min())
    )
    assert spread["spread"].max() <= 1


@SEVERAL
@given(LABELS)
def test_none_changes_nothing(labels: dict[str, int]) -> None:
    table = on_train(labels)
    rows = balance_train(table, ONE, balance("none"), 42)
    assert rows["id"].equals(table["id"])
    assert rows["row"].to_list() == table["id"].to_list()
    assert set(rows["weight"]) == {1.0}


@SEVERAL
@given(LABELS)
def test_class_weights(labels: dict[str, int]) -> None:
    rows = balanced(labels, balance("class_weights"))
    n, k = sum(labels.values()), len(labels)
    assert counts(rows, "label") == labels
    for label, weight in rows.select("label", "weight").unique().iter_rows():
        assert math.isclose(weight, n / (k * labels[label]))


@SEVERAL
@given(LABELS, st.integers(1, 60), st.booleans())
def test_cap_docs(labels: dict[str, int], cap: int, fill: bool) -> None:
    rows = balanced(labels, balance("cap_docs", cap_per_label=cap, oversample=fill))
    assert counts(rows, "label") == {
        label: cap if fill else min(cap, n) for label, n in labels.items()
    }
    assert_copies_are_even(rows)


def test_cap_docs_offset_skips_the_first_of_the_draw() -> None:
    labels = {"l": 30, "r": 40}
    first = balanced(labels, balance("cap_docs", cap_per_label=10))
    second = balanced(labels, balance("cap_docs", cap_per_label=10, offset=10))
    rest = balanced(labels, balance("cap_docs", cap_per_label=10, offset=25))
    assert counts(second, "label") == {"l": 10, "r": 10}
    assert not set(first["id"]) & set(second["id"])
    assert counts(rest, "label") == {"l": 5, "r": 10}
    with pytest.raises(LabelError, match=r"leaves no training document of l \(30 documents\)"):
        balanced(labels, balance("cap_docs", offset=30))


@SEVERAL
@given(st.lists(st.integers(0, 50), min_size=4, max_size=60), st.integers(1, 300))
def test_cap_tokens(tokens: list[int], cap: int) -> None:
    labels = {"l": len(tokens) // 2, "r": len(tokens) - len(tokens) // 2}
    table = on_train(labels).with_columns(n_tokens=pl.Series(tokens, dtype=pl.UInt32))
    rows = balance_train(table, ONE, balance("cap_tokens", cap_tokens_per_label=cap), 42)
    taken = rows.join(table, on="id", how="left")
    for label in labels:
        mine = taken.filter(label=label)
        assert len(mine) >= 1
        assert len(mine) == 1 or mine["n_tokens"].sum() <= cap
        # no document of the draw was left out that would have fitted next
        if len(mine) < labels[label]:
            assert mine["n_tokens"].sum() + max(tokens) > cap


@SEVERAL
@given(LABELS, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.integers(6, 400))
def test_alpha_total_sums_exactly(labels: dict[str, int], power: float, total: int) -> None:
    rows = balanced(labels, alpha(power, total))
    found = counts(rows, "label")
    weight = {label: n**power for label, n in labels.items()}
    assert len(rows) == total
    assert set(found) == set(labels)
    for label in labels:
        share = total * weight[label] / sum(weight.values())
        assert abs(found[label] - share) < 1 or found[label] == 1 or min(found.values()) == 1
    assert_copies_are_even(rows)


def test_alpha_total_presets_of_the_reference() -> None:
    labels = {"l": 2500, "r": 100}
    assert counts(balanced(labels, alpha(0.5, 60)), "label") == {"l": 50, "r": 10}
    assert counts(balanced(labels, alpha(0.0, 2000)), "label") == {"l": 1000, "r": 1000}
    with pytest.raises(LabelError, match="total_docs=1 is less than one document for each of 2"):
        balanced(labels, alpha(0.0, 1))


@SEVERAL
@given(LABELS, st.sampled_from([0.25, 0.5, 1.0]))
def test_oversample(labels: dict[str, int], ratio: float) -> None:
    rows = balanced(labels, oversample(ratio))
    goal = int(ratio * max(labels.values()))
    assert counts(rows, "label") == {label: max(n, goal) for label, n in labels.items()}
    assert set(rows["id"]) == set(on_train(labels)["id"])
    assert_copies_are_even(rows)


def test_juxtaposed_is_balanced_inside_each_corpus() -> None:
    corpus = ["a"] * 30 + ["b"] * 10 + ["a"] * 10 + ["b"] * 50
    table = on_train({"left": 40, "right": 60}, corpus_id=corpus)

    def of(spec: Balance) -> dict[Any, int]:
        rows = balance_train(table, BESIDE, spec, 42)
        return counts(rows.join(table, on="id", how="left"), "corpus_id", "label")

    a, b = (("a", "left"), ("a", "right")), (("b", "left"), ("b", "right"))
    assert of(oversample(1.0)) == dict.fromkeys(a, 30) | dict.fromkeys(b, 50)
    assert of(alpha(0.0, 50)) == dict.fromkeys(a, 10) | dict.fromkeys(b, 15)
    assert of(balance("cap_docs", cap_per_label=20)) == {
        a[0]: 20, a[1]: 10, b[0]: 10, b[1]: 20
    }  # fmt: skip
    weights = balance_train(table, BESIDE, balance("class_weights"), 42)
    of_label = dict(weights.select("label", "weight").unique().iter_rows())
    # 30 documents weigh 40 / (2 * 30) and 10 weigh 60 / (2 * 10); and so for the other label
    assert of_label == pytest.approx({"left": 50 / 40, "right": 50 / 60})


def test_only_the_training_side_is_balanced() -> None:
    side = pl.when(pl.col("id").str.ends_with("5")).then(pl.lit("job")).otherwise(pl.lit("train"))
    table = on_train({"l": 20, "r": 40}).with_columns(side=side)
    rows = balance_train(table, ONE, oversample(1.0), 42)
    assert not any(name.split("#")[0].endswith("5") for name in rows["row"])


def test_the_seed_chooses_and_zero_is_a_seed() -> None:
    spec = balance("cap_docs", cap_per_label=10)
    chosen = {seed: balanced({"l": 50, "r": 50}, spec, seed)["id"] for seed in (0, 42)}
    assert not chosen[0].equals(chosen[42])
    assert chosen[42].equals(balanced({"l": 50, "r": 50}, spec, 42)["id"])


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "oversmaple"},
        {"strategy": "alpha_total", "preset": "small_alpha", "presets": {}},
        {"strategy": "oversample", "preset": "paritee", "presets": {"parity": {"ratio": 1.0}}},
        {"strategy": "none", "cap_per_label": 5},
    ],
)
def test_an_unknown_strategy_preset_or_option_is_never_none(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Balance.model_validate(options)


SCRIPT = """
from hand_made import ONE, STRATIFIED, screened
from app.config.ideo.balance import Balance
from app.pipelines.ideo.balance import balance_train
from app.pipelines.ideo.split import split_documents
table = split_documents(screened({"left": 60, "right": 40, "center": 9}), ONE, STRATIFIED, 42)
spec = Balance.model_validate({"strategy": "cap_docs", "cap_per_label": 20, "oversample": True})
print(" ".join(balance_train(table, ONE, spec, 42)["row"]))
"""


def test_the_hash_seed_of_python_chooses_nothing() -> None:
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), *sys.path])
    printed = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1
    assert len(printed.pop().split()) == 60
