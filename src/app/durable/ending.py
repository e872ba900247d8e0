"""How a run ends: its last event, its profile, its post-mortem where it is not finished, and its
status, in this order: the journal knows first."""

from collections.abc import Mapping
from pathlib import Path
from time import time_ns
from typing import Any, Literal

from app.durable.post_mortem import write_post_mortem
from app.durable.profile import TimeUse, phase_table, speed_up, write_profile
from app.durable.status import STATUS, State, write_status
from app.durable.telling import Telling

Cause = Literal["complete", "deadline", "interrupted", "failed"]


def tell_end(
    folder: Path,
    telling: Telling,
    use: TimeUse,
    cause: Cause,
    error: BaseException | None,
    previous: Mapping[str, Any] | None,
) -> None:
    """Tells the end of a run. `previous`: the profile of the run before."""
    told = "" if error is None else f"{type(error).__name__}: {error}"
    whole = telling.progress.is_whole
    telling.event(
        "EXEC_COMPLETE",
        durable=True,
        cause=cause,
        whole=whole,
        told=told,
        percent=telling.percent,
        phase=telling.phase,
        **telling.spent(),
    )
    if use.phases_s > 0.0:
        write_profile(folder, _profile(telling, use, cause, previous))
    if cause != "complete":
        spent = telling.spent()
        write_post_mortem(
            folder,
            cause=cause,
            told=told,
            boot=telling.identity.boot,
            ended_ns=time_ns(),
            phase=telling.blocking,
            percent=telling.percent,
            phase_percent=100.0 * telling.progress.fractions.get(telling.blocking, 1.0),
            cursor=telling.cursors.get(telling.blocking, {}),
            spent_s=spent["spent_s"],
            phases_s=spent["phases_s"],
            last_events=list(telling.last),
        )
    write_status(folder / STATUS, telling.status(_state(cause, whole)))


def _state(cause: Cause, whole: bool) -> State:
    """A stage that ran alone, in order, leaves the run stopped: phases are left."""
    if cause == "complete":
        return "finished" if whole else "stopped"
    return "stopped" if cause == "interrupted" else cause


def _profile(
    telling: Telling, use: TimeUse, cause: Cause, previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    who, spent, rates = telling.identity, telling.spent(), use.rates()
    return {
        "run": who.run,
        "run_id": who.run_id,
        "study": who.study,
        "command": who.boot["command"],
        "cause": cause,
        "spent_s": spent["spent_s"],
        "budget_s": who.boot["budget_s"],
        "phases": phase_table(
            spent["phases_s"],
            telling.progress.fractions,
            telling.reached,
            telling.expected_s,
            telling.left_s(),
        ),
        "shares": use.shares(),
        "units": rates,
        "speed_up": speed_up(rates, previous),
        "reserve_s": telling.measured_s(),
    }
