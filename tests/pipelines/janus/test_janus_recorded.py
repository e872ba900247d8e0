"""A sampler that is begun again and answered from the record ends as if it had never stopped."""

import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nested_toy import gaussian, in_child, kill, raising, striking, task

from app.durable.alarm import DeadlineReached
from app.durable.interrupt import Interrupted
from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.samplers.recorded import Recorded

BATCHES, BATCH = 60, 7
TOTAL = BATCHES * BATCH


def walk(folder: Path, **given: Any) -> np.ndarray:
    """A sampler: what it asks for depends on every value it got."""
    rng, theta = np.random.default_rng(3), np.zeros((BATCH, 2))
    with task(folder, **{"every": 50, **given}) as work, Recorded(work, ["numpy"]) as record:
        for step in range(BATCHES):
            asked = theta + 0.1 * rng.standard_normal(theta.shape)
            values = record(asked)
            theta = np.clip(asked + 0.01 * np.tanh(values)[:, None], -4.0, 4.0)
            record.fraction = step / BATCHES
            record.cursor = {"step": step}
    return theta


def record_file(folder: Path) -> Path:
    return folder / "sampling" / "toy" / "evaluations.f64"


def counting() -> Any:
    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        log_likelihood.asked += len(theta)  # type: ignore[attr-defined]
        return gaussian(theta)

    log_likelihood.asked = 0  # type: ignore[attr-defined]
    return log_likelihood


def test_every_evaluation_is_recorded_once(tmp_path: Path) -> None:
    likelihood = counting()
    end = walk(tmp_path, log_likelihood=likelihood)
    rows = np.fromfile(record_file(tmp_path)).reshape(-1, 3)
    assert likelihood.asked == len(rows) == TOTAL
    np.testing.assert_array_equal(rows[:, 2], gaussian(rows[:, :2]))

    assert walk(tmp_path, log_likelihood=likelihood).tobytes() == end.tobytes()
    assert likelihood.asked == TOTAL  # the second was answered from the record alone


@pytest.mark.parametrize(
    "error", [ValueError("broken"), KeyboardInterrupt(), Interrupted("SIGTERM"), DeadlineReached()]
)
def test_whatever_ends_it_nothing_that_was_evaluated_is_lost(
    tmp_path: Path, error: BaseException
) -> None:
    expected = walk(tmp_path / "whole")
    with pytest.raises(type(error)):
        walk(tmp_path / "cut", log_likelihood=striking(200, raising(error)))
    done = record_file(tmp_path / "cut").stat().st_size // 24
    assert done == 199 // BATCH * BATCH  # all but the batch that was at work
    likelihood = counting()
    assert walk(tmp_path / "cut", log_likelihood=likelihood).tobytes() == expected.tobytes()
    assert likelihood.asked == TOTAL - done


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    draw, expected, kills = random.Random(1), walk(tmp_path / "whole"), 0
    number = 0
    while kills < 20:
        number += 1
        folder = tmp_path / str(number)
        code = -signal.SIGKILL
        while code == -signal.SIGKILL:
            killed = striking(draw.randint(1, 260), kill)
            code = in_child(lambda f=folder, k=killed: walk(f, log_likelihood=k))  # type: ignore[misc]
            kills += code == -signal.SIGKILL
        assert code == 0
        assert walk(folder).tobytes() == expected.tobytes()


def test_a_torn_tail_is_evaluated_again(tmp_path: Path) -> None:
    expected = walk(tmp_path / "whole")
    code = in_child(lambda: walk(tmp_path / "cut", log_likelihood=striking(300, kill)))
    assert code == -signal.SIGKILL
    with record_file(tmp_path / "cut").open("ab") as file:
        file.write(b"\x00" * 1000 + b"\xff" * 13)
    assert walk(tmp_path / "cut").tobytes() == expected.tobytes()
    whole = record_file(tmp_path / "whole").read_bytes()
    assert record_file(tmp_path / "cut").read_bytes() == whole


def test_a_record_without_its_checkpoint_is_not_used(tmp_path: Path) -> None:
    expected = walk(tmp_path / "whole")
    record_file(tmp_path / "cut").parent.mkdir(parents=True)
    record_file(tmp_path / "cut").write_bytes(b"\xff" * 1000)
    assert walk(tmp_path / "cut").tobytes() == expected.tobytes()


def test_a_record_of_another_likelihood_is_refused(tmp_path: Path) -> None:
    walk(tmp_path)
    with pytest.raises(ResumeError, match=r"data.*6c91"):
        walk(tmp_path, signature={"data": "77aa", "seed": 1})


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    walk(tmp_path)
    content = bytearray(record_file(tmp_path).read_bytes())
    content[1000] ^= 1
    record_file(tmp_path).write_bytes(content)
    with pytest.raises(ResumeError, match=r"evaluations\.f64 was changed .* to begin anew"):
        walk(tmp_path)


def test_a_cut_record_is_refused(tmp_path: Path) -> None:
    walk(tmp_path)
    record_file(tmp_path).write_bytes(record_file(tmp_path).read_bytes()[:-100])
    with pytest.raises(
        ResumeError, match=rf"holds {TOTAL - 5} evaluations, its checkpoint {TOTAL}"
    ):
        walk(tmp_path)


@pytest.mark.parametrize("change", [1e-13, 0.5])
def test_another_request_than_the_recorded_one_is_refused(tmp_path: Path, change: float) -> None:
    asked = np.linspace(-1.0, 1.0, 20).reshape(10, 2)
    with task(tmp_path) as work, Recorded(work, ["numpy"]) as record:
        record(asked)
    other = asked.copy()
    other[6, 1] += change
    with (
        pytest.raises(ResumeError, match=r"evaluation 6 of the record .* Made with numpy "),
        task(tmp_path) as work,
        Recorded(work, ["numpy"]) as record,
    ):
        record(other)


def test_a_batch_that_is_known_in_part_is_refused(tmp_path: Path) -> None:
    asked = np.linspace(-1.0, 1.0, 20).reshape(10, 2)
    with task(tmp_path) as work, Recorded(work, ["numpy"]) as record:
        record(asked)
    with (
        pytest.raises(ResumeError, match=r"evaluation 10 of the record is of nothing"),
        task(tmp_path) as work,
        Recorded(work, ["numpy"]) as record,
    ):
        record(np.concatenate([asked, asked]))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    expected = walk(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        with pytest.raises(SuperiorError, match=r"evaluations\.f64 cannot be written: No space"):
            walk(tmp_path / "cut")
    assert walk(tmp_path / "cut").tobytes() == expected.tobytes()


def test_progress_tells_counts_and_only_what_this_process_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, dict[str, int], dict[str, float]]] = []
    monkeypatch.setattr(
        "app.durable.run.DurableRun.advance",
        lambda _, fraction, cursor, units: told.append((fraction, dict(cursor), dict(units))),
    )
    with pytest.raises(ValueError, match="broken"):
        walk(tmp_path, log_likelihood=striking(200, raising(ValueError("broken"))))
    before = len(told)
    walk(tmp_path)
    first, second = told[:before], told[before:]
    assert [cursor["evaluations"] for _, cursor, _ in second] == list(
        range(BATCH, TOTAL + 1, BATCH)
    )
    assert sum(units.get("evaluation", 0) for _, _, units in first + second) == TOTAL
    assert [fraction for fraction, _, _ in second][-1] == (BATCHES - 2) / BATCHES
    assert second[-1][1]["step"] == BATCHES - 2
