"""Galaxies at high redshift: UV luminosity functions, and ages."""

import logging

import numpy as np

from app.config.janus.likelihood import GalaxyAges, LuminosityFunction
from app.datasets.observations.files import Files
from app.datasets.observations.kinds import Ages, Array, Luminosities
from app.datasets.observations.tables import Mask, Table, read_table
from app.errors import ConfigError, InputError

log = logging.getLogger(__name__)

UNBOUNDED = 100.0  # dex: of points that are compatible with no galaxy at all
_YES, _NO = ("true", "1", "yes", "t"), ("false", "0", "no", "f", "")


def read_luminosities(name: str, part: LuminosityFunction, files: Files) -> Luminosities:
    """Columns redshift, M_UV, value (log10 phi), err_up and err_down (dex), is_upper_lim, and
    is_lower_lim where there is one. A point keeps its own redshift, not that of its bin.

    Left out, and counted in the log: points further from every z bin than half a bin, points that
    are not between `bright` and `faint`, lower limits, and points without errors: an empty one,
    or the 0 of digitised plots whose bar is hidden by its symbol. An upper limit needs no errors:
    without them `error_floor` is how sharp it is. sd_up and sd_down hold `error_floor` already;
    an error of `inf` is 100 dex, as the file has it elsewhere.

    Raises: InputError where a file is not as it should be, or no point is left; ConfigError where
        the bins do not rise, or limits are left without any width.
    """
    table = read_table(files.read(part.path))
    table = table.only(_chosen(name, part, table))
    table.refuse_repeats()
    upper = _flags(table, "is_upper_lim")
    if part.error_floor == 0.0 and np.any(upper & ~_has_errors(table)):
        raise ConfigError(
            f"likelihood.parts.{name}.error_floor is 0, but {table.place} has upper limits without "
            "errors: they need a width"
        )
    return Luminosities(
        name=name,
        z=table.numbers("redshift", "positive"),
        M_uv=table.numbers("M_UV"),
        log_phi=table.numbers("value"),
        sd_up=np.hypot(_errors(table, "err_up"), part.error_floor),
        sd_down=np.hypot(_errors(table, "err_down"), part.error_floor),
        is_upper_limit=upper,
        fiducial_H0=part.fiducial_H0,
        fiducial_Om=part.fiducial_Om,
    )


def read_ages(name: str, part: GalaxyAges, files: Files) -> Ages:
    """Galaxies above `z_above`, each of the age of its column, or at least of `least_age`.

    Raises: InputError where a file is not as it should be, or no galaxy is left.
    """
    table = read_table(files.read(part.path))
    table = table.only(table.numbers(part.z, "positive") > part.z_above)
    if not len(table):
        raise InputError(f"{table.place}: no galaxy is above z_above = {part.z_above:g}")
    table.refuse_repeats()
    n = len(table)
    return Ages(
        name=name,
        z=table.numbers(part.z),
        age=np.full(n, part.least_age) if part.age is None else table.numbers(part.age, "positive"),
        sd=np.full(n, part.sd) if part.age_sd is None else table.numbers(part.age_sd, "positive"),
    )


def _chosen(name: str, part: LuminosityFunction, table: Table) -> Mask:
    low, high = _covered(name, part.z_bins)
    z, magnitude = table.numbers("redshift", "positive"), table.numbers("M_UV")
    none = np.zeros(len(table), dtype=np.bool_)
    reasons = {
        f"outside the bins, z {low:g} to {high:g}": (z < low) | (z > high),
        f"outside M_UV {part.bright:g} to {part.faint:g}": (
            (magnitude < part.bright) | (magnitude > part.faint)
        ),
        "lower limits": _flags(table, "is_lower_lim") if table.has("is_lower_lim") else none,
        "without errors": ~_flags(table, "is_upper_lim") & ~_has_errors(table),
    }
    keep, said = ~none, []
    for reason, out in reasons.items():
        if count := int(np.count_nonzero(keep & out)):
            said.append(f"{count} {reason}")
        keep &= ~out
    counts = f"{np.count_nonzero(keep)} of {len(table)} points are used"
    left_out = "; left out: " + ", ".join(said) if said else ""
    if not keep.any():
        raise InputError(f"{table.place}: {counts}{left_out}")
    log.info("%s: %s%s", table.place, counts, left_out)
    return keep


def _covered(name: str, bins: list[float]) -> tuple[float, float]:
    """The redshifts within half a bin of a bin: neighbours meet half way, so that the whole is an
    interval; the outermost are as wide outwards as inwards, and one alone is 1 wide."""
    steps = np.diff(bins) if len(bins) > 1 else np.ones(1)
    if not bins or bins[0] <= 0 or not (steps > 0).all():
        raise ConfigError(f"likelihood.parts.{name}.z_bins: redshifts above 0 that rise")
    return bins[0] - steps[0] / 2, bins[-1] + steps[-1] / 2


def _has_errors(table: Table) -> Mask:
    return np.asarray((_errors(table, "err_up") > 0) & (_errors(table, "err_down") > 0))


def _errors(table: Table, column: str) -> Array:
    """(n,) in dex; 0 for an empty cell, which says no error."""
    return table.numbers(column, "not negative", {"": "0", "inf": str(UNBOUNDED)})


def _flags(table: Table, column: str) -> Mask:
    cells = table.texts(column)
    for cell, line in zip(cells, table.lines, strict=True):
        if cell.lower() not in _YES + _NO:
            raise InputError(
                f"{table.place}, line {line}: {column} = {cell} is neither True nor False"
            )
    return np.array([cell.lower() in _YES for cell in cells])
