"""Hubble diagrams: a table of redshifts and moduli, and a covariance."""

import logging

import numpy as np

from app.config.janus.likelihood import Columns, Moduli
from app.datasets.observations.covariances import read_covariance
from app.datasets.observations.files import Files
from app.datasets.observations.kinds import Array, Supernovae
from app.datasets.observations.tables import Mask, Table, number, read_table
from app.errors import ConfigError, InputError

log = logging.getLogger(__name__)


def read_moduli(name: str, part: Moduli, files: Files) -> Supernovae:
    """The supernovae of a table that are kept by `where` and `z_above`.

    Raises: ConfigError where nothing gives their errors; InputError where a file is not as it
        should be, or no row is kept.
    """
    key, columns = f"likelihood.parts.{name}", part.columns
    if part.covariance is None and columns.sd is None:
        raise ConfigError(f"{key}: no errors; set columns.sd or covariance")
    if part.add_sd and (part.covariance is None or columns.sd is None):
        raise ConfigError(f"{key}.add_sd needs both covariance and columns.sd")
    whole = read_table(files.read(part.path))
    keep = _kept(whole, part)
    table = whole.only(keep)
    table.refuse_repeats()
    z = table.numbers(columns.z, "positive")
    survey, surveys = _surveys(table, part.survey)
    return Supernovae(
        name=name,
        z=z,
        z_helio=z if columns.z_helio is None else heliocentric(table, columns.z_helio),
        mu=table.numbers(columns.mu),
        covariance=_covariance(table, keep, part, files),
        survey=survey,
        surveys=surveys,
    )


def heliocentric(table: Table, column: str | int) -> Array:
    """Heliocentric redshifts, (n,). The nearest galaxies may have one below 0, none below -1,
    which stands for `not known` where it occurs."""
    z = table.numbers(column)
    for index in np.flatnonzero(z <= -1)[:1]:
        raise InputError(
            f"{table.place}, line {table.lines[index]}: {column} = {z[index]:g} is no redshift"
        )
    return z


def _kept(table: Table, part: Moduli) -> Mask:
    keep = np.ones(len(table), dtype=np.bool_)
    for column, value in part.where.items():
        cells = table.texts(column)
        keep &= np.array([_is(cell, value) for cell in cells])
        if not keep.any():
            raise InputError(
                f"{table.place}: no row is left with {column} = {value}; values of {column}: "
                + ", ".join(sorted(set(cells))[:10])
            )
    if part.z_above is not None:
        keep[keep] = table.only(keep).numbers(part.columns.z, "positive") > part.z_above
        if not keep.any():
            raise InputError(f"{table.place}: no redshift is above z_above = {part.z_above:g}")
    return keep


def _is(cell: str, value: float | str) -> bool:
    return cell == value if isinstance(value, str) else number(cell) == value


def _surveys(table: Table, column: str | int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if column is None:
        return np.zeros(len(table), dtype=np.int64), ("all",)
    cells = table.texts(column)
    names = tuple(sorted(set(cells)))
    return np.array([names.index(cell) for cell in cells], dtype=np.int64), names


def _covariance(table: Table, keep: Mask, part: Moduli, files: Files) -> Array:
    columns = part.columns
    if part.covariance is None:
        assert columns.sd is not None
        return table.numbers(columns.sd, "positive") ** 2
    covariance = read_covariance(files.read(part.covariance), keep, table.place)
    if part.add_sd:
        assert columns.sd is not None
        return covariance + np.diag(table.numbers(columns.sd, "not negative") ** 2)
    _warn_of_systematics_alone(table, columns, covariance)
    return covariance


def _warn_of_systematics_alone(table: Table, columns: Columns, covariance: Array) -> None:
    if not (isinstance(columns.sd, str) and table.has(columns.sd)):
        return
    variances = table.numbers(columns.sd, "not negative") ** 2
    below = int(np.count_nonzero(np.diagonal(covariance) < 0.9 * variances))
    if 2 * below > len(table):
        log.warning(
            "%s: %d of %d variances of the covariance are below %s^2; if it is of systematic "
            "errors alone, set add_sd: true",
            table.place,
            below,
            len(table),
            columns.sd,
        )
