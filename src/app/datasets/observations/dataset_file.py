"""`.dataset` files of CosmoMC and cobaya: which table, which matrices, which further errors.

Conventions of CosmoMC's supernovae_SNLS.f90 and supernovae_JLA.f90 and of cobaya's sn.py:
- the variance of a magnitude by its redshift's error is
  (5 / ln 10)^2 (dz^2 + pecz^2) ((1 + z) / (z (1 + z/2)))^2, z of the CMB frame (an empty
  universe's dmu/dz; (5/ln 10 pecz/z)^2 at low z); pecz is 0.001 where it is not given, dz 0 where
  the table has no such column (cobaya always leaves dz out);
- intrinsicdispN is of the rows whose `set` is N, intrinsicdisp of those it is not given for; 0
  where neither is (as cobaya; CosmoMC takes 0.13);
- hosts above scriptmcut have a magnitude of their own where twoscriptmfit is T.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.config.janus.likelihood import DatasetFile
from app.datasets.observations.covariances import read_matrix, symmetric
from app.datasets.observations.files import Content, Files
from app.datasets.observations.kinds import Array, LightCurves, Supernovae
from app.datasets.observations.light_curves import heavier, light_curves, read_blocks
from app.datasets.observations.moduli import heliocentric
from app.datasets.observations.tables import Table, number, read_table
from app.errors import InputError

log = logging.getLogger(__name__)

PECZ = 0.001  # 300 km/s
_MATRICES = {  # key of the file -> block
    "mag": "v0",
    "stretch": "va",
    "colour": "vb",
    "mag_stretch": "v0a",
    "mag_colour": "v0b",
    "stretch_colour": "vab",
}
_KNOWN = {"name", "data_file", "pecz", "twoscriptmfit", "scriptmcut", "absdist_file"}
_TRUE, _FALSE = ("t", "true", "1", "y", "yes"), ("f", "false", "0", "n", "no", "")


def read_dataset_file(name: str, part: DatasetFile, files: Files) -> Supernovae | LightCurves:
    """Light curves where the table has stretches and colours; a Hubble diagram where it has none,
    or zeros (Pantheon, Union3): mu = mb, and mag_covmat added to the diagonal errors.

    Raises: InputError where a file is not as it should be.
    """
    settings = _settings(files.read(part.path))
    table = read_table(files.read(settings.text("data_file"), settings.folder))
    paths = settings.matrices()
    further = _redshift_variance(table, settings) + _dispersion(table, settings) ** 2
    if _has_light_curves(table):
        return light_curves(
            name,
            table,
            heavy=_heavy(table, settings),
            further=further,
            blocks=read_blocks(paths, files, table, settings.folder),
        )
    if strange := [key for key in paths if key != "v0"]:
        raise InputError(
            f"{settings.place} names {paths[strange[0]]}, but {table.place} has no stretch and "
            "colour, or zeros for them"
        )
    return _hubble_diagram(name, table, further, paths.get("v0"), files, settings.folder)


def _has_light_curves(table: Table) -> bool:
    stretch = [column for column in ("x1", "s") if table.has(column)]
    return bool(stretch) and bool(np.any(table.numbers(stretch[0])))


def _hubble_diagram(
    name: str, table: Table, further: Array, path: str | None, files: Files, folder: Path
) -> Supernovae:
    table.refuse_repeats()
    variances = table.numbers("dmb", "not negative" if path else "positive") ** 2 + further
    covariance = variances
    if path is not None:
        file = files.read(path, folder)
        matrix = symmetric(read_matrix(file, len(table), table.place), file)
        covariance = matrix + np.diag(variances)
        for row in np.flatnonzero(np.diagonal(covariance) <= 0)[:1]:
            raise InputError(
                f"{file.path}: with dmb^2 the variance of row {row + 1} is "
                f"{covariance[row, row]:g}, not above 0"
            )
    return Supernovae(
        name=name,
        z=table.numbers("zcmb", "positive"),
        z_helio=heliocentric(table, "zhel"),
        mu=table.numbers("mb"),
        covariance=covariance,
        survey=np.zeros(len(table), dtype=np.int64),
        surveys=("all",),
    )


def _redshift_variance(table: Table, settings: "_Settings") -> Array:
    z = table.numbers("zcmb", "positive")
    dz = table.numbers("dz", "not negative") if table.has("dz") else np.zeros(len(table))
    pecz = settings.number("pecz", PECZ)
    if "pecz" not in settings.values:
        log.info("%s: pecz is not given; it is %g, as in CosmoMC and cobaya", settings.place, PECZ)
    slope = 5 / np.log(10) * (1 + z) / (z * (1 + z / 2))
    return np.asarray((dz**2 + pecz**2) * slope**2)


def _dispersion(table: Table, settings: "_Settings") -> Array:
    common = settings.number("intrinsicdisp", 0.0)
    sets = {
        int(key.removeprefix("intrinsicdisp")): settings.number(key, common)
        for key in settings.values
        if re.fullmatch(r"intrinsicdisp\d+", key)
    }
    if all(value == common for value in sets.values()):
        return np.full(len(table), common)
    numbers = table.numbers("set")
    for value, line in zip(numbers, table.lines, strict=True):
        if value != int(value) or value < 0:
            raise InputError(f"{table.place}, line {line}: set = {value:g} is no number of a set")
    return np.array([sets.get(int(value), common) for value in numbers])


def _heavy(table: Table, settings: "_Settings") -> np.ndarray:
    if not settings.is_true("twoscriptmfit", False):
        return np.zeros(len(table), dtype=np.bool_)
    return heavier(table, settings.number("scriptmcut", 10.0))


@dataclass(frozen=True)
class _Settings:
    """The lines `key = value` of a `.dataset` file."""

    place: str
    folder: Path
    values: Mapping[str, str]

    def text(self, key: str) -> str:
        if not self.values.get(key):
            raise InputError(f"{self.place} has no {key}")
        return self.values[key]

    def number(self, key: str, default: float) -> float:
        """0 or above; `default` where the key is absent."""
        said = self.values.get(key, "")
        if not said:
            return default
        value = number(said)
        if value is None or not 0 <= value < float("inf"):
            raise InputError(f"{self.place}: {key} = {said} is not a number of 0 or more")
        return value

    def is_true(self, key: str, default: bool) -> bool:
        if key not in self.values:
            return default
        said = self.values[key].lower().strip(".")  # Fortran's .true. too
        if said not in _TRUE + _FALSE:
            raise InputError(f"{self.place}: {key} = {self.values[key]} is neither T nor F")
        return said in _TRUE

    def matrices(self) -> dict[str, str]:
        """Block -> file. `has_X_covmat` that is absent stands for T where there is a file."""
        files = {}
        for key, block in _MATRICES.items():
            named = bool(self.values.get(f"{key}_covmat_file"))
            if self.is_true(f"has_{key}_covmat", named):
                files[block] = self.text(f"{key}_covmat_file")
        return files


def _settings(file: Content) -> _Settings:
    place, values = str(file.path), {}
    for line, written in enumerate(file.text().split("\n"), start=1):
        said = written.partition("#")[0].strip()
        if not said:
            continue
        key, sign, value = (part.strip() for part in said.partition("="))
        if not sign or not key:
            raise InputError(
                f"{place}, line {line}: {said[:60]!r} is not `key = value`; INCLUDE and DEFAULT "
                "are not followed: write their keys into this file"
            )
        if key in values:
            raise InputError(f"{place}, line {line}: {key} is given a second time")
        values[key] = value
    settings = _Settings(place, file.path.parent, values)
    if values.get("absdist_file", "").lower() not in _FALSE:
        raise InputError(f"{place}: absolute distances (absdist_file) are not supported")
    _say_what_is_not_used(settings)
    return settings


def _say_what_is_not_used(settings: _Settings) -> None:
    used = re.compile(r"intrinsicdisp\d*|(has_)?(\w+)_covmat(_file)?")
    unused = [key for key in settings.values if key not in _KNOWN and not used.fullmatch(key)]
    if unused:
        log.info("%s: not used: %s", settings.place, ", ".join(unused))
