"""What a run leaves behind in its folder: `outcome.json`, written last, whole or not at all.

A supervisor that was killed after a run ended and before it could tell the ledger finds it there:
no finished run is repeated.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.durable.atomic import write_text

OUTCOME, RECORD, CACHED = "outcome.json", "record.jsonl", "cached_stages.json"
OOM_EXIT = 99
UNTOLD_EXIT = 74  # as sysexits.h has it for errors of writing


@dataclass(frozen=True)
class Outcome:
    """How one attempt of a run ended, as its own process tells it."""

    run_id: str
    attempt: int
    status: str  # ok, failed, oom
    error: str = ""
    seconds: float = 0.0
    value: Any = None  # what the task returned, where JSON can hold it
    is_json: bool = True  # else the value is lost with the process that started the run
    working_dir: str = ""
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    model_families: dict[str, str] = field(default_factory=dict)
    record: str = ""  # BLAKE2b of record.jsonl
    cached_stages: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        write_text(folder / OUTCOME, json.dumps(asdict(self), ensure_ascii=False, indent=1))


def read_outcome(folder: Path, run_id: str, attempt: int) -> Outcome | None:
    """The outcome of this attempt, or None where it left none."""
    try:
        told = Outcome(**json.loads((folder / OUTCOME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return told if (told.run_id, told.attempt) == (run_id, attempt) else None


def recorded(folder: Path) -> dict[str, Any]:
    """What the run told tracking and the stage cache, as fields of an outcome."""
    told: dict[str, Any] = {}
    record = folder / RECORD
    if record.exists():
        content = record.read_bytes()
        told["record"] = hashlib.blake2b(content, digest_size=16).hexdigest()
        metrics: dict[str, dict[str, float]] = {}
        families: dict[str, str] = {}
        for line in content.splitlines():
            message = json.loads(line)
            if message["do"] == "metrics":
                metrics[message["model"]] = message["values"]
                if message.get("family"):
                    families[message["model"]] = message["family"]
        told |= {"metrics": metrics, "model_families": families}
    cached = folder / CACHED
    if cached.exists():
        told["cached_stages"] = json.loads(cached.read_text(encoding="utf-8"))
    return told
