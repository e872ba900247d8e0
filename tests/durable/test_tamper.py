"""Whoever changes a journal is found out by a head kept elsewhere, new hashes or not."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from app.durable.journal import Head, Journal, verify
from app.durable.sealed import SEAL

BLOCK = 8
EVENTS = 61  # seven blocks and five events, sealed on closing
Tamper = Callable[[list[bytes], random.Random], None]


def written(path: Path) -> Head:
    with Journal(path, block_events=BLOCK, buffer_events=5) as journal:
        for number in range(EVENTS):
            journal.append("fit_prox_iter", iter=number, loss=1 / (number + 1), text=f"é{number}")
    return head_beside(path)


def head_beside(path: Path) -> Head:
    return Head.of(path.with_name(path.name + ".head").read_text(encoding="utf-8"))


def flip(lines: list[bytes], draw: random.Random) -> None:
    """One bit of one event's content; it may be no JSON any more, but it is a line."""
    while True:
        at = draw.randrange(len(lines))
        place = draw.randrange(len(lines[at]) - 1)
        changed = lines[at][place] ^ 1 << draw.randrange(8)
        if changed != ord("\n"):
            lines[at] = lines[at][:place] + bytes([changed]) + lines[at][place + 1 :]
            return


def edit(lines: list[bytes], draw: random.Random) -> None:
    at = draw.randrange(len(lines))
    lines[at] = lines[at].replace(b'"loss":', b'"loss":1')


def delete(lines: list[bytes], draw: random.Random) -> None:
    at = draw.randrange(len(lines))
    del lines[at : at + draw.randint(1, 12)]


def insert(lines: list[bytes], draw: random.Random) -> None:
    forged = b'{"ts_ns":1,"event":"fit_prox_iter","iter":0,"loss":0.0}\n'
    at = draw.randrange(len(lines))  # not behind the last seal: that is appending
    lines[at:at] = [forged] * draw.randint(1, 12)


def repeat(lines: list[bytes], draw: random.Random) -> None:
    lines.insert(draw.randrange(len(lines)), draw.choice(lines))


def reorder(lines: list[bytes], draw: random.Random) -> None:
    a, b = draw.sample(range(len(lines)), 2)
    lines[a], lines[b] = lines[b], lines[a]


def truncate(lines: list[bytes], draw: random.Random) -> None:
    del lines[draw.randrange(len(lines)) :]


TAMPERS: list[Tamper] = [flip, edit, delete, insert, repeat, reorder, truncate]


def tampered(path: Path, tamper: Tamper, draw: random.Random, seals: bool) -> None:
    """Changes the file: anywhere, as if a seal were a line like the others, or within a block."""
    lines = path.read_bytes().splitlines(keepends=True)
    closed = [-1, *(at for at, line in enumerate(lines) if line.startswith(SEAL))]
    block = draw.randrange(len(closed) - 1)
    first, end = (0, len(lines)) if seals else (closed[block] + 1, closed[block + 1])
    part = lines[first:end]
    while part == lines[first:end]:
        tamper(part, draw)
    path.write_bytes(b"".join([*lines[:first], *part, *lines[end:]]))


def rewritten(path: Path, tamper: Tamper, draw: random.Random) -> None:
    """Changes the events, then makes every seal and the head beside the file anew."""
    lines = path.read_bytes().splitlines(keepends=True)
    events = [line for line in lines if not line.startswith(SEAL)]
    kept = list(events)
    while events == kept:
        tamper(events, draw)
    path.unlink()
    path.with_name(path.name + ".head").unlink()
    with Journal(path, block_events=BLOCK) as journal:
        for line in events:
            forge(journal, line)


def forge(journal: Journal, line: bytes) -> None:
    """Appends a line as it is, through the journal's own means."""
    from app.durable import journal as module

    real = module.encoded
    module.encoded = lambda _: line  # type: ignore[attr-defined]
    try:
        journal.append("forged")
    finally:
        module.encoded = real  # type: ignore[attr-defined]


def campaign(folder: Path, tamper: Tamper, rounds: int, seed: int) -> None:
    draw = random.Random(seed)
    for number in range(rounds):
        path = folder / f"{number}.jsonl"
        head = written(path)
        assert verify(path, [head]) == []
        tampered(path, tamper, draw, seals=bool(number % 2))
        assert verify(path), f"round {number}: only the file"
        if number % 2 == 0:
            path.with_name(path.name + ".head").unlink()
        assert verify(path, [head]), f"round {number}: with the head outside"
        path.unlink()
        head = written(path)
        rewritten(path, tamper, draw)
        if tamper is not flip:  # a flip may make an event that is no JSON
            assert verify(path) == [], "it is whole in itself"
        assert verify(path, [head]), f"round {number}: rewritten"


@pytest.mark.parametrize("tamper", TAMPERS)
def test_every_change_is_found(tamper: Tamper, tmp_path: Path) -> None:
    campaign(tmp_path, tamper, 15, seed=TAMPERS.index(tamper))


@pytest.mark.soak
@pytest.mark.parametrize("tamper", TAMPERS)
def test_every_change_is_found_in_a_long_campaign(tamper: Tamper, tmp_path: Path) -> None:
    campaign(tmp_path, tamper, 300, seed=100 + TAMPERS.index(tamper))


def test_a_head_of_any_checkpoint_guards_what_was_before_it(tmp_path: Path) -> None:
    """Heads kept while the journal grew: a rewrite from event n on fits those before, no later."""
    path, heads = tmp_path / "j.jsonl", []
    with Journal(path, block_events=BLOCK) as journal:
        for number in range(40):
            journal.append("step", number=number)
            if number % 10 == 9:
                heads.append(journal.seal())
    lines = path.read_bytes().splitlines(keepends=True)
    events = [line for line in lines if not line.startswith(SEAL)]
    events[25] = events[25].replace(b'"number":25', b'"number":26')
    path.unlink()
    path.with_name(path.name + ".head").unlink()
    with Journal(path, block_events=BLOCK) as journal:
        for number, line in enumerate(events):
            forge(journal, line)
            if number % 10 == 9:
                journal.seal()
    assert verify(path, heads[:2]) == []
    assert [problem.event for problem in verify(path, heads)] == [30, 40]


def test_a_tail_cut_and_closed_with_an_old_head_is_found_by_the_later_one(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path, block_events=BLOCK) as journal:
        for number in range(BLOCK * 2):
            journal.append("step", number=number)
        early, size = journal.seal(), path.stat().st_size
        for number in range(BLOCK):
            journal.append("step", number=number)
    late = head_beside(path)
    path.write_bytes(path.read_bytes()[:size])
    path.with_name(path.name + ".head").write_text(early.line(), encoding="utf-8")
    assert verify(path) == verify(path, [early]) == []
    (problem,) = verify(path, [late])
    assert (problem.kind, problem.event) == ("truncated", BLOCK * 2 + 1)
