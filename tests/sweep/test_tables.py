"""The tables say what the ledger says, and can be read back."""

import csv
import subprocess
import sys
from pathlib import Path

from fake_sweep import FakeSweep, eventful

from app.sweep.ledger import RunState, SweepState, read_state
from app.sweep.projections import write_tables
from app.sweep.tables import runs_rows, write_early_stop, write_plan, write_runs

TIMES = {"started", "ended"}  # the fake sweep has a clock of its own


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_plan_has_a_column_for_each_axis(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s")
    write_plan(tmp_path, sweep.state.runs.values())
    rows = read(tmp_path / "plan.tsv")
    assert len(rows) == 24
    assert rows[3] == {
        "position": "1",
        "run_id": "000000000001_r0",
        "dataset": "fr_mariagepourtous",
        "balance": "none",
        "models": "tfidf_logreg",
        "repeat": "0",
        "seed": "1000",
        "kind": "tfidf_logreg",
        "resource": "light",
        "overrides": "dataset=fr_mariagepourtous balance=none models=tfidf_logreg",
    }


def test_runs_tell_how_each_ended(tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "s")
    write_runs(tmp_path, sweep.state)
    rows = read(tmp_path / "runs.tsv")
    flagged, failed, oom, skipped = rows[0], rows[4], rows[15], rows[16]
    assert flagged["quality_ok"] == "false"
    assert flagged["quality_flags"] == "low_accuracy,low_macro_f1"
    assert flagged["flagged_models"] == "tfidf_nb"
    assert (failed["status"], failed["exit_code"], failed["quality_ok"]) == ("failed", "1", "")
    assert failed["error"].endswith("not well-formed (invalid token)")  # on one line
    assert failed["log"] == "logs/run_000000000001_r1.log"
    assert (oom["status"], oom["exit_code"], oom["peak_gb"]) == ("oom", "99", "1.52")
    assert (skipped["status"], skipped["attempts"], skipped["log"]) == ("skipped_oom", "0", "")
    assert skipped["because"] == "000000000005_r0 ran out of memory"


def test_scores_keep_every_digit_and_have_the_union_of_metrics(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"balance": ["none", "oversample"]}, repeats=1)
    sweep.supervise()
    third = 1 / 3
    sweep.run(sweep.runs[0], metrics={"a": {"f1.Extrême\tgauche": third}, "b": {"accuracy": 1.0}})
    sweep.run(sweep.runs[1], metrics={"a": {"accuracy": 0.1, "balance": 0.5}})
    write_tables(tmp_path, sweep.state)
    rows = read(tmp_path / "metrics_global.tsv")
    assert [(row["balance"], row["model"]) for row in rows] == [
        ("none", "a"),
        ("none", "b"),
        ("oversample", "a"),
    ]
    assert float(rows[0]["f1.Extrême gauche"]) == third
    assert (rows[0]["accuracy"], rows[1]["accuracy"]) == ("", "1.0")
    assert rows[2]["metric.balance"] == "0.5"  # an axis has that name


def test_hostile_text_stays_in_its_cell(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"seed": ['a\t"b"', "c\r\nd"]}, repeats=1)
    sweep.supervise()
    sweep.run(sweep.runs[0], "failed", error='a "quoted"\ttab\nline\r\n\0end')
    write_tables(tmp_path, sweep.state)
    rows = read(tmp_path / "runs.tsv")
    assert len(rows) == 2
    assert rows[0]["error"] == 'a "quoted" tab line end'
    assert [row["axis.seed"] for row in rows] == ['a "b"', "c d"]
    assert rows[0]["seed"] == "1000"


def test_a_number_returned_is_a_score_where_nothing_else_was_told(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"x": ["1"]}, repeats=1)
    sweep.supervise()
    sweep.run(sweep.runs[0], value=2.5)
    write_tables(tmp_path, sweep.state)
    (row,) = read(tmp_path / "metrics_global.tsv")
    assert (row["model"], row["value"]) == ("", "2.5")


def test_the_family_is_told_only_where_it_is_certain(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"balance": ["none", "oversample"]}, repeats=1)
    first, second = sweep.state.runs.values()
    first.families, second.families = ["check", "sklearn"], ["sklearn", "spacy"]
    sweep.supervise()
    sweep.run(sweep.runs[0], metrics={"nb": {"accuracy": 0.5}, "check": {"accuracy": 0.5}})
    sweep.run(sweep.runs[1], metrics={"nb": {"accuracy": 0.5}})
    write_tables(tmp_path, sweep.state)
    rows = read(tmp_path / "metrics_global.tsv")
    assert [(row["model"], row["family"]) for row in rows] == [
        ("nb", "sklearn"),
        ("check", ""),
        ("nb", "sklearn"),
    ]


def test_backoffs_say_what_they_changed(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"x": ["1", "2"]}, repeats=1)
    for run, change in zip(sweep.runs, ({"hardware.max_train_docs_hf": 500}, {}), strict=True):
        sweep.tell("backoff", run_id=run["run_id"], level=1, change=change)
    rows = runs_rows(sweep.state)
    assert [row["changed"] for row in rows] == ["hardware.max_train_docs_hf=500", "bigger slot"]


def test_tables_come_from_the_ledger_alone(tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "s")
    sweep.ledger.close()
    (tmp_path / "a").mkdir()
    write_tables(tmp_path / "a", sweep.state)
    write_tables(tmp_path / "b", read_state(sweep.folder))
    for name in ("plan.tsv", "metrics_global.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    first, second = (read(tmp_path / folder / "runs.tsv") for folder in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert {key: one[key] for key in one if key not in TIMES} == {
            key: other[key] for key in other if key not in TIMES
        }


def test_an_empty_sweep_has_tables_of_heads(tmp_path: Path) -> None:
    write_plan(tmp_path, list[RunState]())
    assert read(tmp_path / "plan.tsv") == []


def test_importing_what_a_supervisor_needs_is_cheap() -> None:
    code = (
        "import sys, app.sweep.tables, app.sweep.live, app.sweep.projections, app.sweep.status\n"
        "heavy = {'matplotlib', 'jinja2', 'rich', 'scipy', 'numpy', 'sklearn', 'mlflow'}\n"
        "print(*heavy & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == ""


def test_flagged_runs_and_those_left_out_for_them_are_in_the_early_stop_log(tmp_path: Path) -> None:
    flagged = run_state("a", status="ok", quality_flags=["m: low_accuracy", "m: low_macro_f1"])
    left_out = run_state("b", status="skipped_repeats", because="a was flagged")
    write_early_stop(tmp_path, SweepState(runs={"a": flagged, "b": left_out}))
    first, second = (tmp_path / "logs" / "early_stop.log").read_text().splitlines()
    assert "a m: low_accuracy, m: low_macro_f1" in first
    assert "b skipped_repeats: a was flagged" in second


def run_state(run_id: str, **told: object) -> RunState:
    return RunState(run_id, 0, "k", 0, 1, [], {}, "run", "light", [], **told)  # type: ignore[arg-type]
