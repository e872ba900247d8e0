"""Reading sealed blocks of events: the Merkle tree they make, and every change made to them.

A block is checked against its seal. The CRC-32 of each of its events, kept in the seal, tells
which event was flipped, deleted, inserted or moved; the root tells that any was.
"""

import struct
import zlib
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from pydantic import ValidationError

from app.config.base import Group
from app.durable.event_line import is_json
from app.durable.merkle import MerkleTree

Event = dict[str, Any]
SEAL = b'{"seal":'


@dataclass(frozen=True)
class Head:
    """What a journal holds: kept outside it, it proves that nothing before was changed."""

    events: int
    root: str  # of the Merkle tree over the sealed blocks, hex

    def line(self) -> str:
        return f"{self.events} {self.root}\n"

    @classmethod
    def of(cls, line: str) -> "Head":
        events, root = line.split()
        return cls(int(events), root)


@dataclass(frozen=True)
class Problem:
    """One change: its kind, the number of the event it concerns (from 1), and a sentence."""

    kind: str  # flipped, deleted, inserted, reordered, truncated, rewritten, torn, unreadable
    event: int
    text: str


class Seal(Group):
    """What closes a block."""

    seal: int  # number of the block, from 1
    events: int  # up to its end
    crc: str  # of each event of the block, eight digits each
    root: str


class SealedBlocks:
    """What reading a journal finds: the tree it makes, the unsealed events, and what is wrong."""

    def __init__(self) -> None:
        self.tree, self.events = MerkleTree(), 0
        self.open: list[bytes] = []
        self.problems: list[Problem] = []
        self._roots = {0: self.tree.root().hex()}  # events -> root, at each seal
        self._missing = 0  # blocks that the seals count and the file has not

    def found(self, kind: str, event: int, text: str) -> None:
        self.problems.append(Problem(kind, event, text))

    def read(self, content: bytes) -> None:
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            if line.startswith(SEAL):
                self._close_block(line, number)
                continue
            if not is_json(line):
                self.found("unreadable", self.events + 1, f"line {number} is not JSON")
            self.open.append(line)
            self.events += 1

    def compare(self, head: Head) -> None:
        if head.events > self.events:
            self.found(
                "truncated",
                self.events + 1,
                f"the head counts {head.events} events, the journal has {self.events}",
            )
        elif self.open and head.events == self.events:
            self.found("truncated", head.events, f"the seal after event {head.events} is missing")
        elif self._roots.get(head.events) != head.root:
            self.found(
                "rewritten",
                head.events,
                f"the first {head.events} events are not those the head was written for",
            )

    def _close_block(self, line: bytes, number: int) -> None:
        first = self.events - len(self.open) + 1
        self.tree.add(b"".join(self.open))
        root = self.tree.root().hex()
        try:
            seal = Seal.model_validate_json(line)
        except ValidationError:
            self.found("flipped", first, f"line {number}, a seal, is damaged")
        else:
            recorded, present = _eights(seal.crc), _eights(digits(crcs(self.open)))
            if seal.seal != self.tree.leaves + self._missing:
                self._missing = seal.seal - self.tree.leaves
                self.found(
                    "deleted",
                    first,
                    f"seal {seal.seal} follows event {first - 1}: whole blocks from event {first} "
                    "on are missing, added or moved",
                )
            elif present != recorded:
                self._name_changes(first - 1, recorded, present)
            elif not self._missing and (seal.root != root or seal.events != self.events):
                self.found(
                    "rewritten",
                    first,
                    f"events {first} to {self.events} do not fit seal {seal.seal}",
                )
        self.open = []
        self._roots[self.events] = root

    def _name_changes(self, before: int, recorded: list[str], present: list[str]) -> None:
        if sorted(recorded) == sorted(present):
            at = next(i for i, (a, b) in enumerate(zip(recorded, present, strict=True)) if a != b)
            self.found("reordered", before + at + 1, f"event {before + at + 1} is out of order")
            return
        for kind, low, high, start, stop in SequenceMatcher(
            None, recorded, present, autojunk=False
        ).get_opcodes():
            first = before + low + 1
            if kind == "replace" and high - low == stop - start:
                for event in range(first, before + high + 1):
                    self.found("flipped", event, f"event {event} was changed")
            elif kind == "insert":
                self.found("inserted", first, f"{stop - start} more before event {first}")
            elif kind != "equal":
                self.found("deleted", first, f"events {first} to {before + high} are missing")


def crcs(lines: list[bytes]) -> list[int]:
    """The CRC-32 of each line."""
    return list(map(zlib.crc32, lines))


def digits(numbers: list[int]) -> str:
    """Eight hex digits of each."""
    return struct.pack(f">{len(numbers)}I", *numbers).hex()


def _eights(text: str) -> list[str]:
    return [text[at : at + 8] for at in range(0, len(text), 8)]
