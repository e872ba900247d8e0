"""A durable run: one object that joins journal, checkpoints, governor, progress and status.

    governor = Governor(60.0, reserve={"write": 5.0})
    with DurableRun(Path("data/run"), study="toy", run_name="a", phases={"fit": 9, "write": 1},
                    governor=governor) as run:
        with run.phase("fit"), run.until_deadline():
            loaded = run.resume({"data": "6c91"})
            ...
            for step in range(first, steps):
                with run.unit("step"):                  # does not start what would end too late
                    weights = improve(weights)
                run.checkpoint(Snapshot({"step": step + 1}, {"weights": weights}, {}))
                run.advance((step + 1) / steps, {"step": step + 1}, {"step": 1})
        with run.phase("write"):
            write(best)

After a deadline or a signal the loop's variables may be half changed: go on from what was last
handed over whole. One run lives through all the steps of a process, in one thread; it is opened
once and closed once, with the error that ends the process, if there is one.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.durable.alarm import DeadlineReached, undisturbed
from app.durable.checkpoint import Checkpoints, Loaded, Snapshot
from app.durable.ending import Cause, tell_end
from app.durable.governor import ENDLESS, Governor
from app.durable.history import History, read_history, spent_before
from app.durable.interrupt import Interrupted
from app.durable.journal import Journal
from app.durable.loop_checkpoints import LoopCheckpoints
from app.durable.phases import PhaseProgress, calibrated, cursor_fraction
from app.durable.post_mortem import of_killed
from app.durable.profile import TimeUse, earlier_profiles
from app.durable.progress import progress
from app.durable.sealed import Head
from app.durable.source import git_sha, version
from app.durable.stall import BEAT_S, Heartbeat
from app.durable.telling import Identity, Telling, finite, this_process
from app.errors import causes

JOURNAL, CHECKPOINTS = "journal.jsonl", "checkpoints"
BUFFER_EVENTS = 256  # of a burst that go to the operating system together
STOPS = (KeyboardInterrupt, Interrupted)


class DurableRun:
    """A run of a study, in a folder of its own, by one process at a time.

    `phases`: phase -> its expected cost against the others, in their order; what earlier runs
    measured is used instead. `signature`: all that must be the same for a checkpoint to be gone on
    from; it can also be given to `resume`, when it is known. `governor`: the budget; none by
    default. What earlier processes of this run have spent of it, without having ended in order, is
    counted.

    Attributes:
        folder, run_id: the same through every process of the run.
        governor, progress: to be asked; `phase`, `unit` and `advance` keep them.
        deadline_reached: whether work was cut or not started for want of time.
        head: of the journal, once the run is closed.

    Raises:
        InputError: another process writes this run, or its journal was changed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        study: str,
        run_name: str,
        phases: Mapping[str, float],
        governor: Governor | None = None,
        signature: Mapping[str, Any] | None = None,
        generations: int = 2,
        beat_s: float = BEAT_S,
    ) -> None:
        self.folder, self.study, self.run_name = folder, study, run_name
        self.governor = governor or Governor()
        self.deadline_reached = False
        self.head: Head | None = None
        self._signature, self._generations = signature, generations
        self._checkpoints: LoopCheckpoints | None = None
        self._use = TimeUse()
        self._was_cut = self._is_open_ended = self._is_closed = False
        earlier = earlier_profiles(folder, study)
        self._previous = earlier[0] if earlier else None
        weights, self._profiles = calibrated(phases, earlier)
        self.progress = PhaseProgress(weights)
        self._journal = Journal(folder / JOURNAL, buffer_events=BUFFER_EVENTS)
        with ExitStack() as opening:
            opening.callback(self._close_journal)
            history = read_history(self._journal.path)
            self.run_id = history.run_id or f"{time.time_ns():x}"
            self._done_before = list(history.done)
            self.governor.continue_from(spent_before(folder, history), history.phases_s)
            for name, seconds in history.rehearsed_s.items():
                self.governor.measured_reserve(name, seconds)
            identity = self._boot(history)
            self._telling = Telling(
                folder, identity, self._journal, self.governor, self.progress, self._use,
                in_seconds=self._profiles > 0,
            )  # fmt: skip
            self._tell_calibration()
            self._bar = opening.enter_context(progress(f"{study} {run_name}", total=100.0))
            self._heart = Heartbeat(self._telling.beat, beat_s)
            self._opened = opening.pop_all()

    def event(self, name: str, *, durable: bool = False, **fields: Any) -> None:
        """Adds an event to the journal. A `percent` of the run, or a `phase_percent`, that
        disagrees with the computed one is followed by PROGRESS_INTEGRITY_ALERT."""
        self._telling.event(name, durable=durable, **fields)

    @contextmanager
    def phase(self, name: str, *, open_ended: bool = False) -> Iterator[None]:
        """The work of a phase. Left in order it is done, unless its deadline cut it short.

        `open_ended`: it has no target of its own but works until its deadline at most: the time it
        may take is its target too, and the deadline finishes it.
        """
        if name not in self.progress.fractions:
            raise ValueError(f"no phase {name!r}: {', '.join(self.progress.fractions)}")
        self._restore_before(name)
        with self.governor.phase(name):
            self._was_cut, self._is_open_ended = False, open_ended
            self.progress.begin(name)
            self._telling.begin(name)
            if open_ended:
                self._expect_until_deadline()
            left_in_order = False
            try:
                yield
                left_in_order = True
            finally:
                done = left_in_order and (open_ended or not self._was_cut)
                if done:
                    self.progress.advance(name, 1.0)
                self._telling.end(name, done=done, cut=self._was_cut)
        self._show(force=True)

    def until_deadline(self) -> AbstractContextManager[None]:
        """A context that the phase's deadline ends: what is at work is cut there, the checkpoint
        handed over last is put on disk, and the program goes on after the context."""
        return _UntilDeadline(self)

    @contextmanager
    def unit(self, name: str) -> Iterator[None]:
        """One measured unit of work.

        Raises:
            DeadlineReached: it would not be done before the phase's deadline; nothing was started.
        """
        if not self.governor.may_start(name):
            raise DeadlineReached(f"one more {name} would end too late")
        with self.governor.unit(name):
            yield

    @contextmanager
    def rehearse(self, phase: str) -> Iterator[None]:
        """The work of a later phase, done early for a result that is safe; measures its reserve."""
        with self.governor.rehearse(phase):
            yield
        self.measured(phase, self.governor.measured_s()[phase])

    def measured(self, phase: str, seconds: float) -> None:
        """A later phase will take so long: its reserve, in later processes of the run too."""
        self.governor.measured_reserve(phase, seconds)
        self.event("REHEARSAL", phase=phase, seconds=seconds)
        self._expect(phase, seconds)
        if self._is_open_ended:
            self._expect_until_deadline()

    def advance(
        self,
        fraction: float | None = None,
        cursor: Mapping[str, Any] | None = None,
        units: Mapping[str, float] | None = None,
    ) -> None:
        """`fraction` (0 to 1) of the phase at work is done; by default what the cursor says
        (`phases.cursor_fraction`). `cursor`: where its loop is; `units`: how many more of each
        unit are finished, the one whose speed is shown first. Costs microseconds."""
        name, computed = self.governor.current, cursor_fraction(cursor or {})
        told = computed if fraction is None else fraction
        if not name or told is None:
            raise ValueError("advance: outside a phase, or neither a fraction nor a whole cursor")
        self._use.count(name, units or {})
        self._telling.advanced(told, cursor, units)
        share = self.governor.share_of_phase() if self._is_open_ended else None
        self.progress.advance(name, max(told, share or 0.0))
        if computed is not None:
            self._telling.check_fraction(told, computed)
        self._show()

    def resume(
        self,
        signature: Mapping[str, Any] | None = None,
        *,
        loop: str = "",
        published: Path | None = None,
    ) -> Loaded | None:
        """The newest valid checkpoint to go on from, or None; from here on, `checkpoint` adds to
        them. `loop` names one of several loops of a run: each has checkpoints of its own.
        `published`: a folder with a copy from elsewhere; the newer of the two is taken.

        Raises:
            ResumeError: it was made under another signature; each field that differs is named.
        """
        self._close_checkpoints()
        folder = self.folder / (f"{CHECKPOINTS}-{loop}" if loop else CHECKPOINTS)
        signed = signature if signature is not None else self._signature or {}
        self._checkpoints = LoopCheckpoints(
            Checkpoints(folder, signed, self.run_id, self._generations),
            self._journal,
            self._telling,
        )
        return self._checkpoints.resume(published)

    def checkpoint(self, snapshot: Snapshot) -> None:
        """Hands a snapshot over to be written off the hot path, the newest one first.

        Raises:
            SuperiorError: an earlier one could not be written.
        """
        self._resumed().submit(snapshot)

    def checkpoint_now(self, snapshot: Snapshot) -> dict[str, Any]:
        """Writes a snapshot and waits for the disk; its manifest, which CHECKPOINT_WRITTEN tells
        the journal too."""
        return self._resumed().save(snapshot)

    def newest_checkpoint(self) -> Path | None:
        """The file handed over last, once the disk has it: what is to be published."""
        return self._resumed().newest()

    def io(self) -> AbstractContextManager[None]:
        """A context of reading or writing files, for the profile."""
        return self._use.io()

    def shares(self) -> dict[str, float]:
        """Of the time of the phases of this process: compute, log, io."""
        return self._use.shares()

    def close(self, error: BaseException | None = None) -> None:
        """Ends the run: the last checkpoint, EXEC_COMPLETE, profile, post-mortem and status.
        `error` is what ends the process. Closing again does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        ending = error
        try:
            self._heart.close()
            self._close_checkpoints()
        except BaseException as failure:
            ending = error or failure
            if error is None or not isinstance(failure, Exception):
                raise
            error.add_note(f"the last checkpoint could not be written: {failure}")
        finally:
            with self._opened:
                tell_end(
                    self.folder,
                    self._telling,
                    self._use,
                    self._cause(ending),
                    ending,
                    self._previous,
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(error)

    def _boot(self, history: History) -> Identity:
        """The first event of this process; before it, the post-mortem of one that was killed."""
        process = this_process()
        killed = of_killed(self.folder, history)
        boot = {
            "run_id": self.run_id,
            "run": self.run_name,
            "study": self.study,
            "pid": process.pid,
            "process_started": process.started,
            "host": process.host,
            "command": sys.argv,
            "version": version(),
            "git_sha": git_sha(),
            "phases": list(self.progress.weights),
            "budget_s": self.governor.total_s,
            "spent_before_s": self.governor.spent(),
            "killed_before": killed is not None,
        }
        self._journal.append("BOOT", durable=True, **boot)
        boot["ts_ns"] = time.time_ns()
        return Identity(self.run_name, self.run_id, self.study, process, boot)

    def _tell_calibration(self) -> None:
        self.event(
            "PHASE_WEIGHT_CALIBRATION", weights=self.progress.weights, profiles=self._profiles
        )

    def _expect(self, phase: str, seconds: float) -> None:
        """The cost of a phase is known better now; only seconds can be compared with seconds."""
        if self._profiles and phase in self.progress.weights and seconds < ENDLESS:
            self.progress.reweigh({phase: max(seconds, 0.0)})
            self._tell_calibration()

    def _expect_until_deadline(self) -> None:
        name = self.governor.current
        self._expect(name, self.governor.spent_in(name) + self.governor.left_in_phase())

    def _restore_before(self, phase: str) -> None:
        """At the first phase of this process: those before it, which earlier ones finished."""
        names = list(self.progress.fractions)
        before = names[: names.index(phase)]
        self.progress.restore(name for name in self._done_before if name in before)
        self._done_before.clear()

    def _show(self, *, force: bool = False) -> None:
        if self._telling.tick(force=force):
            self._bar.advance(self._telling.percent - self._bar.done, note=self._telling.phase)

    def _resumed(self) -> LoopCheckpoints:
        if self._checkpoints is None:
            raise ValueError("checkpoint: `resume` comes first; it says what they belong to")
        return self._checkpoints

    def _close_checkpoints(self) -> None:
        checkpoints, self._checkpoints = self._checkpoints, None
        if checkpoints is not None:
            checkpoints.close()

    def _close_journal(self) -> None:
        self.head = self._journal.close()

    def _cause(self, error: BaseException | None) -> Cause:
        if error is None or isinstance(error, DeadlineReached):
            return "deadline" if error or self.deadline_reached else "complete"
        return "interrupted" if any(isinstance(e, STOPS) for e in causes(error)) else "failed"

    def _reach_deadline(self) -> None:
        """The phase is cut short: what was handed over last goes to the disk first."""
        self._was_cut = self.deadline_reached = True
        left = finite(self.governor.left())
        self.event("PRETIMEOUT_FLUSH", durable=True, phase=self.governor.current, left_s=left)
        if self._checkpoints is not None:
            self._checkpoints.flush()
        self._show(force=True)


class _UntilDeadline(AbstractContextManager[None]):
    def __init__(self, run: DurableRun) -> None:
        self._run, self._alarm = run, run.governor.deadline_alarm()

    def __enter__(self) -> None:
        self._alarm.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._alarm.__exit__(kind, error, trace)
        if not isinstance(error, DeadlineReached):
            return False
        self._run._reach_deadline()
        return True


undisturbed(_UntilDeadline.__enter__, _UntilDeadline.__exit__)
