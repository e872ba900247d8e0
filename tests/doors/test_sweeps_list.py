"""`kedro sweeps` lists sweeps and shows one."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.sweeps import sweeps

sys.path.insert(0, str(Path(__file__).parents[1] / "sweep"))
from fake_sweep import COMMAND, FakeSweep, eventful


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """data/superior of an empty project."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "superior"
    folder.mkdir(parents=True)
    return folder


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(sweeps, list(arguments))


def line(told: Result, exp_id: str) -> list[str]:
    (found,) = (line for line in told.output.splitlines() if line.startswith(exp_id))
    return [cell.strip() for cell in found.split("  ") if cell.strip()]


def test_each_sweep_has_its_status(folder: Path) -> None:
    (folder / ".cache").mkdir()
    eventful(folder / "whole")
    FakeSweep(folder / "dry")
    for name, gone in (("alive", False), ("dead", True)):
        sweep = FakeSweep(folder / name)
        sweep.supervise(gone)
        sweep.run(sweep.runs[0], seconds=10)
    stopped = FakeSweep(folder / "halted")
    stopped.supervise()
    stopped.tell("stopped", reason="deadline")
    told = ask()
    assert told.exit_code == 0
    assert told.output.split("\n")[0].split() == [
        "exp_id", "status", "done", "failed", "left", "last", "activity", "path",
    ]  # fmt: skip
    assert line(told, "whole")[1:4] == ["finished", "24/24", "2"]
    assert line(told, "dry")[1:3] == ["planned", "0/24"]
    assert line(told, "halted")[1:4] == ["stopped", "0/24", "unknown"]
    # 2 runs of the kind that was measured, 21 of any kind, at 10 s each, two at a time
    assert line(told, "alive")[1:4] == ["running", "1/24", "1 min 55 s"]
    assert line(told, "dead")[1:3] == ["killed", "1/24"]
    assert line(told, "dead")[-1] == "data/superior/dead"


def test_a_broken_ledger_hides_no_other_sweep(folder: Path) -> None:
    eventful(folder / "whole")
    (folder / "bad").mkdir()
    (folder / "bad" / "ledger.jsonl").write_text("nonsense\n", encoding="utf-8")
    told = ask()
    assert told.exit_code == 0
    assert line(told, "bad")[1] == "unreadable"
    assert line(told, "whole")[1] == "finished"
    alone = ask("bad")
    assert alone.exit_code == 3
    assert "kedro verify data/superior/bad" in alone.output


@pytest.mark.parametrize("where", ["whole", "data/superior/whole"])
def test_one_sweep_in_detail(folder: Path, where: str) -> None:
    eventful(folder / "whole")
    told = ask(where)
    assert told.exit_code == 0
    assert "whole: finished, 24/24 (20 ok, 1 failed, 1 oom, 2 skipped_oom)" in told.output
    assert f"command: {COMMAND}" in told.output
    failed = line(told, "000000000001_r1")
    assert failed[1:5] == ["failed", "fr_mariagepourtous", "none", "tfidf_logreg"]
    assert failed[-1].startswith("InputError: fr/corpus.xml")
    assert "ran out of memory" in line(told, "000000000005_r1")[-1]


def test_nothing_there(folder: Path) -> None:
    told = ask()
    assert (told.exit_code, "no sweeps yet" in told.output) == (0, True)
    eventful(folder / "whole")
    told = ask("whloe")
    assert told.exit_code == 2
    assert "whloe: no sweep there, nor of that name; did you mean 'whole'?" in told.output


def test_sweeps_of_another_folder(folder: Path, tmp_path: Path) -> None:
    eventful(tmp_path / "elsewhere" / "other")
    assert line(ask(str(tmp_path / "elsewhere")), "other")[1] == "finished"
