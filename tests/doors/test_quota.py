"""`kedro plan-quota` prints the runs that do long work in quotas."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.quota import plan_quota

RESUME = "checkpoint.resume_from=models:/vesuvius@latest"


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(plan_quota, list(arguments))


def commands(told: Result) -> list[str]:
    assert told.exit_code == 0, told.output
    return [line for line in told.output.splitlines() if not line.startswith("#")]


def profile(folder: Path, **given: Any) -> str:
    phases = {
        "features": {"seconds": 300.0, "reached": 1.0},
        "train_fit": {"seconds": 2000.0, "reached": 0.2, "left_s": 8000.0},
        "segment": {"seconds": 120.0, "reached": 1.0},
    }
    told = {
        "study": "vesuvius", "cause": "deadline", "units": {}, "phases": phases,
        "reserve_s": {"segment": 120.0},
        "command": ["/app/__main__.py", "profile=vesuvius_em", "budget.total=2m", RESUME],
    }  # fmt: skip
    folder.mkdir()
    (folder / "RUN_PROFILE_SUMMARY.json").write_text(json.dumps({**told, **given}))
    return str(folder)


def test_nine_hours_in_quotas_of_45_minutes() -> None:
    told = commands(ask("--total-work", "9h", "--quota", "45m", "--reserve", "5m"))
    assert len(told) == 14  # 540 minutes, 40 of each
    first = "python -m app profile=vesuvius_full budget.total=45m budget.reserve=5m"
    assert told == [first, *[f"{first} {RESUME}"] * 13]


def test_a_run_that_was_begun_tells_what_is_left_and_what_it_costs(tmp_path: Path) -> None:
    told = commands(ask("--quota", "20m", profile(tmp_path / "run")))
    # 20 min less 300 s of features and 1.25 x 120 s of segmentation: 750 s of 8000 s in each
    assert len(told) == 11
    command = "python -m app profile=vesuvius_em budget.total=20m budget.reserve=2m30s"
    assert set(told) == {f"{command} {RESUME}"}


def test_a_finished_run_needs_no_more(tmp_path: Path) -> None:
    phases = {"train_fit": {"seconds": 2000.0, "reached": 1.0}}
    folder = profile(tmp_path / "run", phases=phases, cause="complete")
    assert "nothing is left" in ask("--quota", "20m", folder).output


def test_work_without_an_end_needs_to_be_told_how_much(tmp_path: Path) -> None:
    phases = {"train_fit": {"seconds": 1800.0, "reached": 1.0}}
    folder = profile(tmp_path / "run", phases=phases)
    told = ask("--quota", "20m", folder)
    assert told.exit_code == 2
    assert "--total-work" in told.output
    assert len(commands(ask("--quota", "20m", "--total-work", "1h", folder))) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--quota", "soon", "--total-work", "9h"], 2, "--quota=soon: 'soon' is no duration"),
        (["--quota", "45m"], 2, "--total-work"),
        (["--quota", "5m", "--reserve", "5m", "--total-work", "9h"], 2, "make the quota longer"),
        (["--quota", "45m", "nowhere"], 3, "RUN_PROFILE_SUMMARY.json is absent"),
    ],
)
def test_what_cannot_be_planned_is_said(arguments: list[str], code: int, text: str) -> None:
    told = ask(*arguments)
    assert told.exit_code == code
    assert text in told.output
