"""What the end of a run means for it and for others, and that it is told once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.sweep.admission import Admission, Measured
from app.sweep.consequences import Consequences
from app.sweep.ledger import PLANNED, Ledger, RunState

BACKOFF = Scheduler(oom_policy="backoff", max_backoffs=2)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path) as opened:
        for repeat in range(2):
            run = RunState(f"a_r{repeat}", repeat, "a", repeat, 1, [], {}, "run", "light", [])
            opened.append("planned", **{name: getattr(run, name) for name in PLANNED})
        yield opened


def consequences(ledger: Ledger) -> Consequences:
    admission = Admission(BACKOFF, slots=1, max_ram_gb=4.0, measured=Measured())
    return Consequences(ledger, admission, Superior(), BACKOFF, lambda *_: {"cap": 5})


def out_of_memory(ledger: Ledger) -> RunState:
    ledger.append("ended", run_id="a_r0", status="oom")
    return ledger.state.runs["a_r0"]


def test_a_run_backs_off_so_often_and_then_its_repeats_are_left_out(ledger: Ledger) -> None:
    told = consequences(ledger)
    for level in (1, 2):
        run = out_of_memory(ledger)
        told.tell(run)
        assert (run.status, run.backoff) == ("planned", level)
    run = out_of_memory(ledger)
    told.tell(run)
    assert (run.status, run.backoff) == ("oom", BACKOFF.max_backoffs)
    assert ledger.state.runs["a_r1"].status == "skipped_oom"


def test_what_was_told_is_not_told_again(ledger: Ledger) -> None:
    told = consequences(ledger)
    run = out_of_memory(ledger)
    told.tell(run)
    events = ledger.state.events
    told.tell(run)
    assert ledger.state.events == events
