"""Covariance matrices in text files: N, then N^2 values, in any lines; or N^2 values alone."""

from array import array
from math import isqrt

import numpy as np

from app.datasets.observations.files import Content
from app.datasets.observations.kinds import Array
from app.datasets.observations.tables import Mask
from app.errors import InputError

SYMMETRY = 1e-6  # of sqrt(C_ii C_jj): files print six digits or more
_BLOCK = 1 << 20  # bytes that are parsed at a time


def read_covariance(file: Content, keep: Mask, table: str) -> Array:
    """The covariance of the rows of `table` that are kept, (k, k), symmetric, variances above 0.

    Args:
        keep: (n,) for each row of the whole table, whether it is kept; the file is of all n.
        table: the name of the table, for messages.

    Raises: InputError where it is of another size, cut short, no numbers, not symmetric, or has a
        variance that is not above 0 in a kept row; names the file, and line or row.
    """
    whole = read_matrix(file, len(keep), table, int(np.count_nonzero(keep)))
    kept = symmetric(whole, file)[np.ix_(keep, keep)]
    for row in np.flatnonzero(np.diagonal(kept) <= 0)[:1]:
        number = int(np.flatnonzero(keep)[row])
        raise InputError(
            f"{file.path}: the variance of row {number + 1} is {kept[row, row]:g}, not above 0"
        )
    return kept


def read_matrix(file: Content, rows: int, table: str, kept: int | None = None) -> Array:
    """The matrix of a file, (rows, rows), as it is."""
    values = _values(file)
    size, values = _sized(values, file)
    if size != rows:
        raise InputError(
            f"{file.path} is {size} x {size}, {table} has {rows} rows" + _cut(size, rows, kept)
        )
    return values.reshape(size, size)


def symmetric(matrix: Array, file: Content) -> Array:
    """The matrix, exactly symmetric.

    Raises: InputError where it is not, within `SYMMETRY`.
    """
    size = np.sqrt(np.abs(np.diagonal(matrix)))
    size = np.where(size > 0, size, size.max(initial=0.0))
    apart = np.abs(matrix - matrix.T)
    wrong = apart > SYMMETRY * np.outer(size, size)
    if wrong.any():
        row, column = (int(index) for index in np.unravel_index(apart.argmax(), apart.shape))
        raise InputError(
            f"{file.path} is not symmetric: ({row + 1}, {column + 1}) is {matrix[row, column]:g}, "
            f"({column + 1}, {row + 1}) is {matrix[column, row]:g}"
        )
    return (matrix + matrix.T) / 2


def _values(file: Content) -> Array:
    """All numbers of a file. `float` of each word costs 0.1 us and takes no garbage for a number,
    as numpy's readers of text do at the end of what they understand."""
    values = array("d")
    start, data = 0, file.data.removeprefix(b"\xef\xbb\xbf")
    while start < len(data):
        end = data.find(b"\n", start + _BLOCK)
        block = data[start : len(data) if end < 0 else end + 1]
        try:
            if b"_" in block or b"#" in block:
                raise ValueError
            values.extend(map(float, block.split()))
        except ValueError:
            values.extend(_line_by_line(block, data.count(b"\n", 0, start), file))
        start += len(block)
    numbers = np.frombuffer(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        _refuse_infinite(file, numbers)
    return numbers


def _line_by_line(block: bytes, before: int, file: Content) -> list[float]:
    """The same of lines with comments; names the line of what is no number."""
    values: list[float] = []
    for line, written in enumerate(block.split(b"\n"), start=before + 1):
        for word in written.partition(b"#")[0].split():
            try:
                values.append(float(b"?" if b"_" in word else word))
            except ValueError:
                said = word.decode("latin-1")[:40]
                raise InputError(f"{file.path}, line {line}: {said!r} is not a number") from None
    return values


def _refuse_infinite(file: Content, numbers: Array) -> None:
    index = int(np.flatnonzero(~np.isfinite(numbers))[0])
    seen = 0
    for line, written in enumerate(file.data.split(b"\n"), start=1):
        seen += len(written.partition(b"#")[0].split())
        if seen > index:
            raise InputError(f"{file.path}, line {line}: {numbers[index]} is not finite")


def _sized(values: Array, file: Content) -> tuple[int, Array]:
    """N, and the N^2 values."""
    count = len(values)
    if count == 0:
        raise InputError(f"{file.path} holds no numbers")
    says = int(values[0]) if values[0] >= 1 and values[0] == int(values[0]) else 0
    if says and count == says**2 + 1:
        return says, values[1:]
    if isqrt(count) ** 2 == count and says != isqrt(count):  # else N, and all but the last value
        return isqrt(count), values
    if says:
        missing = "is cut short" if count - 1 < says**2 else "holds something else too"
        raise InputError(
            f"{file.path} says that it is {says} x {says}, which are {says**2} values; "
            f"it holds {count - 1}: it {missing}"
        )
    raise InputError(f"{file.path} holds {count} values, which is neither N and N^2 nor N^2")


def _cut(size: int, rows: int, kept: int | None) -> str:
    if kept is None or kept == rows:
        return ""
    if size == kept:
        return (
            f" ({kept} after the cut): a covariance is of all rows of the table, and cut with it; "
            "it seems to be cut already: give a table that is too, without z_above and where"
        )
    return f" ({kept} after the cut): a covariance is of all rows of the table, and cut with it"
