"""The journal of a run tells what its earlier processes spent and finished."""

from pathlib import Path
from typing import Any

import pytest

from app.durable.history import History, history_of, spent_before
from app.durable.post_mortem import of_killed

PHASES = ["read", "fit", "write"]


def event(second: float, name: str, **fields: Any) -> dict[str, Any]:
    return {"ts_ns": int(second * 1e9), "event": name, **fields}


def boot(second: float) -> dict[str, Any]:
    return event(
        second, "BOOT", run_id="r1", run="a", study="toy", pid=1, process_started=second, host="h"
    )


def start(second: float, phase: str, **fields: Any) -> dict[str, Any]:
    return event(second, "PHASE_START", phase=phase, phases=PHASES, **fields)


def test_a_killed_process_is_counted_to_its_last_event_and_no_pause_is() -> None:
    killed = [boot(10), start(11, "fit"), event(14, "PROGRESS_UPDATE", spent_s=999.0)]
    history = history_of(killed)
    assert (history.spent_s, history.phases_s) == (4.0, {"fit": 3.0})
    assert history.boot is not None
    again = [*killed, boot(1000), start(1001, "fit", spent_s=5.5, phases_s={"fit": 3.0})]
    history = history_of([*again, event(1003, "HEARTBEAT", spent_s=7.4, phases_s={"fit": 4.9})])
    assert (history.spent_s, history.phases_s) == (7.4, {"fit": 4.9})


@pytest.mark.parametrize(
    ("cause", "spent"),
    [("complete", 0.0), ("deadline", 0.0), ("interrupted", 3.0), ("failed", 3.0)],
)
def test_after_an_end_in_order_the_next_command_has_a_new_budget(cause: str, spent: float) -> None:
    end = event(13, "EXEC_COMPLETE", cause=cause, whole=False, spent_s=3.0, phases_s={})
    history = history_of([boot(10), end])
    assert history.spent_s == spent
    assert history.boot is None


def test_finished_phases_are_known_until_one_before_them_begins_again() -> None:
    events = [boot(0)]
    for second, phase in enumerate(PHASES[:2]):
        events += [start(second, phase), event(second, "PHASE_END", phase=phase, done=True)]
    assert history_of(events).done == ["read", "fit"]
    assert history_of([*events, start(5, "fit")]).done == ["read"]
    whole = event(6, "EXEC_COMPLETE", cause="complete", whole=True)
    assert history_of([*events, whole]).done == []


def test_a_clock_that_was_set_back_takes_no_time_away() -> None:
    assert history_of([boot(10), event(12, "X"), event(5, "X"), event(6, "X")]).spent_s == 3.0


def test_nothing_has_happened_before_a_first_start(tmp_path: Path) -> None:
    assert spent_before(tmp_path, History()) == 0.0
    assert of_killed(tmp_path, History()) is None
    assert list(tmp_path.iterdir()) == []
