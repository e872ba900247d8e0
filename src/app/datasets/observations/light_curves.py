"""Light-curve parameters of supernovae, with the six covariance matrices of JLA and SNLS3."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.config.janus.likelihood import Tripp
from app.datasets.observations.covariances import read_matrix, symmetric
from app.datasets.observations.files import Content, Files
from app.datasets.observations.kinds import Array, LightCurves
from app.datasets.observations.moduli import heliocentric
from app.datasets.observations.tables import Mask, Table, read_table
from app.errors import InputError

HEAVY = 10.0  # log10 of solar masses (Betoule et al. 2014)
BLOCKS = ("v0", "va", "vb", "v0a", "v0b", "vab")
_COLOR = {"color": "dcolor", "colour": "dcolour", "c": "dc"}


def read_tripp(name: str, part: Tripp, files: Files) -> LightCurves:
    """A table as JLA's, and its six matrices where `part.covariance` is their prefix.

    Raises: InputError where a file is not as it should be.
    """
    table = read_table(files.read(part.path))
    none = np.zeros(len(table))
    with_step = part.mass_step != 0.0
    prefix = part.covariance
    paths = {} if prefix is None else {key: f"{prefix}_{key}_covmatrix.dat" for key in BLOCKS}
    return light_curves(
        name,
        table,
        heavy=heavier(table, HEAVY) if with_step else none > 0,
        further=none,
        blocks=read_blocks(paths, files, table),
        cross_covariances=part.cross_covariances,
        z_helio=part.z_helio,
    )


def heavier(table: Table, cut: float) -> Mask:
    """(n,) whether a host is above `cut`, in log10 of solar masses."""
    return np.asarray(table.numbers("3rdvar") > cut)


def read_blocks(
    paths: Mapping[str, str], files: Files, table: Table, beside: Path | None = None
) -> dict[str, Array]:
    """The matrices of `paths` (keys: `BLOCKS`), each (n, n); zeros for those without a path; {}
    where there are none at all.

    Of a covariance between two quantities (v0a, v0b, vab) only the symmetric part enters the
    covariance of magnitudes, A C A^T; that part is what is returned.

    Raises: InputError where one is not as it should be.
    """
    n = len(table)
    blocks = {key: _block(key, files.read(path, beside), table) for key, path in paths.items()}
    return {key: blocks.get(key, np.zeros((n, n))) for key in BLOCKS} if blocks else {}


def _block(key: str, file: Content, table: Table) -> Array:
    matrix = read_matrix(file, len(table), table.place)
    if key in ("v0a", "v0b", "vab"):
        return (matrix + matrix.T) / 2
    matrix = symmetric(matrix, file)
    for row in np.flatnonzero(np.diagonal(matrix) < 0)[:1]:
        raise InputError(
            f"{file.path}: the variance of row {row + 1} is {matrix[row, row]:g}, below 0"
        )
    return matrix


def light_curves(
    name: str,
    table: Table,
    *,
    heavy: Mask,
    further: Array,
    blocks: Mapping[str, Array],
    cross_covariances: bool = True,
    z_helio: str | None = "zhel",
) -> LightCurves:
    """The columns zcmb zhel mb dmb, x1 dx1 (or s ds: x1 = s - 1), color dcolor, and cov_m_s
    cov_m_c cov_s_c unless they are not wanted; `z_helio` of null: that of zcmb.

    dmb holds what its release put into it: for JLA the intrinsic dispersion, lensing and
    redshift errors, so `further` is 0 there.

    Raises: InputError where a column is missing or a value is no number or of a wrong sign.
    """
    table.refuse_repeats()
    color = next((column for column in _COLOR if table.has(column)), "color")
    with_s = table.has("s") and not table.has("x1")
    none = np.zeros(len(table))
    z = table.numbers("zcmb", "positive")
    return LightCurves(
        name=name,
        z=z,
        z_helio=z if z_helio is None else heliocentric(table, z_helio),
        mb=table.numbers("mb"),
        x1=table.numbers("s") - 1.0 if with_s else table.numbers("x1"),
        color=table.numbers(color),
        heavy=heavy,
        dmb=table.numbers("dmb", "positive"),
        dx1=table.numbers("ds" if with_s else "dx1", "not negative"),
        dcolor=table.numbers(_COLOR[color], "not negative"),
        cov_m_s=table.numbers("cov_m_s") if cross_covariances else none,
        cov_m_c=table.numbers("cov_m_c") if cross_covariances else none,
        cov_s_c=table.numbers("cov_s_c") if cross_covariances else none,
        further=further,
        blocks=blocks,
        survey=np.zeros(len(table), dtype=np.int64),  # one calibration, whose errors are in V0
        surveys=("all",),
    )
