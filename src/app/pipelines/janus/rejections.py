"""Vectors without a value that a run goes on without (cosmology.on_error=reject): they have
probability 0, and are counted.

    sampling/<model>/rejected.f64     rows of float64: each such vector, of all parameters, once

A run that was interrupted asks for some vectors again and finds them there, so that its count is
that of a run that was not. Without a checkpoint to go on from, the file is begun anew.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom_posterior import OfFunction, UserFunction
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import LogLikelihood, Posterior

FILE = "rejected.f64"

log = logging.getLogger(__name__)


class Rejections:
    """The values of `marked`, (w, d) -> (w,), with -inf for its NaN; `path`: where rejected vectors
    are kept, if anywhere; `goes_on`: with those that are there."""

    def __init__(
        self, marked: LogLikelihood, user: UserFunction, path: Path | None, goes_on: bool
    ) -> None:
        self._marked, self._user, self._path = marked, user, path
        self._rows: set[bytes] = set()
        self._first: Array | None = None
        self._is_told = False
        if path is not None and path.exists():
            if goes_on:
                self._read(path)
            else:
                path.unlink()

    def __call__(self, theta: Array) -> Array:
        values = self._marked(theta)
        rejected = np.isnan(values)
        if not rejected.any():
            return values
        self._note(theta[rejected])
        return np.where(rejected, -np.inf, values)

    @property
    def count(self) -> int:
        return len(self._rows)

    def tell(self) -> None:
        """At the end."""
        if self.count:
            log.warning(
                "%s had no value at %d vectors, which have probability 0 "
                "(cosmology.on_error=reject); the first: %s",
                self._user.subject,
                self.count,
                self._named(),
            )

    def _note(self, theta: Array) -> None:
        rows = [row.tobytes() for row in np.ascontiguousarray(theta, dtype=np.float64)]
        new = [row for row in dict.fromkeys(rows) if row not in self._rows]
        if new and self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(b"".join(new))
        self._rows.update(new)
        if self._first is None:
            self._first = theta[0].copy()
        if not self._is_told:
            self._is_told = True
            log.warning(
                "%s %s\n  at %s; it goes on: cosmology.on_error=reject",
                self._user.subject,
                self._user.why_rejected(theta[0]),
                self._named(),
            )

    def _read(self, path: Path) -> None:
        """A row that a kill has torn is cut off."""
        size = 8 * len(self._user.names)
        content = path.read_bytes()
        whole = len(content) // size * size
        if whole < len(content):
            os.truncate(path, whole)
        rows = [content[at : at + size] for at in range(0, whole, size)]
        self._rows.update(rows)
        if rows:
            self._first = np.frombuffer(rows[0])

    def _named(self) -> str:
        assert self._first is not None
        return ", ".join(
            f"{name}={float(x)!r}" for name, x in zip(self._user.names, self._first, strict=True)
        )


def counted(draws: Mapping[str, Draws], posteriors: Mapping[str, Posterior]) -> dict[str, Draws]:
    """The draws, with how many vectors were rejected (`details.rejected`) where any may be."""
    told = dict(draws)
    for name, posterior in posteriors.items():
        own = posterior.log_likelihood_of
        if isinstance(own, OfFunction) and isinstance(own.evaluated, Rejections):
            details = {**draws[name].details, "rejected": own.evaluated.count}
            told[name] = replace(draws[name], details=details)
    return told
