"""Checkpoints: what a loop needs to go on exactly where it was, in files that are whole or absent.

    checkpoints = Checkpoints(Path("run/checkpoints"), signature={"data": "6c91", "l1": 0.1}, "r1")
    loaded = checkpoints.load()                     # None: a first start
    ...
    checkpoints.save(Snapshot({"iter": 7}, {"weights": w}, {"rng_states": rng.state}))

One file per generation, `<sequence>.ckpt` (its bytes: `checkpoint_file`), written beside, flushed,
renamed, and the folder flushed (the order of ALICE, OSDI 2014); at least two are kept, and
`ckpt_manifest.json` is a readable copy of the newest manifest. A generation that was torn or
changed is passed over for the one before it, and said so. One process writes a folder at a time.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.durable.atomic import atomic_file
from app.durable.checkpoint_file import DamagedError, pack, storable, unpack
from app.durable.sealed import Head
from app.durable.signature import differences, plain
from app.durable.source import git_sha, version
from app.errors import ResumeError, SuperiorError

MANIFEST = "ckpt_manifest.json"
STATES = ("model_state", "optimizer_state", "rng_states", "best_metrics", "data_cursor")
# fields of a state that a manifest shows by their names; null: the loop has none


@dataclass(frozen=True)
class Snapshot:
    """What a loop needs to go on."""

    cursor: Mapping[str, int]  # epoch, candidate_index, candidate_total, iter, max_iter; any
    arrays: Mapping[str, np.ndarray[Any, Any]]
    state: Mapping[str, Any]  # JSON: those of STATES, and any other

    def copy(self) -> "Snapshot":
        """One that shares nothing with the loop. Raises TypeError for what no checkpoint holds."""
        cursor = {name: int(value) for name, value in self.cursor.items()}
        arrays = {name: np.array(storable(name, item)) for name, item in self.arrays.items()}
        return Snapshot(cursor, arrays, plain(self.state, "state"))


@dataclass(frozen=True)
class Loaded:
    """The newest valid checkpoint."""

    snapshot: Snapshot
    manifest: dict[str, Any]
    path: Path
    refused: list[str]  # why newer ones were not used: the path, and what is wrong with it


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    `signature`: all that must be the same for a checkpoint to be gone on from; JSON values, nested
    at will. `generations`: files kept.
    """

    def __init__(
        self, folder: Path, signature: Mapping[str, Any], run_id: str, generations: int = 2
    ) -> None:
        if generations < 2:
            raise ValueError("generations: with less than 2, a damaged checkpoint is the only one")
        self.folder, self._generations = folder, generations
        self._signature: dict[str, Any] = plain(signature, "signature")
        self._run_id = run_id
        self._imported: list[Path] = []
        self._damaged: set[Path] = set()
        self._last: dict[str, Any] = {}  # the manifest that was saved or loaded last
        self._lock = threading.Lock()

    def save(self, snapshot: Snapshot, head: Head | None = None) -> dict[str, Any]:
        """Writes the next generation; its manifest, once the disk has it.

        `head` is that of the run's journal: held here, it proves what the journal said by now.

        Raises:
            SuperiorError: the folder cannot be written; the checkpoints before are whole.
            TypeError: the snapshot holds what no checkpoint can.
        """
        with self._lock:
            sequence = max([self._last.get("sequence", 0), *map(_sequence, self._files())]) + 1
            manifest, content = pack(self._fields(snapshot, head, sequence), snapshot.arrays)
            path = self.folder / f"{sequence:08}.ckpt"
            try:
                with atomic_file(path) as partial:
                    partial.write_bytes(content)
                self._last = manifest
                self._write_copy(manifest)
                self._prune()
            except OSError as error:
                raise SuperiorError(
                    f"{path} cannot be written: {error.strerror}; the checkpoints before it are "
                    "whole: once that is mended, the same command goes on from the newest"
                ) from error
        return manifest

    def load(self) -> Loaded | None:
        """The newest valid checkpoint, here or imported; None where there is none yet.

        Raises:
            ResumeError: it was made under another signature (each field that differs is named) or
                by another format; or there are checkpoints, and every one is damaged.
        """
        refused: list[str] = []
        found = [
            loaded
            for folder in (self.folder, *self._imported)
            if (loaded := self._newest_valid(folder, refused)) is not None
        ]
        if not found and not refused:
            return None
        if not found:
            raise ResumeError(
                "every checkpoint is damaged; move them away to begin anew\n  "
                + "\n  ".join(refused)
            )
        newest = max(found, key=lambda loaded: int(loaded.manifest["ts_ns"]))  # ties: the local one
        changed = differences(newest.manifest["signature"], self._signature)
        if changed:
            raise ResumeError(
                f"RESUME_INCOMPATIBLE: {newest.path} is of another run than this one; give back "
                "what it was made with, or move it away to begin anew\n  " + "\n  ".join(changed)
            )
        sequence = max(loaded.manifest["sequence"] for loaded in found)
        with self._lock:
            self._last = {**newest.manifest, "sequence": sequence}
        if newest.path.parent == self.folder:
            self._mend_copy(newest.manifest)
        return newest

    def import_from(self, folder: Path) -> None:
        """Considers the checkpoints of `folder` (a published copy) too, when loading."""
        if not _newest_first(folder):
            raise ResumeError(f"{folder} holds no checkpoint (a file <number>.ckpt)")
        self._imported.append(folder)

    def newest(self) -> Path | None:
        """The file saved last, to be published."""
        files = self._files()
        return files[0] if files else None

    def _files(self) -> list[Path]:
        return _newest_first(self.folder)

    def _fields(self, snapshot: Snapshot, head: Head | None, sequence: int) -> dict[str, Any]:
        state = plain(snapshot.state, "state")
        return {
            "sequence": sequence,
            "ts_ns": max(time.time_ns(), self._last.get("ts_ns", 0) + 1),  # clocks are set back
            "run_id": self._run_id,
            "version": version(),
            "git_sha": git_sha(),
            "cursor": {name: int(value) for name, value in snapshot.cursor.items()},
            **{name: state.get(name) for name in STATES},
            "state": {name: value for name, value in state.items() if name not in STATES},
            "state_fields": list(state),
            "signature": self._signature,
            "merkle_prev": self._last.get("merkle_curr"),
            "merkle_curr": {"events": head.events, "root": head.root} if head else None,
        }

    def _write_copy(self, manifest: dict[str, Any]) -> None:
        """For people and other programs; loading does not need it, so it is not flushed."""
        partial = self.folder / f".{MANIFEST}.partial"
        partial.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, self.folder / MANIFEST)

    def _mend_copy(self, manifest: dict[str, Any]) -> None:
        """A kill between a checkpoint and its copy leaves that of the one before."""
        try:
            copy = json.loads((self.folder / MANIFEST).read_bytes())
            if copy["sequence"] == manifest["sequence"]:
                return
        except (OSError, ValueError, KeyError, TypeError):  # absent, or torn
            pass
        with suppress(OSError):  # a folder that cannot be written says so at the next checkpoint
            self._write_copy(manifest)

    def _prune(self) -> None:
        whole = [path for path in self._files() if path not in self._damaged]
        for path in [*whole[self._generations :], *self._damaged]:
            path.unlink(missing_ok=True)
        self._damaged.clear()

    def _newest_valid(self, folder: Path, refused: list[str]) -> Loaded | None:
        for path in _newest_first(folder):
            try:
                manifest, arrays = unpack(path.read_bytes())
            except ResumeError as error:
                raise ResumeError(f"{path} {error}") from None
            except (DamagedError, OSError) as error:
                refused.append(f"{path} was not used: {error}")
                if folder == self.folder and isinstance(error, DamagedError):
                    self._damaged.add(path)
                continue
            told = {**manifest["state"], **{name: manifest[name] for name in STATES}}
            state = {name: told[name] for name in manifest["state_fields"]}
            return Loaded(Snapshot(manifest["cursor"], arrays, state), manifest, path, refused)
        return None


def _newest_first(folder: Path) -> list[Path]:
    files = (path for path in folder.glob("*.ckpt") if path.stem.isdecimal())
    return sorted(files, key=_sequence, reverse=True)


def _sequence(path: Path) -> int:
    return int(path.stem)
