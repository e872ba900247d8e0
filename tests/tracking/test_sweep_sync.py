"""`kedro mlflow-sync`: MLflow is rebuilt from ledgers, and what is right is left alone."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from sweeps import HandMadeSweep

from app import mlflow_sync
from app.tracking.sweep_writer import LOCK


def sync(*paths: Path) -> Result:
    return CliRunner().invoke(mlflow_sync.mlflow_sync, [str(path) for path in paths])


def test_rebuilt_then_right_then_mended(sweep: HandMadeSweep) -> None:
    sweep.whole()
    ended = sync(sweep.folder)
    assert ended.exit_code == 0, ended.output
    assert ended.output.startswith("exp: runs: 3 added; the sweep FINISHED; #/experiments/1/runs/")
    assert sync(sweep.folder).output.startswith(
        "exp: runs: 3 already right; the sweep FINISHED as before; #"
    )
    (run,) = sweep.runs()["r1"]
    sweep.client().delete_run(run.info.run_id)
    assert sync(sweep.folder).output.startswith("exp: runs: 1 added, 2 already right; ")


def test_all_sweeps_but_those_run_without_tracking(
    sweep: HandMadeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.whole()
    monkeypatch.setattr(mlflow_sync, "SWEEPS", sweep.folder.parent)
    off = sweep.folder.parent / "off"
    off.mkdir()
    ledger = (sweep.folder / "ledger.jsonl").read_text()
    (off / "ledger.jsonl").write_text(ledger.replace('"uri":', '"enabled":false,"uri":'))
    ended = sync()
    assert ended.exit_code == 0, ended.output
    first, second = ended.output.splitlines()
    assert first == "off: left out: tracking=off (name its folder to add it)"
    assert second.startswith("exp: runs: 3 added")


def test_a_sweep_that_another_writer_works_at_is_left_to_it(sweep: HandMadeSweep) -> None:
    sweep.whole()
    with FileLock(sweep.folder / LOCK):
        ended = sync(sweep.folder)
    assert ended.exit_code == 0
    assert ended.output == "exp: at work; its own writer records it\n"


def test_a_folder_that_is_no_sweep(tmp_path: Path) -> None:
    ended = sync(tmp_path)
    assert ended.exit_code == 3
    assert f"{tmp_path} is no sweep's folder: it has no ledger.jsonl" in ended.output


def test_a_ledger_that_was_damaged_and_a_store_that_fails(
    sweep: HandMadeSweep, tmp_path: Path
) -> None:
    sweep.whole()
    ledger = sweep.folder / "ledger.jsonl"
    whole = ledger.read_text()
    ledger.write_text(whole.replace('"event":"started"', '"event":"sta', 1))
    ended = sync(sweep.folder)
    assert ended.exit_code == 6
    assert "`kedro verify" in ended.output
    ledger.write_text(whole.replace(sweep.uri, f"sqlite:///{sweep.folder}/report.html/mlflow.db"))
    ended = sync(sweep.folder)
    assert ended.exit_code == 6
    assert "MLflow does not have all of it: exp: " in ended.output
