"""One call of a user's log-probability after another, and what can be wrong with its values."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from app.errors import SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom import place_of

Function = Callable[[Array], Any]

SHARES = 4  # pieces of a batch for each worker: those that are done early take more of them
ANY_ROW = -1
REJECTED = float("nan")  # the value of `Rejecting`; told from a user's own NaN by identity


class RowError(Exception):
    """The function has no value at a row of what it was asked; or at one of them (ANY_ROW).

    `rejectable`: it said so itself, and may be gone on without (cosmology.on_error=reject).
    """

    def __init__(self, row: int, said: str, *, rejectable: bool = False) -> None:
        super().__init__(row, said)
        self.row, self.said, self.rejectable = row, said, rejectable


class Rejecting(partial[Any]):
    """The function, with the value REJECTED where it fails or gives no log-probability. It is a
    `partial`, so that other processes find the module of what it holds."""

    def __call__(self, vector: Array) -> Any:
        try:
            value = super().__call__(vector)
        except (Exception, SystemExit):  # the user's code may fail in any way
            return REJECTED
        return REJECTED if wrong_number(value) else value


class Answer(NamedTuple):
    """Of a piece of a batch: its values, or where and how it failed."""

    values: Array | None
    row: int = 0
    said: str = ""


class Evaluator(Protocol):
    """Who evaluates: this process, or others."""

    def values(self, theta: Array) -> Array:
        """(w,), in the order of the rows.

        Raises:
            RowError: a row has no value.
        """

    def close(self) -> None:
        """Ends them, whatever they are doing."""


class InThisProcess:
    """Row after row."""

    def __init__(self, function: Function) -> None:
        self._function, self._libraries = function, libraries()

    def values(self, theta: Array) -> Array:
        with one_thread(self._libraries):
            return values_of(self._function, theta)

    def close(self) -> None:
        """There is nothing to end."""


def values_of(function: Function, theta: Array) -> Array:
    """Its value at each row: finite, or -inf; NaN where it is REJECTED.

    Raises:
        RowError: it fails, or gives something else.
    """
    values = np.empty(len(theta))
    for row, vector in enumerate(theta):
        try:
            value = function(vector.copy())  # so that no function changes what a sampler holds
        except (Exception, SystemExit) as error:  # the user's code may fail in any way
            raised = f"raised {type(error).__name__}: {error}{place_of(error)}"
            raise RowError(row, raised, rejectable=True) from error
        wrong = "" if value is REJECTED else wrong_number(value)
        if wrong:
            raise RowError(row, wrong, rejectable=True)
        values[row] = value
    return values


def answer(function: Function, theta: Array) -> Answer:
    """`values_of`, as other processes send it back."""
    try:
        return Answer(values_of(function, theta))
    except RowError as error:
        return Answer(None, error.row, error.said)


def pieces(count: int, workers: int) -> list[tuple[int, int]]:
    """First row, and the one after the last, of each piece of a batch."""
    size = max(1, -(-count // (workers * SHARES)))
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def joined(answers: Sequence[Answer], parts: Sequence[tuple[int, int]]) -> Array:
    """The values of all pieces.

    Raises:
        RowError: one of them failed.
    """
    values = []
    for one, (first, _) in zip(answers, parts, strict=True):
        if one.values is None:
            raise RowError(first + one.row, one.said, rejectable=True)
        values.append(one.values)
    return np.concatenate(values) if values else np.empty(0)


def wrong_number(value: Any) -> str:
    """What is wrong with a log-probability; empty: nothing."""
    number = value if isinstance(value, float) else _number(value)
    if number is None:
        return f"gave {_described(value)}, not a number"
    if math.isnan(number) or number == math.inf:
        return f"gave {number}; a log-probability is finite, or -inf where there is none"
    return ""


def checked_batch(value: Any, theta: Array, *, rejects: bool = False) -> Array:
    """What a vectorised function gave for (w, d), as (w,). `rejects`: NaN where it gave no
    log-probability.

    Raises:
        RowError: it is not that.
    """
    values = value if isinstance(value, np.ndarray) else _array(value)
    if values is None or values.dtype.kind not in "fiu" or values.shape != (len(theta),):
        wanted = f"theta of shape {theta.shape}: an array of shape {(len(theta),)} is needed"
        raise RowError(ANY_ROW, f"gave {_described(value)} for {wanted}")
    found: Array = values.astype(np.float64, copy=False)
    is_right = found < np.inf  # false for NaN, too
    if rejects:
        return np.where(is_right, found, REJECTED)
    if not is_right.all():
        row = int(np.argmin(is_right))
        raise RowError(row, wrong_number(float(found[row])))
    return found


def told(error: RowError, theta: Array, names: Sequence[str], subject: str) -> SuperiorError:
    """The error a user sees: what failed, and where."""
    if error.row == ANY_ROW:
        return SuperiorError(f"{subject} {error.said}")
    vector = theta[error.row]
    names = names or [f"theta[{column}]" for column in range(len(vector))]
    at = ", ".join(f"{name}={float(x)!r}" for name, x in zip(names, vector, strict=True))
    instead = "\n  cosmology.on_error=reject goes on without it, as if its probability were 0"
    return SuperiorError(f"{subject} {error.said}\n  at {at}{instead if error.rejectable else ''}")


def libraries() -> Any:
    """What `one_thread` limits: those loaded by now."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread(loaded: Any) -> AbstractContextManager[Any]:
    """A context in which BLAS and OpenMP have one thread each: a value must not depend on how many
    processes evaluate, nor those contend for the cores."""
    limited: AbstractContextManager[Any] = loaded.limit(limits=1)
    return limited


def _number(value: Any) -> float | None:
    array = _array(value)
    if array is None or array.ndim != 0 or array.dtype.kind not in "fiu":
        return None
    return float(array)


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    try:
        return np.asarray(value)
    except (ValueError, TypeError):  # a ragged sequence, an object of the user's
        return None


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    return f"{value!r:.60} of type {type(value).__name__}"
