"""A log-likelihood whose every value is recorded, for samplers that keep their own state.

Such a sampler is deterministic: from the same seed it asks for the same points, as long as it gets
the same values. So nothing of its state is kept. It is begun again from its seed and answered from
the record until that ends; from there on it is where it was when it was killed.

    sampling/<name>/evaluations.f64     rows of d + 1 float64: the point, and its log-likelihood

The file is flushed before a checkpoint is written, which holds how many rows are on the disk and
their digest. Rows past the newest checkpoint may be torn: they are cut off, and evaluated again.
A row is compared with the point that is asked for: another one is an error, never another chain.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from app.durable.checkpoint import Snapshot
from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.task import SamplingTask

if TYPE_CHECKING:
    from hashlib import _Hash

log = logging.getLogger(__name__)

FILE = "evaluations.f64"
READ_BYTES = 1 << 22


@dataclass(frozen=True)
class _Rows:
    """What is known of the rows; replaced whole, since a signal may strike between two lines."""

    on_disk: int
    digest: "_Hash"  # of the rows on the disk
    pending: list[Array] = field(default_factory=list)  # batches (k, d + 1), not on the disk yet


class Recorded:
    """The posterior's log-likelihood, (w, d) -> (w,), as a context that leaves a checkpoint.

    `packages`: those that decide what is asked. Where something else is asked than is recorded,
    their versions are named, and the processor that linear algebra is done for: kernels of
    another one round in another way, and a sampler may ask for other points there.

    Attributes:
        evaluations: answered so far, from the record too.
        fraction, cursor: how far the sampler is, and its counts; it sets them, and they are told
            at every evaluation.

    Raises:
        ResumeError: the record is of another task, was changed, or does not hold what is asked.
        SuperiorError: the record cannot be written.
    """

    def __init__(self, task: SamplingTask, packages: Iterable[str]) -> None:
        self.path = task.folder / FILE
        self.evaluations = 0
        self.fraction = 0.0
        self.cursor: dict[str, int] = {}
        self._task = task
        self._versions = {package: version(package) for package in packages} | _kernels()
        self._width = task.posterior.ndim + 1
        self._written_at = time.monotonic()
        self._vouched = 0  # rows that a checkpoint counts on

    def __enter__(self) -> Self:
        loaded = self._task.run.resume(self._task.signature, loop=self._task.name)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._begin(loaded.snapshot if loaded else Snapshot({"evaluations": 0}, {}, {}))
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __call__(self, theta: Array) -> Array:
        first, last = self.evaluations, self.evaluations + len(theta)
        is_known = first < len(self._known)
        values = self._replayed(theta) if is_known else self._evaluated(theta)
        self.evaluations = last
        self.tell({} if is_known else {"evaluation": len(theta)})
        return values

    def tell(self, units: Mapping[str, float] | None = None) -> None:
        """Hands `fraction` and `cursor` on."""
        cursor = {"evaluations": self.evaluations, **self.cursor}
        self._task.advance(self.fraction, cursor, units or {})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whatever ended the work: what was evaluated is on the disk, and a checkpoint says so."""
        try:
            try:
                self._save()
            except BaseException:  # a signal in the middle: it is begun again
                self._save()
                raise
        finally:
            os.close(self._file)

    def _save(self) -> None:
        if self._rows.pending:
            self._write()
        if self._rows.on_disk != self._vouched:
            self._task.run.checkpoint_now(self._snapshot())
            self._vouched = self._rows.on_disk

    def _begin(self, at: Snapshot) -> None:
        """Cuts what no checkpoint vouches for, and maps the rest."""
        count, digest = at.cursor["evaluations"], hashlib.sha256()
        size, row_bytes = os.fstat(self._file).st_size, 8 * self._width
        if size < count * row_bytes:
            raise ResumeError(
                f"{self.path} holds {size // row_bytes} evaluations, its checkpoint {count}: it "
                f"was cut or moved; put it back, or {self._anew()}"
            )
        os.ftruncate(self._file, count * row_bytes)
        for offset in range(0, count * row_bytes, READ_BYTES):
            digest.update(os.pread(self._file, READ_BYTES, offset))
        if count and digest.hexdigest() != at.state["digest"]:
            raise ResumeError(
                f"{self.path} was changed since its checkpoint (sha256 {digest.hexdigest()} of "
                f"{count} evaluations, not {at.state['digest']}); put it back, or {self._anew()}"
            )
        self._recorded_versions = at.state.get("versions", self._versions)
        shape = (count, self._width)
        self._known: Array = (
            np.memmap(self.path, dtype=np.float64, mode="r", shape=shape)
            if count
            else np.empty(shape)
        )
        self._rows = _Rows(count, digest)
        self._vouched = count
        if count:
            log.info("%s: answered from %d recorded evaluations first", self._task.name, count)

    def _replayed(self, theta: Array) -> Array:
        """The recorded values. A batch is recorded whole: values may depend on their batch in the
        last bit, so that one that is known in part only is another one."""
        rows = self._known[self.evaluations : self.evaluations + len(theta)]
        same = len(rows) == len(theta) and np.array_equal(rows[:, :-1], theta)
        if not same:
            raise ResumeError(self._difference(rows, theta))
        return np.array(rows[:, -1])

    def _evaluated(self, theta: Array) -> Array:
        values = self._task.posterior.log_likelihood(theta)
        self._rows.pending.append(np.column_stack([theta, values]))
        every, seconds = self._task.checkpoint.every, self._task.checkpoint.seconds
        waiting = self.evaluations + len(theta) - self._rows.on_disk
        if waiting >= every or time.monotonic() - self._written_at >= seconds:
            self._write()
            self._task.run.checkpoint(self._snapshot())
            self._vouched = self._rows.on_disk
        return values

    def _write(self) -> None:
        """Pending rows, at their place: written again where a signal cut this short."""
        known, rows = self._rows, np.concatenate(self._rows.pending)
        content, offset = rows.tobytes(), known.on_disk * 8 * self._width
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._file, content[written:], offset + written)
            os.fsync(self._file)
        except OSError as error:
            raise SuperiorError(
                f"{self.path} cannot be written: {error.strerror}; the evaluations before are "
                "whole: once that is mended, the same command goes on from them"
            ) from error
        digest = known.digest.copy()
        digest.update(content)
        self._rows = _Rows(known.on_disk + len(rows), digest)
        self._written_at = time.monotonic()

    def _snapshot(self) -> Snapshot:
        state = {"digest": self._rows.digest.hexdigest(), "versions": self._versions}
        return Snapshot({"evaluations": self._rows.on_disk}, {}, state)

    def _difference(self, rows: Array, theta: Array) -> str:
        same = np.all(rows[:, :-1] == theta[: len(rows)], axis=1)
        at = int(np.argmin(same)) if not same.all() else len(rows)
        recorded = rows[at, :-1].tolist() if at < len(rows) else "nothing"
        return (
            f"{self.path}: evaluation {self.evaluations + at} of the record is of {recorded}, the "
            f"sampler asks for {theta[at].tolist()}. Made with {_named(self._recorded_versions)}; "
            f"here are {_named(self._versions)}. Go on with the versions and on the kind of "
            f"machine it was begun with, or {self._anew()}"
        )

    def _anew(self) -> str:
        folder = self._task.run.folder / f"checkpoints-{self._task.name}"
        return f"move {self._task.folder} and {folder} away to begin anew"


def draws_of(
    task: SamplingTask, theta: Array, log_likelihood: Array, log_weight: Array, **told: Any
) -> Draws:
    """One population of weighted draws: theta (n, d), log_likelihood and log_weight (n,), to be
    normalised. Those without weight are left out. `told`: other fields of `Draws`.

    Raises:
        SuperiorError: none has a weight.
    """
    has_weight = (log_weight > -np.inf) & (log_likelihood > -np.inf)
    if not has_weight.any():
        raise nothing_yet(task)
    theta, log_likelihood = theta[has_weight], log_likelihood[has_weight]
    log_weight = log_weight[has_weight] - np.logaddexp.reduce(log_weight[has_weight])
    return Draws(
        names=task.posterior.names,
        theta=theta[None, :, None, :],
        log_likelihood=log_likelihood[None, :, None],
        log_prior=task.posterior.prior.log_density(theta)[None, :, None],
        log_weight=log_weight[None, :, None],
        accepted=None,
        **told,
    )


def nothing_yet(task: SamplingTask) -> SuperiorError:
    """The deadline came before the first draw."""
    return SuperiorError(
        f"{task.name}: the time was over before the first draw that is possible; what was "
        "evaluated is kept: give more time (budget.total), and the same command goes on from there"
    )


def _kernels() -> dict[str, str]:
    """What kinds of processor the linear algebra of this process is done for."""
    from threadpoolctl import threadpool_info

    kinds = {str(item["architecture"]) for item in threadpool_info() if "architecture" in item}
    return {"kernels for": " and ".join(sorted(kinds))} if kinds else {}


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {number}" for package, number in versions.items())
