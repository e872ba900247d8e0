"""How runs that did not go well end in MLflow: real processes, really killed."""

from typing import Any

from test_recorded_runs import run_named


def test_a_run_that_failed(recorded: Any, client: Any) -> None:
    ran = recorded.run("failed", end="fail")
    assert ran.code == 3
    run = run_named(client, "failed")
    assert run.info.status == "FAILED"
    assert run.data.tags["superior.end"] == "InputError: corpus.xml, byte 12: malformed XML"
    assert run.data.metrics["words_big.macro_f1"] == 0.8
    assert not client.search_model_versions(f"run_id = '{run.info.run_id}'")


def test_a_run_killed_outright(recorded: Any, client: Any) -> None:
    assert recorded.run("sigkill", end="sigkill").code == -9
    run = run_named(client, "sigkill")
    assert run.info.status == "KILLED"
    assert run.data.tags["superior.end"] == "killed: the process vanished"
    assert run.data.params["seed"] == "3"


def test_a_killed_run_whose_forked_child_lives_on(recorded: Any, client: Any) -> None:
    assert recorded.run("forked", end="sigkill_with_child").code == -9
    run = run_named(client, "forked")
    assert run.info.status == "KILLED"
    assert run.data.tags["superior.end"] == "killed: the process vanished"


def test_a_run_told_to_stop(recorded: Any, client: Any) -> None:
    assert recorded.run("sigterm", end="sigterm").code == 143
    run = run_named(client, "sigterm")
    assert run.info.status == "KILLED"
    assert run.data.tags["superior.end"] == "killed: SIGTERM"


def test_a_run_whose_writer_was_killed_says_so_and_keeps_its_results(recorded: Any) -> None:
    ran = recorded.run("orphan", end="kill_writer")
    assert ran.code == 6
    assert "its writer ended early (exit -9)" in ran.err
    assert (recorded.folder / "data/orphan/report.html").exists()


def test_the_next_run_mends_what_a_killed_writer_left(recorded: Any, client: Any) -> None:
    assert recorded.run("both", end="kill_both").code == -9
    assert run_named(client, "both").info.status == "RUNNING"
    assert recorded.run("mender").code == 0
    run = run_named(client, "both")
    assert run.info.status == "KILLED"
    assert "when a later run looked" in run.data.tags["superior.end"]
    assert run_named(client, "mender").info.status == "FINISHED"
