"""Hooks of a sweep: found and checked before it starts, none costs the others."""

import math
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_sweep import AXES, FakeSweep, eventful, scores

from app.errors import ConfigError
from app.sweep.analysis import FinishedSweep, check_hooks, curves, run_hooks
from app.sweep.analysis.drawing import _ticks
from app.sweep.analysis.panels import Panels, panels
from app.sweep.projections import project
from app.sweep.scores import Mean, combinations, is_cost, ranking_metric, t_quantile

CURVES = "app.sweep.analysis.curves"
REPORT = "app.sweep.analysis.report_markdown"
HOOK = """
from pathlib import Path

def mine(sweep, threshold: float = 0.5) -> list[Path]:
    path = sweep.folder / "mine.txt"
    good = [row for row in sweep.metrics_rows() if row["macro_f1"] > threshold]
    path.write_text(f"{len(good)} of {len(sweep.runs_table())}")
    return [path]

def broken(sweep):
    raise RuntimeError("no such luck")

def liar(sweep):
    return [sweep.folder / "never_written.png"]

NOT_A_HOOK = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's module with hooks."""
    (tmp_path / "users_hooks.py").write_text(HOOK, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "users_hooks", raising=False)
    return "users_hooks"


def grid(
    folder: Path, axes: dict[str, list[str]], models: list[str], repeats: int = 3
) -> FakeSweep:
    """A finished sweep whose runs have all the models."""
    sweep = FakeSweep(folder, axes, repeats)
    sweep.supervise()
    for run in sweep.runs:
        told: dict[str, dict[str, float]] = {}
        for model in models:
            told |= scores(run, model, sweep.chance)
        sweep.run(run, metrics=told)
    return sweep


def drawn(sweep: FakeSweep, **told: Any) -> Panels:
    found = panels(
        sweep.state, told.get("metric", "macro_f1"), told.get("x_axis"), told.get("group"), 0.95
    )
    assert found is not None
    return found


def test_intervals_are_those_of_t() -> None:
    assert math.isclose(t_quantile(0.975, 2), 4.302652729911275, rel_tol=1e-9)
    mean = Mean([1.0, 2.0, 4.0], [1, 2, 3])
    half = mean.half(0.95)
    assert half is not None
    assert math.isclose(mean.mean, 7 / 3)
    assert math.isclose(half, 4.302652729911275 * math.sqrt(7 / 3 / 3), rel_tol=1e-9)


@pytest.mark.parametrize(("values", "seeds"), [([0.5], [1]), ([0.5, 0.5], [42, 42])])
def test_one_measurement_has_no_interval(
    values: list[float], seeds: list[int | str | None]
) -> None:
    assert Mean(values, seeds).half() is None


def test_combinations_are_ranked_by_their_mean_not_by_a_lucky_run(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"balance": ["lucky", "good"]})
    sweep.supervise()
    told = [0.99, 0.5, 0.5, 0.8, 0.8, 0.81]
    for run, score in zip(sweep.runs, told, strict=True):
        sweep.run(run, metrics={"nb": {"macro_f1": score}})
    best = combinations(sweep.state, "macro_f1")
    assert [one.axes["balance"] for one in best] == ["good", "lucky"]
    assert [one.scores.n for one in best] == [3, 3]


def test_less_is_better_for_losses(tmp_path: Path) -> None:
    assert is_cost("val_loss")
    assert is_cost("chi2")
    assert not is_cost("closeness")
    sweep = FakeSweep(tmp_path / "s", {"x": ["1", "2"]}, repeats=1)
    sweep.supervise()
    for run, loss in zip(sweep.runs, (0.9, 0.1), strict=True):
        sweep.run(run, metrics={"net": {"loss": loss}})
    assert ranking_metric(sweep.state) == "loss"
    assert combinations(sweep.state, "loss")[0].axes == {"x": "2"}


def test_work_made_smaller_is_not_mixed_with_the_full_work(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"x": ["1"]}, repeats=3)
    sweep.supervise()
    first, *others = sweep.runs
    sweep.tell("backoff", run_id=first["run_id"], level=1, change={"hardware.max_train_docs": 9})
    for run, score in zip([first, *others], (0.1, 0.8, 0.82), strict=True):
        sweep.run(run, metrics={"nb": {"macro_f1": score}})
    full, smaller = combinations(sweep.state, "macro_f1")
    assert (full.scores.n, full.smaller) == (2, "")
    assert (smaller.scores.n, smaller.smaller) == (1, "hardware.max_train_docs=9")
    assert "1 scores left out" in drawn(sweep).caption


def test_x_is_the_numeric_axis_with_most_values(tmp_path: Path) -> None:
    axes = {"balance": ["none", "cap"], "a": ["1", "2"], "split.train_prop": ["0.9", "0.1", "0.5"]}
    found = drawn(grid(tmp_path / "s", axes, ["nb", "svm"]))
    assert (found.x_axis, found.group) == ("split.train_prop", "model")
    assert found.xs == ["0.1", "0.5", "0.9"]
    assert found.is_numeric
    assert [panel.title for panel in found.panels] == [
        "balance=none  a=1", "balance=none  a=2", "balance=cap  a=1", "balance=cap  a=2",
    ]  # fmt: skip
    assert found.caption == "Means of 3 repeats; 95% t intervals."


def test_an_axis_that_names_the_model_is_the_model(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s")
    sweep.supervise()
    for run in sweep.runs:
        sweep.run(run)
    found = drawn(sweep)
    assert (found.x_axis, found.group) == ("dataset", "model")
    assert [panel.title for panel in found.panels] == ["balance=none", "balance=oversample"]
    only = FakeSweep(tmp_path / "only", {"models": AXES["models"]})
    for run in only.runs:
        only.run(run)
    found = drawn(only)
    assert (found.x_axis, found.group, len(found.panels)) == ("model", "", 1)


def test_seeds_given_as_an_axis_are_repeats(tmp_path: Path) -> None:
    axes = {"balance": ["none", "cap"], "seed": ["1", "2", "3"]}
    sweep = grid(tmp_path / "s", axes, ["nb"], repeats=1)
    found = drawn(sweep)
    assert (found.x_axis, len(found.panels)) == ("balance", 1)
    assert [one.n for one in found.panels[0].lines[""].values()] == [3, 3]
    assert [one.scores.n for one in combinations(sweep.state, "macro_f1")] == [3, 3]


def test_paired_axes_make_no_empty_panels(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"a": ["1", "2", "3"]}, repeats=1)
    sweep.supervise()
    for run in sweep.runs:
        sweep.state.runs[run["run_id"]].axes["b"] = "b" + run["axes"]["a"]
        sweep.run(run, metrics={"nb": {"macro_f1": 0.5}})
    found = drawn(sweep)
    assert (found.x_axis, len(found.panels), found.caption) == ("a", 1, "Single runs, no repeats.")


def test_what_is_drawn_can_be_chosen(tmp_path: Path) -> None:
    sweep = grid(tmp_path / "s", {"balance": ["none", "cap"], "n": ["1", "2"]}, ["nb", "svm"])
    found = drawn(sweep, metric="accuracy", x_axis="balance", group="n")
    assert (found.x_axis, found.group) == ("balance", "n")
    assert [panel.title for panel in found.panels] == ["model=nb", "model=svm"]
    with pytest.raises(ConfigError, match="x_axis=balanc: no such axis; did you mean 'balance'"):
        drawn(sweep, x_axis="balanc")
    with pytest.raises(ConfigError, match=r"metric=macro_f2.*did you mean 'macro_f1'"):
        drawn(sweep, metric="macro_f2")


@pytest.mark.parametrize("n_groups", [1, 2, 12])
@pytest.mark.parametrize("values", [["0.1", "0.5", "0.9"], ["none", "oversample"]])
def test_curves_draws_lines_and_dots(
    tmp_path: Path, n_groups: int, values: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)  # of other tests
    models = [f"model_{number}" for number in range(n_groups)]
    sweep = grid(tmp_path / "s", {"a/b axis": values}, models)
    (path,) = curves(FinishedSweep(sweep.folder, sweep.state))
    assert path == sweep.folder / "plots" / "macro_f1_by_a_b_axis.png"
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"Means of 3 repeats" in content  # told in the file too
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("values", [["10", "30", "100", "1000"], ["-1", "0", "0.01", "0.02", "5"]])
def test_ticks_are_measured_values_that_do_not_collide(values: list[str]) -> None:
    told = {"-1": ["-1", "0", "5"], "10": values}
    assert _ticks(values) == told[values[0]]


def test_many_panels_make_several_pictures(tmp_path: Path) -> None:
    axes = {"a": ["1", "2"], "b": [f"b{number}" for number in range(13)]}
    sweep = grid(tmp_path / "s", axes, ["nb", "svm"], repeats=1)
    paths = curves(FinishedSweep(sweep.folder, sweep.state))
    assert [path.name for path in paths] == ["macro_f1_by_a_1.png", "macro_f1_by_a_2.png"]


def test_nothing_is_drawn_of_runs_without_scores(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s")
    assert curves(FinishedSweep(sweep.folder, sweep.state)) == []


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ({"_target_": "app.sweep.analysis.curve"}, "did you mean 'curves'"),
        ({"_target_": "no_such_module.hook"}, "cannot be imported .ModuleNotFoundError: No module"),
        ({"_target_": "curves"}, "module.function"),
        ({"_target_": CURVES, "metrik": "accuracy"}, "metrik.*did you mean 'metric'"),
        ({"_target_": CURVES, "confidence": 95}, "confidence=95: .*less than 1"),
        ({"_target_": CURVES, "x_axis": ["a"]}, r"x_axis=\['a'\]: .*valid string"),
        ({"_target_": "users_hooks.NOT_A_HOOK"}, "cannot call its 'NOT_A_HOOK'"),
        ({"_target_": "users_hooks.broken", "level": 2}, "level"),
    ],
)
def test_a_wrong_hook_is_one_message_before_the_sweep(
    module: str, hook: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        check_hooks({"mine": hook})
    assert str(raised.value).startswith("superior.analysis.mine")


def test_right_hooks_pass_and_null_is_off(module: str) -> None:
    check_hooks({
        "curves": {"_target_": CURVES, "metric": "accuracy", "confidence": 0.9},
        "mine": {"_target_": f"{module}.mine", "threshold": 1},
        "report_markdown": None,
    })  # fmt: skip


def test_a_users_hook_gets_the_tables(module: str, tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "s")
    finished = FinishedSweep(sweep.folder, sweep.state)
    hook = {"_target_": f"{module}.mine", "threshold": 0.0}
    assert run_hooks(finished, {"mine": hook, "off": None}) == []
    assert finished.files == [sweep.folder / "mine.txt"]
    assert (sweep.folder / "mine.txt").read_text() == "20 of 24"


def test_a_hook_that_fails_costs_nothing_else(module: str, tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "s")
    problems = project(
        sweep.folder,
        sweep.state,
        {
            "report_markdown": {"_target_": REPORT},
            "broken": {"_target_": f"{module}.broken"},
            "liar": {"_target_": f"{module}.liar"},
            "curves": {"_target_": CURVES},
        },
    )
    broken, liar = problems
    assert broken == (
        "superior.analysis.broken: RuntimeError: no such luck (users_hooks.py, line 11)"
    )
    assert "never_written.png, which is no file" in liar
    for name in ("plan.tsv", "runs.tsv", "metrics_global.tsv", "report.html", "report.md"):
        assert (sweep.folder / name).exists()
    for name in ("report.html", "report.md"):
        assert "no such luck" in (sweep.folder / name).read_text(encoding="utf-8")
    text = (sweep.folder / "report.md").read_text(encoding="utf-8")
    assert "plots/macro_f1_by_dataset.png" in text  # though that hook comes after the report


def test_repeats_of_one_seed_are_told(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"balance": ["none", "cap"]})
    chance = random.Random(0)
    for run in sweep.runs:
        sweep.state.runs[run["run_id"]].seed = 42
        sweep.run(run, metrics={"nb": {"macro_f1": chance.random()}})
    assert "no intervals, since all repeats have one seed" in drawn(sweep).caption
