"""Random kills: of the supervisor, its zygote or a run, at random moments, until all is done."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest
from crashed import Crashed

from app.durable.journal import verify
from app.sweep.ledger import LEDGER

KILLS = 40
RUNS = 12


@pytest.mark.soak
def test_a_sweep_survives_random_kills(tmp_path: Path) -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")  # of a failure
    chance = random.Random(seed)
    kills = round_number = 0
    while kills < KILLS:
        round_number += 1
        sweep = Crashed(
            tmp_path / str(round_number),
            f"+x=range(0,{RUNS})",
            f"+behave={{x{chance.randrange(RUNS)}:die_once}}",
            "+superior.retries=100",
        )
        code = -9
        while code:
            known, starts = sweep.known_ok(), sweep.starts()
            command = sweep.start()
            if kills < KILLS:
                time.sleep(chance.uniform(0.2, 1.6))
                kills += kill_one(command.pid, chance)
            code = command.wait(60)
            assert code in (0, -9), (seed, sweep.said())
            sweep.require_nothing_left()
            for run_id in known:
                assert sweep.starts()[run_id] == starts[run_id], (seed, run_id)
            if code and (sweep.folder / LEDGER).exists():
                kinds = {problem.kind for problem in verify(sweep.folder / LEDGER)}
                assert kinds <= {"torn"}, (seed, kinds)
        sweep.audit()


def kill_one(supervisor: int, chance: random.Random) -> int:
    """SIGKILL to the supervisor, to its zygote, to a run or to the first two at once."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        zygotes = psutil.Process(supervisor).children()
        runs = [run for zygote in zygotes for run in zygote.children()]
        everyone = [supervisor, *(process.pid for process in [*zygotes, *runs])]
        groups = [
            [supervisor],
            [chance.choice(everyone)],
            everyone[: 1 + len(zygotes)],
            everyone[1:],
        ]
        victims = chance.choice(groups)
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        return 1
    return 0
