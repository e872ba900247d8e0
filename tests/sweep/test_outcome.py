"""outcome.json is there whole, for its own attempt, or not at all."""

import json
import math
from pathlib import Path

import pytest

from app.sweep.job import Job, carry_out, is_out_of_memory
from app.sweep.outcome import OUTCOME, Outcome, read_outcome, recorded

METRICS = {"do": "metrics", "model": "nb", "family": "sklearn", "values": {"accuracy": 0.5}}


def job(folder: Path, attempt: int = 1) -> Job:
    return Job("a_r0", attempt, folder, folder / "log", b"", 0.5)


@pytest.mark.parametrize("value", [None, 3, 0.25, "é", [1, 2], {"a": {"b": None}}, True])
def test_values_of_json_come_back(value: object, tmp_path: Path) -> None:
    assert carry_out(job(tmp_path), lambda _: (value, "here")) == 0
    outcome = read_outcome(tmp_path, "a_r0", 1)
    assert outcome is not None
    assert (outcome.status, outcome.value, outcome.is_json) == ("ok", value, True)
    assert outcome.working_dir == "here"


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, object, b"bytes"])
def test_other_values_are_told_as_such(value: object, tmp_path: Path) -> None:
    assert carry_out(job(tmp_path), lambda _: (value, "")) == 0
    outcome = read_outcome(tmp_path, "a_r0", 1)
    assert outcome is not None
    assert (outcome.status, outcome.value, outcome.is_json) == ("ok", None, False)


def test_a_number_that_is_none_comes_back(tmp_path: Path) -> None:
    assert carry_out(job(tmp_path), lambda _: ([math.nan, math.inf], "")) == 0
    outcome = read_outcome(tmp_path, "a_r0", 1)
    assert outcome is not None
    assert math.isnan(outcome.value[0])
    assert outcome.value[1] == math.inf


def test_an_outcome_is_of_one_attempt_of_one_run(tmp_path: Path) -> None:
    Outcome("a_r0", 2, "ok").write(tmp_path)
    assert read_outcome(tmp_path, "a_r0", 2) is not None
    assert read_outcome(tmp_path, "a_r0", 1) is None
    assert read_outcome(tmp_path, "b_r0", 2) is None


def test_half_an_outcome_is_none(tmp_path: Path) -> None:
    Outcome("a_r0", 1, "ok", value={"x": [1, 2]}).write(tmp_path)
    content = (tmp_path / OUTCOME).read_bytes()
    for cut in range(len(content) - 1):
        (tmp_path / OUTCOME).write_bytes(content[:cut])
        assert read_outcome(tmp_path, "a_r0", 1) is None
    for other in ("[]", "null", '{"run_id": "a_r0"}', '{"of": "a later version"}'):
        (tmp_path / OUTCOME).write_text(other)
        assert read_outcome(tmp_path, "a_r0", 1) is None


def test_a_new_attempt_begins_without_the_last_ones_files(tmp_path: Path) -> None:
    Outcome("a_r0", 1, "ok").write(tmp_path)
    (tmp_path / "record.jsonl").write_text(json.dumps(METRICS) + "\n")

    def task(_: Job) -> tuple[object, str]:
        assert {file.name for file in tmp_path.iterdir()} == set()
        raise ValueError("no")

    assert carry_out(job(tmp_path, 2), task) == 1
    outcome = read_outcome(tmp_path, "a_r0", 2)
    assert outcome is not None
    assert (outcome.status, outcome.error, outcome.metrics) == ("failed", "ValueError: no", {})


def test_what_was_recorded_is_told(tmp_path: Path) -> None:
    (tmp_path / "record.jsonl").write_text(
        "\n".join(map(json.dumps, [{"do": "start"}, METRICS, {"do": "end"}])) + "\n"
    )
    told = recorded(tmp_path)
    assert told["metrics"] == {"nb": {"accuracy": 0.5}}
    assert told["model_families"] == {"nb": "sklearn"}
    assert len(told["record"]) == 32


@pytest.mark.parametrize(
    ("error", "is_oom"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("shapes differ"), False),
        (OSError(28, "No space left on device"), False),
        (ValueError("we ran out of memory of the past"), False),
    ],
)
def test_errors_of_memory_are_told_apart(
    error: BaseException, is_oom: bool, tmp_path: Path
) -> None:
    assert is_out_of_memory(error) is is_oom

    def task(_: Job) -> tuple[object, str]:
        raise RuntimeError("training failed") from error

    assert carry_out(job(tmp_path), task) == (99 if is_oom else 1)
