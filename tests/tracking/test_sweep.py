"""MLflow's picture of a sweep is its ledger's: made, mended and made anew."""

import shutil
from typing import Any

import pytest
from sweeps import HandMadeSweep

from app.sweep.ledger import Ledger


def counts(projection: Any) -> tuple[int, int, int, int]:
    tally = projection.tally
    assert tally.errors == {}
    return tally.added, tally.replaced, tally.removed, tally.right


def one(runs: dict[str, list[Any]], run_id: str) -> Any:
    (run,) = runs[run_id]
    return run


def test_a_sweep_and_its_runs(sweep: HandMadeSweep) -> None:
    projection = sweep.whole().sync()
    assert counts(projection) == (3, 0, 0, 0)
    runs = sweep.runs()
    parent = one(runs, "")
    assert (parent.info.run_name, parent.info.status) == ("exp", "FINISHED")
    assert parent.data.params["split.train_prop"] == "0.8"
    told = parent.data.tags
    assert told["superior.sweep"] == "f00d"
    assert told["superior.axis.balance"] == "none, oversample"
    assert (told["superior.runs.ok"], told["superior.runs.failed"]) == ("1", "1")
    assert "artifacts/report.html" in told["mlflow.note.content"]
    assert told["superior.ledger_head"].startswith("12 ")
    files = {entry.path for entry in sweep.client().list_artifacts(parent.info.run_id)}
    assert files == {"report.html", "plots"}

    status = {run_id: one(runs, run_id).info.status for run_id in ("r0", "r1", "r2")}
    assert status == {"r0": "FINISHED", "r1": "FAILED", "r2": "KILLED"}
    for run_id in ("r0", "r1", "r2"):
        assert one(runs, run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert projection.pages()["r0"].endswith(one(runs, "r0").info.run_id)


def test_a_child_has_what_its_run_told(sweep: HandMadeSweep) -> None:
    sweep.whole().sync()
    runs, client = sweep.runs(), sweep.client()
    ok, failed, killed = (one(runs, run_id) for run_id in ("r0", "r1", "r2"))
    assert ok.info.run_name == "balance=none r0"
    assert ok.info.end_time >= ok.info.start_time > 0
    assert ok.data.params == {
        "balance": "none",
        "seed": "3",
        "split.train_prop": "0.8",
        "split.fields": '["a", "b"]',
    }
    assert ok.data.metrics["words_big.macro_f1"] == 0.8
    assert ok.data.metrics["peak_gb"] == 0.25
    assert ok.data.tags["superior.data"] == "d" * 32
    assert ok.data.tags["superior.quality_ok"] == "true"
    files = {entry.path for entry in client.list_artifacts(ok.info.run_id)}
    assert files == {"report.html", "data_identity.json", "toy"}
    versions = client.search_model_versions(f"run_id = '{ok.info.run_id}'")
    assert {version.tags["superior.model"] for version in versions} == {"words_small", "words_big"}

    assert failed.data.tags["superior.end"] == "InputError: no"
    assert failed.data.tags["superior.quality_flags"] == "m: low_x"
    assert failed.data.tags["superior.quality_ok"] == "false"
    assert not client.search_model_versions(f"run_id = '{failed.info.run_id}'")

    assert killed.data.tags["superior.status"] == "killed"
    assert killed.data.params == {"balance": "none", "seed": "7"}
    assert killed.data.metrics["m.accuracy"] == 0.5


def test_a_second_look_writes_nothing(sweep: HandMadeSweep) -> None:
    sweep.whole().sync()
    before = {run_id: one(sweep.runs(), run_id).info.run_id for run_id in ("", "r0", "r1", "r2")}
    again = sweep.sync()
    assert counts(again) == (0, 0, 0, 3)
    assert not again.tally.parent
    assert before == {
        run_id: one(sweep.runs(), run_id).info.run_id for run_id in ("", "r0", "r1", "r2")
    }


def test_a_run_that_was_retried_is_replaced(sweep: HandMadeSweep) -> None:
    sweep.whole().sync()
    with Ledger(sweep.folder) as ledger:
        sweep.supervise(ledger)
        for run_id in ("r1", "r2"):
            ledger.append("retried", run_id=run_id)
        sweep.run(ledger, "r1")
        ledger.append("stopped", reason="max_runs")
    assert counts(sweep.sync()) == (0, 1, 1, 1)
    runs = sweep.runs()
    assert one(runs, "r1").info.status == "FINISHED"
    assert one(runs, "r1").data.tags["superior.attempt"] == "2"
    assert "r2" not in runs
    parent = one(runs, "")
    assert parent.info.status == "KILLED"
    assert parent.data.tags["superior.end"] == "max_runs; 1 of 3 runs are to be done"
    assert "superior.runs.failed" not in parent.data.tags


def test_skipped_runs_are_told_by_the_sweep(sweep: HandMadeSweep) -> None:
    with sweep.begin(2) as ledger:
        sweep.run(ledger, "r0", "oom")
        ledger.append("skipped", run_id="r1", status="skipped_oom", because="r0 took 3 GB")
        ledger.append("stopped", reason="finished")
    assert counts(sweep.sync()) == (1, 0, 0, 0)
    runs = sweep.runs()
    assert one(runs, "r0").info.status == "KILLED"
    assert one(runs, "r0").data.tags["superior.status"] == "oom"
    assert one(runs, "").info.status == "FINISHED"
    assert one(runs, "").data.tags["superior.skipped"] == "r1: skipped_oom: r0 took 3 GB"


def test_incomplete_and_double_children_are_mended(sweep: HandMadeSweep) -> None:
    sweep.whole().sync()
    client, runs = sweep.client(), sweep.runs()
    tags = dict(one(runs, "r1").data.tags)
    client.create_run(one(runs, "r1").info.experiment_id, tags=tags)
    client.delete_tag(one(runs, "r0").info.run_id, "superior.complete")
    client.delete_run(one(runs, "r2").info.run_id)
    assert counts(sweep.sync()) == (1, 1, 0, 1)
    assert {run_id: len(found) for run_id, found in sweep.runs().items()} == {
        "": 1,
        "r0": 1,
        "r1": 1,
        "r2": 1,
    }
    versions = sweep.client().search_model_versions("name = 'mini.web1_binary'")
    assert len(versions) == 2  # those of the child that was removed are gone with it
    assert sweep.client().get_model_version_by_alias("mini.web1_binary", "champion")


def test_children_get_a_new_parent_when_theirs_was_deleted(sweep: HandMadeSweep) -> None:
    sweep.whole().sync()
    sweep.client().delete_run(one(sweep.runs(), "").info.run_id)
    assert counts(sweep.sync()) == (0, 0, 0, 3)
    runs = sweep.runs()
    assert one(runs, "").info.status == "FINISHED"
    assert one(runs, "r0").data.tags["mlflow.parentRunId"] == one(runs, "").info.run_id


def test_all_is_rebuilt_after_the_store_was_deleted_and_the_project_moved(
    sweep: HandMadeSweep, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sweep.whole().sync()
    elsewhere = HandMadeSweep(tmp_path_factory.mktemp("moved") / "project", sweep.run_folder)
    shutil.copytree(sweep.project, elsewhere.project)
    shutil.rmtree(sweep.project)
    shutil.rmtree(elsewhere.project / "mlruns")
    ledger = elsewhere.folder / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace(sweep.uri, elsewhere.uri))
    assert counts(elsewhere.sync()) == (3, 0, 0, 0)
    run = one(elsewhere.runs(), "r0")
    assert len(elsewhere.client().search_model_versions(f"run_id = '{run.info.run_id}'")) == 2
    assert len(elsewhere.client().list_artifacts(run.info.run_id)) == 3


def test_a_record_that_is_gone_or_changed_is_told(sweep: HandMadeSweep) -> None:
    sweep.whole()
    (sweep.folder / "runs" / "r0" / "record.jsonl").unlink()
    with (sweep.folder / "runs" / "r1" / "record.jsonl").open("a") as record:
        record.write("{}\n")
    projection = sweep.sync()
    assert [told.split(" ", 1)[0] for told in projection.tally.missing] == ["r0:", "r1:"]
    assert "is gone" in projection.outcome().errors[0]
    assert "was changed after the run" in projection.outcome().errors[1]
    assert counts(sweep.sync()) == (0, 0, 0, 3)


def test_files_that_are_gone_are_told_and_the_rest_is_recorded(sweep: HandMadeSweep) -> None:
    sweep.whole()
    (sweep.folder / "runs" / "r0" / "report.html").unlink()
    shutil.rmtree(sweep.folder / "runs" / "r0" / "models" / "words_big")
    assert len(sweep.sync().tally.missing) == 2
    run = one(sweep.runs(), "r0")
    assert run.data.tags["superior.missing"].count("is gone") == 2
    versions = sweep.client().search_model_versions(f"run_id = '{run.info.run_id}'")
    assert [version.tags["superior.model"] for version in versions] == ["words_small"]


def test_the_parts_of_a_run_over_separate_corpora(sweep: HandMadeSweep) -> None:
    with sweep.begin(1) as ledger:
        sweep.run(ledger, "r0", record="")
        ledger.append("stopped", reason="finished")
    record = sweep.folder / "runs" / "r0" / "record.jsonl"
    record.write_text(record.read_text() * 2)
    assert counts(sweep.sync()) == (1, 0, 0, 0)
    runs = sweep.runs()["r0"]
    parts = {run.data.tags.get("superior.part"): run for run in runs}
    assert set(parts) == {None, "1", "2"}
    for number in ("1", "2"):
        assert parts[number].data.tags["mlflow.parentRunId"] == parts[None].info.run_id
        assert parts[number].data.metrics["words_big.macro_f1"] == 0.8
    assert set(parts[None].data.metrics) == {"seconds", "cpu_s", "peak_gb"}
    sweep.client().delete_tag(parts[None].info.run_id, "superior.complete")
    assert counts(sweep.sync()) == (0, 1, 0, 0)
    assert len(sweep.runs()["r0"]) == 3


def test_a_child_that_fails_is_made_once_by_the_next_call(
    sweep: HandMadeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.tracking.sweep import SweepProjection

    projection = SweepProjection(sweep.whole().folder, sweep.project)
    with monkeypatch.context() as context:
        context.setattr(projection.client, "log_artifact", lambda *_: 1 / 0)
        projection.make_equal()
        assert set(projection.tally.errors) == {"r0", "r1"}
        assert "ZeroDivisionError" in projection.outcome().errors[0]
    projection.end()
    assert projection.outcome().errors == []
    assert {run_id: len(found) for run_id, found in sweep.runs().items()} == {
        "": 1,
        "r0": 1,
        "r1": 1,
        "r2": 1,
    }
