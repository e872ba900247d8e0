"""Sweeps as a user meets them: the whole program, its messages and exit codes, its files."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.sweep.ledger import read_state

PROJECT = Path(__file__).parents[2]
QUICK = ["pipeline=prepare", "models=tfidf_nb", "tracking=off", "superior.exp_id=it"]


def app(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=PROJECT,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_a_dry_run_shows_and_writes_the_plan_and_starts_nothing(tmp_path: Path) -> None:
    shown = app("-m", "--dry-run", "balance=none,oversample", *QUICK, f"output_root={tmp_path}")
    assert shown.returncode == 0, shown.stderr
    assert "2 runs, 2 to do" in shown.stdout
    folder = tmp_path / "superior" / "it"
    assert [file.name for file in folder.iterdir()] == ["plan.tsv"]
    assert [row["balance"] for row in table(folder / "plan.tsv")] == ["none", "oversample"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["balance=none,oversampel"], "did you mean 'oversample'"),
        (["split.train_prop=0.5,1.5"], "less than 1"),
        (["split.train_prp=0.5,0.6"], "did you mean 'train_prop'"),
        (["balance=none,none"], "have the same config"),
        (["superior.parallel=1,2"], "cannot be a key of the sweep itself"),
        (["superior.paralel=2"], "did you mean 'parallel'"),
        (["superior.deadline=soon"], "write 9h, 45m"),
        (["superior.deadline=10s"], "nothing can run before it"),
        (["superior.analysis.mine._target_=nowhere.plot"], "superior.analysis.mine"),
        (["superior.seed_strategy=sometimes"], "per_repeat"),
        (["scheduler.max_ram_gb=0.1"], "raise scheduler.max_ram_gb"),
        (["superior.early_stop.action=prune"], "action=prune needs axis"),
        (["superior.backend_options.cluster=x"], "superior.backend_options.cluster"),
        (["split.train_prop=range(0.5,0.5,0.1)"], "nothing would run"),
        (["split.train_prop=interval(0.1,0.9)"], "a grid needs values"),
        (["experiment=ideo_learning_curv"], "did you mean 'ideo_learning_curve'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_stops_a_sweep_before_any_work(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    ended = app("-m", *QUICK, f"output_root={tmp_path}", *arguments)
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) <= 8
    assert not list(tmp_path.rglob("ledger.jsonl"))


def test_a_run_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    """The dataset's file is cut after the plan was made: only the run itself can notice."""
    broken = tmp_path / "broken.xml"
    broken.write_text("<teiCorpus xmlns='http://www.tei-c.org/ns/1.0'>")
    command = [
        "-m", "dataset=web1,asr1", f"corpora.asr1.path={broken}", *QUICK,
        f"output_root={tmp_path}",
    ]  # fmt: skip
    ended = app(*command)
    assert ended.returncode == 7, ended.stderr
    assert "1 of 2 runs have no result (1 failed); the others are whole" in ended.stderr
    assert "superior.retry_failed=true" in ended.stderr
    folder = tmp_path / "superior" / "it"
    rows = {row["dataset"]: row for row in table(folder / "runs.tsv")}
    assert rows["web1"]["status"] == "ok"
    assert rows["asr1"]["status"] == "failed"
    assert rows["asr1"]["error"]
    assert (folder / "report.html").exists()
    again = app(*command)
    assert again.returncode == 7, "a failure is not forgotten"
    retried = app(*command, "superior.retry_failed=true")
    attempts = {run.axes["dataset"]: run.attempt for run in read_state(folder).runs.values()}
    assert retried.returncode == 7
    assert attempts == {"web1": 1, "asr1": 2}


@pytest.mark.slow
def test_low_scores_are_flagged_and_leave_out_the_repeats(tmp_path: Path) -> None:
    ended = app(
        "-m", "models=tfidf_nb,check", "tracking=off", f"output_root={tmp_path}",
        "superior.exp_id=it", "superior.repeats=2", "superior.seed_strategy=per_repeat",
        "superior.early_stop.min_accuracy=0.99", "superior.early_stop.min_macro_f1=0.99",
        "superior.early_stop.action=skip_repeats", "superior.parallel=1",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    folder = tmp_path / "superior" / "it"
    rows = {(row["models"], row["repeat"]): row for row in table(folder / "runs.tsv")}
    assert rows["tfidf_nb", "0"]["quality_flags"] == "low_accuracy,low_macro_f1"
    assert rows["tfidf_nb", "1"]["status"] == "skipped_repeats"
    assert {rows["check", repeat]["quality_ok"] for repeat in "01"} == {"true"}, "not judged"
    assert "tfidf_nb: low_accuracy" in (folder / "logs" / "early_stop.log").read_text()


def test_runs_share_their_stages_unless_told_otherwise(tmp_path: Path) -> None:
    axes = ["balance=none,oversample", *QUICK, "superior.parallel=1"]
    assert app("-m", *axes, f"output_root={tmp_path / 'shared'}").returncode == 0
    runs = read_state(tmp_path / "shared" / "superior" / "it").runs.values()
    assert any("read_corpora" in run.cached_stages for run in runs)
    alone = app("-m", *axes, f"output_root={tmp_path / 'alone'}", "superior.cache=off")
    assert alone.returncode == 0, alone.stderr
    runs = read_state(tmp_path / "alone" / "superior" / "it").runs.values()
    assert not any(run.cached_stages for run in runs)


def test_the_shipped_experiments_can_be_planned(tmp_path: Path, shared_data: Path) -> None:
    for file in sorted((PROJECT / "conf" / "experiment").glob("*.yaml")):
        planned = app(
            "-m", "--dry-run", f"experiment={file.stem}", f"data_root={shared_data}",
            f"output_root={tmp_path}",
        )  # fmt: skip
        assert planned.returncode == 0, planned.stderr
        assert "nothing was started" in planned.stdout
