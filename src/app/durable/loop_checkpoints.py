"""The checkpoints of one loop of a durable run: what was resumed from, and what was written, is in
the run's journal."""

import logging
import time
from pathlib import Path
from typing import Any

from app.durable.checkpoint import Checkpoints, Loaded, Snapshot
from app.durable.checkpoint_writer import CheckpointWriter
from app.durable.journal import Journal
from app.durable.telling import Telling
from app.errors import ResumeError

log = logging.getLogger(__name__)


class LoopCheckpoints:
    """Checkpoints that are read once, then written off the hot path."""

    def __init__(self, checkpoints: Checkpoints, journal: Journal, telling: Telling) -> None:
        self._checkpoints, self._journal, self._telling = checkpoints, journal, telling
        self._io = telling.use.io
        self._writer = CheckpointWriter(checkpoints, journal)

    def resume(self, published: Path | None) -> Loaded | None:
        """The newest valid one, here or in the published copy. RESUME_EXACT_OK from the newest of
        this run, RESUME_OK from an older or a published one, RESUME_INCOMPATIBLE from none."""
        try:
            with self._io():
                if published is not None:
                    self._checkpoints.import_from(published)
                loaded = self._checkpoints.load()
        except ResumeError as error:
            self._telling.event("RESUME_INCOMPATIBLE", durable=True, told=str(error))
            raise
        if loaded is not None:
            self._tell_resumed(loaded)
        return loaded

    def submit(self, snapshot: Snapshot) -> None:
        with self._io():
            self._writer.submit(snapshot)

    def save(self, snapshot: Snapshot) -> dict[str, Any]:
        """Writes a snapshot after those handed over, and waits for the disk; its manifest."""
        with self._io():
            self._writer.flush()
            manifest = self._checkpoints.save(snapshot, self._journal.seal())
        self._telling.event(
            "CHECKPOINT_WRITTEN",
            sequence=manifest["sequence"],
            cursor=manifest["cursor"],
            sha512=manifest["sha512_payload"],
        )
        return manifest

    def newest(self) -> Path | None:
        with self._io():
            return self._writer.newest()

    def flush(self) -> None:
        with self._io():
            self._writer.flush()

    def close(self) -> None:
        with self._io():
            self._writer.close()

    def _tell_resumed(self, loaded: Loaded) -> None:
        manifest = loaded.manifest
        for refused in loaded.refused:
            log.warning("%s; going on from %s", refused, loaded.path.name)
        exact = not loaded.refused and manifest["run_id"] == self._telling.identity.run_id
        self._telling.event(
            "RESUME_EXACT_OK" if exact else "RESUME_OK",
            durable=True,
            source_ts_ns=manifest["ts_ns"],
            target_ts_ns=time.time_ns(),
            cursor=dict(loaded.snapshot.cursor),
            checkpoint=loaded.path.name,
            sha512=manifest["sha512_payload"],
            refused=loaded.refused,
        )
