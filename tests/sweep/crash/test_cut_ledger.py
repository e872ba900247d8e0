"""The ledger cut at every byte: it opens, nothing is glued, and the same command goes on."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from crashed import Crashed, Driver

from app.durable.journal import SEAL, read_events, verify
from app.sweep.ledger import LEDGER, Ledger, fold

Made = Callable[[Path, Driver], Crashed]


def finished(folder: Path, driver: Driver) -> Crashed:
    sweep = Crashed(folder, "+x=1,2", driver=driver)
    assert sweep.run() == 0, sweep.said()
    return sweep


def unfinished(folder: Path, driver: Driver) -> Crashed:
    sweep = Crashed(folder, "+x=1,2", driver=driver, parallel=1)
    assert sweep.run(at=("after", 8)) == -9
    sweep.require_nothing_left()
    return sweep


@pytest.mark.parametrize("made", [finished, unfinished])
def test_the_ledger_cut_at_every_byte_opens(made: Made, driver: Driver, tmp_path: Path) -> None:
    sweep = made(tmp_path / "whole", driver)
    content = (sweep.folder / LEDGER).read_bytes()
    lines = content.splitlines(keepends=True)
    ends = [sum(map(len, lines[: number + 1])) for number in range(len(lines))]
    events = list(read_events(sweep.folder / LEDGER))
    states = [fold(events[:number]) for number in range(len(events) + 1)]
    cut_folder = tmp_path / "cut"
    cut_folder.mkdir()
    for cut in range(len(content) + 1):
        (cut_folder / LEDGER).write_bytes(content[:cut])
        whole = sum(
            end <= cut and not line.startswith(SEAL) for line, end in zip(lines, ends, strict=True)
        )
        ledger = Ledger(cut_folder)
        try:
            assert ledger.state == states[whole]
            ledger.append("stopped", reason="cut")
            assert [*read_events(cut_folder / LEDGER)][:-1] == events[:whole]
        finally:
            os.close(ledger.journal._file)  # as a kill does it: without a seal
    assert verify(cut_folder / LEDGER) == []


@pytest.mark.parametrize("made", [finished, unfinished])
def test_a_sweep_goes_on_from_a_ledger_cut_between_events_and_within(
    made: Made, driver: Driver, tmp_path: Path
) -> None:
    whole = made(tmp_path / "whole", driver)
    content = (whole.folder / LEDGER).read_bytes()
    cuts = [*boundaries(content), *some(content, 3)]
    goes_on_from(whole, cuts, tmp_path, driver)


@pytest.mark.soak
@pytest.mark.parametrize("made", [finished, unfinished])
def test_a_sweep_goes_on_from_a_ledger_cut_anywhere(
    made: Made, driver: Driver, tmp_path: Path
) -> None:
    whole = made(tmp_path / "whole", driver)
    cuts = some((whole.folder / LEDGER).read_bytes(), 40)
    goes_on_from(whole, cuts, tmp_path, driver)


def boundaries(content: bytes) -> list[int]:
    lines = content.splitlines(keepends=True)
    return [sum(map(len, lines[:number])) for number in range(len(lines))]


def some(content: bytes, number: int) -> list[int]:
    chance = random.Random(7)
    return [chance.randrange(len(content)) for _ in range(number)]


def goes_on_from(whole: Crashed, cuts: list[int], folder: Path, driver: Driver) -> None:
    content = (whole.folder / LEDGER).read_bytes()
    for cut in sorted(set(cuts)):
        sweep = Crashed(folder / f"at-{cut}", "+x=1,2", driver=driver)
        shutil.copytree(whole.folder, sweep.folder)
        (sweep.folder / LEDGER).write_bytes(content[:cut])
        if (sweep.folder / f"{LEDGER}.head").exists():
            kinds = [problem.kind for problem in verify(sweep.folder / LEDGER)]
            assert "truncated" in kinds, (cut, kinds)
        known = sweep.known_ok()
        assert sweep.run() == 0, (cut, sweep.said())
        sweep.audit()
        assert not known & sweep.starts().keys()
