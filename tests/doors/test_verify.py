"""`kedro verify PATH` tells a whole journal from a changed one."""

from pathlib import Path

from click.testing import CliRunner

from app.durable.journal import Journal
from app.verify import verify


def write(path: Path, changed: int = 0) -> str:
    """A journal of 12 events; returns its head. Event number `changed` says something else."""
    with Journal(path, block_events=5) as journal:
        for number in range(1, 13):
            journal.append("step", number=0 if number == changed else number)
    return path.with_name(path.name + ".head").read_text(encoding="utf-8")


def test_whole_journals_of_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "journal.jsonl")
    ended = CliRunner().invoke(verify, [str(tmp_path)])
    assert ended.exit_code == 0
    assert ended.output.count("whole, 12 events") == 2


def test_a_changed_journal_is_named_with_its_event(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    path.write_bytes(path.read_bytes().replace(b'"number":7}', b'"number":8}'))
    ended = CliRunner().invoke(verify, [str(path)])
    assert ended.exit_code == 3
    assert "flipped: event 7 was changed" in ended.output


def test_a_rewritten_journal_does_not_fit_a_head_kept_elsewhere(tmp_path: Path) -> None:
    events, root = write(tmp_path / "kept.jsonl").split()
    write(tmp_path / "journal.jsonl", changed=7)
    path = str(tmp_path / "journal.jsonl")
    assert CliRunner().invoke(verify, [path]).exit_code == 0
    ended = CliRunner().invoke(verify, [path, "--head", events, root])
    assert ended.exit_code == 3
    assert "rewritten" in ended.output


def test_a_folder_without_journals_is_said(tmp_path: Path) -> None:
    ended = CliRunner().invoke(verify, [str(tmp_path)])
    assert ended.exit_code == 2
    assert "no journal there" in ended.output
