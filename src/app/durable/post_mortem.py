"""`post_mortem.json`: why the last process that did not finish a run did not, and where it was.

The process writes it itself when it ends early. One that was killed cannot: the next start of the
same run writes it, from the journal.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.durable.atomic import write_text
from app.durable.history import History

POST_MORTEM = "post_mortem.json"

WHAT_TO_DO = {
    "killed": "the same command goes on from the newest checkpoint; was memory short?",
    "interrupted": "the same command goes on from the newest checkpoint",
    "failed": "mend what `told` says; the same command goes on from the newest checkpoint",
    "deadline": "the same command goes on from the newest checkpoint, with a new budget",
}


def write_post_mortem(
    folder: Path,
    *,
    cause: str,
    told: str,
    boot: Mapping[str, Any],
    ended_ns: int,
    phase: str,
    percent: float,
    phase_percent: float,
    cursor: Mapping[str, Any],
    spent_s: float,
    phases_s: Mapping[str, float],
    last_events: Sequence[Mapping[str, Any]],
) -> Path:
    """Writes the file of a run that did not finish: `cause` is one of `WHAT_TO_DO`, `boot` the
    event its process began with, `phase` the one that was at work: it blocked the others."""
    path = folder / POST_MORTEM
    content = {
        "cause": cause,
        "told": told,
        "what_to_do": WHAT_TO_DO[cause],
        "blocking_phase": phase or None,
        "percent": round(percent, 2),
        "phase_percent": round(phase_percent, 2),
        "cursor": dict(cursor),
        **{name: boot.get(name) for name in ("run", "run_id", "study", "pid", "host", "command")},
        "started": _utc(boot["ts_ns"]),
        "ended": _utc(ended_ns),
        "spent_s": round(spent_s, 3),
        "budget_s": boot.get("budget_s"),
        "phases_s": {name: round(seconds, 3) for name, seconds in phases_s.items()},
        "last_events": list(last_events),
    }
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def of_killed(folder: Path, history: History) -> Path | None:
    """The post-mortem of an earlier process that was killed; None where the last one said how it
    ended, or there was none."""
    if history.boot is None:
        return None
    return write_post_mortem(
        folder,
        cause="killed",
        told="its process ended without a word: SIGKILL, no memory left, or the machine stopped",
        boot=history.boot,
        ended_ns=history.last_ns,
        phase=history.phase,
        percent=history.percent,
        phase_percent=history.phase_percent,
        cursor=history.cursor,
        spent_s=history.spent_s,
        phases_s=history.phases_s,
        last_events=list(history.last),
    )


def _utc(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).isoformat(timespec="milliseconds")
