"""A training over several quotas: each run publishes its checkpoint as a version of a registered
model, the next goes on from it, wherever it is."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from study_runs import Runs, events, folder_of, handed_in, read_json

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("vesuvius_runs")]

LATEST = "checkpoint.resume_from=models:/vesuvius@latest"


def tracked(root: Path) -> list[str]:
    return ["tracking=local", f"tracking.uri=sqlite:///{root}/mlflow.db"]


@pytest.fixture(scope="module")
def published(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MLflow's files of a run whose budget was cut; its own files in `first`."""
    root = tmp_path_factory.mktemp("published")
    cut = [*tracked(root), "budget.total=6s", "distillation=none"]
    ended = runs(root / "first", *cut, stalls={"70": 60.0})
    assert ended.code == 0, ended.said
    assert events(root / "first", "EXEC_COMPLETE")[-1]["cause"] == "deadline"
    return root


def asked(root: Path, question: str) -> Sequence[tuple[Any, ...]]:
    with sqlite3.connect(root / "mlflow.db") as database:
        return database.execute(question).fetchall()


def test_the_checkpoint_is_a_version_with_its_hashes(published: Path) -> None:
    tags: dict[str, str] = dict(asked(published, "select key, value from model_version_tags"))
    assert tags["superior.kind"] == "checkpoint"
    assert tags["superior.ended"] == "deadline"
    folder = folder_of(published / "first")
    (newest,) = (folder / "published").glob("*.ckpt")
    assert newest.read_bytes() == max((folder / "checkpoints").glob("*.ckpt")).read_bytes()
    assert set(json.loads(tags["superior.files"])) == {
        *("about.json", "ckpt_manifest.json", newest.name),
    }


def test_the_run_has_the_metrics_of_every_candidate(runs: Runs, tmp_path: Path) -> None:
    assert runs(tmp_path / "out", *tracked(tmp_path)).code == 0
    rows = read_json(folder_of(tmp_path / "out") / "candidates.json")
    found = asked(
        tmp_path, "select step, value from metrics where key = 'candidate.f1' order by step"
    )
    assert found == [(row["step"], pytest.approx(row["f1"], abs=0)) for row in rows]
    assert len(found) == 12
    named = {key for (key,) in asked(tmp_path, "select distinct key from metrics")}
    assert {"logistic.dice", "logistic.surface_dice", "candidate.l1", "candidate.iou"} <= named
    artifacts = {path.name for path in (tmp_path / "artifacts").rglob("*")}
    assert {"report.html", "summary.json", "submission.zip", "inventory.json"} <= artifacts
    ((status,),) = asked(tmp_path, "select status from runs")
    assert status == "FINISHED"


def test_another_machine_goes_on_from_it(
    runs: Runs, published: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Its folder is empty; what it ends with is what one run without a budget ends with."""
    ended = runs(tmp_path, LATEST, f"tracking.uri=sqlite:///{published}/mlflow.db", "tracking=off")
    assert ended.code == 0, ended.said
    assert "models:/vesuvius@latest: version 1" in ended.said
    (resumed, *_) = events(tmp_path, "RESUME_OK")
    assert (resumed["cursor"]["epoch"], resumed["cursor"]["iter"]) == (0, 29)
    assert handed_in(tmp_path) == handed_in(undisturbed)


def test_the_newest_of_local_and_published_is_gone_on_from(
    runs: Runs, published: Path, undisturbed: Path, tmp_path: Path
) -> None:
    where = [LATEST, f"tracking.uri=sqlite:///{published}/mlflow.db", "tracking=off"]
    assert runs(tmp_path, *where, kill_at=20, saved=True).code == -9  # a newer one is here
    ended = runs(tmp_path, *where)
    assert ended.code == 0, ended.said
    exact = events(tmp_path, "RESUME_EXACT_OK")[0]
    at = exact["cursor"]
    assert (at["epoch"], at["candidate_index"], at["iter"]) > (0, 1, 29)
    assert exact["source_ts_ns"] < exact["target_ts_ns"]
    assert handed_in(tmp_path) == handed_in(undisturbed)
    for file in (folder_of(tmp_path) / "checkpoints").glob("*.ckpt"):
        file.unlink()
    assert runs(tmp_path, *where).code == 0  # the published one, where the local ones are gone
    assert handed_in(tmp_path) == handed_in(undisturbed)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("models:/vesuvius/7", "the registry has no such checkpoint"),
        ("models:/vesuvius@champion", "the registry has no such checkpoint"),
        ("models:/vesuvio@latest", "the registry has no such checkpoint"),
        ("models:vesuvius", "write models:/NAME@latest or models:/NAME/3"),
    ],
)
def test_what_was_never_published_is_named(
    runs: Runs, published: Path, tmp_path: Path, uri: str, said: str
) -> None:
    where = [f"tracking.uri=sqlite:///{published}/mlflow.db", "tracking=off"]
    ended = runs(tmp_path, f"checkpoint.resume_from='{uri}'", *where)
    assert ended.code == 8
    assert f"checkpoint.resume_from={uri}: " in ended.said
    assert said in ended.said
    assert len(ended.said.splitlines()) <= 3
    assert not (folder_of(tmp_path) / "journal.jsonl").exists()


def test_a_changed_artifact_is_refused(runs: Runs, published: Path, tmp_path: Path) -> None:
    (artifact,) = (published / "artifacts").rglob("*.ckpt")
    whole = artifact.read_bytes()
    content = bytearray(whole)
    content[-1] ^= 1
    artifact.write_bytes(content)
    try:
        where = [f"tracking.uri=sqlite:///{published}/mlflow.db", "tracking=off"]
        ended = runs(tmp_path, LATEST, *where)
    finally:
        artifact.write_bytes(whole)
    assert ended.code == 8
    assert f"{artifact.name} of version 1 is not what was published" in ended.said
    assert not list(folder_of(tmp_path).glob("imported/*.ckpt"))
