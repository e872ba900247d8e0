"""Tables in text files, as the releases of the field come: with or without a header, which may be
a comment; columns apart by spaces, tabs or commas; ECSV (its empty value is "")."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from app.datasets.observations.files import Content
from app.datasets.observations.kinds import Array
from app.errors import InputError, nearest

LCPARAM = ("name", "zcmb", "zhel")  # how CosmoMC's tables begin; their binned ones (Pantheon,
# Union3) leave out the last columns that the header names
Mask = np.ndarray[Any, np.dtype[np.bool_]]
_AS_WRITTEN: Mapping[str, str] = {}


@dataclass(frozen=True)
class Table:
    """Rows of cells as they are written, each with the number of its line."""

    place: str  # the file, for messages
    names: tuple[str, ...] | None  # of columns; None where the file has no header
    rows: list[list[str]]
    lines: list[int]  # from 1

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, column: str) -> bool:
        return self.names is not None and column in self.names

    def texts(self, column: str | int) -> list[str]:
        """The cells of a column.

        Raises: InputError where there is no such column, or two of that name.
        """
        number = self._number(column)
        return [row[number] for row in self.rows]

    def numbers(
        self,
        column: str | int,
        sign: Literal["any", "positive", "not negative"] = "any",
        meant: Mapping[str, str] = _AS_WRITTEN,
    ) -> Array:
        """The finite numbers of a column, (n,); `meant` replaces cells that say it otherwise.

        Raises: InputError where a cell is none, or of another sign; names line and column.
        """
        cells = [meant.get(cell, cell) for cell in self.texts(column)]
        values = np.array(
            [self._value(cell, line, column) for cell, line in zip(cells, self.lines, strict=True)],
            dtype=np.float64,
        )
        wrong = values <= 0 if sign == "positive" else (values < 0) & (sign != "any")
        for row in np.flatnonzero(wrong)[:1]:
            raise InputError(
                f"{self.place}, line {self.lines[row]}: {column} = {cells[row]} is not "
                + ("above 0" if sign == "positive" else "0 or more")
            )
        return values

    def only(self, keep: Sequence[bool] | Mask) -> "Table":
        """Of the rows where `keep` is true."""
        kept = [index for index, wanted in enumerate(keep) if wanted]
        return Table(
            self.place, self.names, [self.rows[i] for i in kept], [self.lines[i] for i in kept]
        )

    def refuse_repeats(self) -> None:
        """Raises: InputError where two rows are the same in every cell: a datum counted twice."""
        seen: dict[tuple[str, ...], int] = {}
        for row, line in zip(self.rows, self.lines, strict=True):
            first = seen.setdefault(tuple(row), line)
            if first != line:
                raise InputError(
                    f"{self.place}, line {line} repeats line {first}; take one of them out"
                )

    def _number(self, column: str | int) -> int:
        if isinstance(column, int):
            width = len(self.rows[0])
            if not 0 <= column < width:
                raise InputError(
                    f"{self.place} has no column number {column}: it has {width}, from 0"
                )
            return column
        if self.names is None:
            raise InputError(
                f"{self.place} has no header, so no column {column!r}; number them from 0"
            )
        if self.names.count(column) > 1:
            raise InputError(f"{self.place} has {self.names.count(column)} columns {column!r}")
        if column not in self.names:
            raise InputError(f"{self.place} has no column {column!r}{nearest(column, self.names)}")
        return self.names.index(column)

    def _value(self, cell: str, line: int, column: str | int) -> float:
        value = number(cell)
        if value is None:
            said = f"{cell!r} is not a number" if cell else "the value is missing"
            raise InputError(f"{self.place}, line {line}, column {column}: {said}")
        if not math.isfinite(value):
            raise InputError(f"{self.place}, line {line}, column {column}: {cell} is not finite")
        return value


def number(cell: str) -> float | None:
    """What a cell says; None where it is no number. `1_000` is none."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def read_table(file: Content) -> Table:
    """The table of a file; `#` begins a comment.

    The header is the first line if all of its cells may be names, else the last comment before it
    if that has one for each column (or more, in CosmoMC's format).

    Raises: InputError where it has no rows, or rows of different lengths; names the line.
    """
    place = str(file.path)
    comment, lines = _content(file.text())
    if not lines:
        raise InputError(f"{place} has no rows")
    with_commas = "," in lines[0][1]
    cut = [(line, _cells(text, with_commas, place, line)) for line, text in lines]
    names = _header(comment, cut[0][1], with_commas)
    if names is not None and names == tuple(cut[0][1]):
        cut = cut[1:]
    if not cut:
        raise InputError(f"{place} has no rows below its header")
    width = len(names) if names is not None else len(cut[0][1])
    for line, cells in cut:
        if len(cells) != width:
            raise InputError(
                f"{place}, line {line} has {len(cells)} columns; the others have {width}"
            )
    return Table(place, names, [cells for _, cells in cut], [line for line, _ in cut])


def _content(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The last comment before the rows ('' where it cannot be a header), and numbered rows."""
    comment, lines = "", []
    for line, written in enumerate(text.split("\n"), start=1):
        said, note = _apart(written.strip())
        if said:
            lines.append((line, said))
        elif note and not lines:
            comment = note
    return ("" if "%ECSV" in text[:200] else comment), lines


def _apart(written: str) -> tuple[str, str]:
    """What a line says, and its comment; where commas part columns, only whole lines are one."""
    if written.startswith("#"):
        return "", written[1:].strip()
    said, *note = re.split(r"\s#", written, maxsplit=1)
    return (written, "") if "," in said else (said.strip(), "".join(note).strip())


def _cells(text: str, with_commas: bool, place: str, line: int) -> list[str]:
    if not with_commas and '"' not in text:
        return text.split()
    separator = "," if with_commas else " "
    flat = text if with_commas else text.replace("\t", " ")
    try:
        (cells,) = csv.reader([flat], delimiter=separator, skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise InputError(f"{place}, line {line} cannot be cut into columns: {error}") from error
    return [cell.strip() for cell in cells]


def _header(comment: str, first: list[str], with_commas: bool) -> tuple[str, ...] | None:
    words = tuple(word.strip('" ') for word in comment.split("," if with_commas else None))
    if words[: len(LCPARAM)] == LCPARAM and len(words) >= len(first):
        return words[: len(first)]
    if all(_may_be_name(cell) for cell in first):
        return tuple(first)
    return words if len(words) == len(first) and all(map(_may_be_name, words)) else None


def _may_be_name(cell: str) -> bool:
    """Names have a letter; pandas leaves that of the index empty. `--` is a value that is not."""
    return number(cell) is None and (cell == "" or any(char.isalpha() for char in cell))
