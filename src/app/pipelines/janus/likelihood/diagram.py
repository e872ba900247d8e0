"""A Hubble diagram as a linear problem.

    residual = y + X t - g(z) - A o

y are the moduli less all that no parameter changes, and less their mean, so that squares of
residuals lose no digits; g = 5 log10(D_M H0 / (c z)) is the model's, A o the offset of each survey,
and X t what else is linear in the parameters: alpha x1, -beta color, -mass_step of heavy hosts, and
5 log10(H0/70) where the offset is fixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from app.datasets.observations.kinds import LightCurves, Supernovae
from app.pipelines.janus.cosmology.distances import distance_modulus
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.likelihood.part import Layout
from app.pipelines.janus.likelihood.spectral import Distances

Offset = Literal["marginalised", "profiled", "fixed"]

REFERENCE_H0 = 70.0  # km/s/Mpc, of the moduli that y leaves out


@dataclass(frozen=True)
class Diagram:
    """One set of supernovae: n of them, m linear terms, s free offsets (0 where it is fixed)."""

    name: str
    z: Array  # (n,)
    mu: Array  # (n,) as given, magnitudes
    known: Array  # (n,) distance moduli of H0 = 70 without g
    centre: Array  # (s,) mean of mu - known in each survey
    X: Array  # (n, m)
    terms: tuple[int, ...]  # (m,) columns of theta
    h0: int | None  # column of H0, the last of `terms`, where it is a term
    A: Array  # (n, s) 1 where a supernova is of a survey, else 0
    surveys: tuple[str, ...]
    offset: Offset
    layout: Layout
    distances: Distances

    @cached_property
    def y(self) -> Array:
        """(n,)."""
        return self.mu - self.known - self.A @ self.centre

    @property
    def count(self) -> int:
        return len(self.z)

    @cached_property
    def undetermined(self) -> Mask:
        """(n,): of which all others say nothing, the marginalised offset being that of a survey
        without another supernova."""
        if self.offset != "marginalised":
            return np.zeros(self.count, bool)
        return np.asarray(self.A[:, self.A.sum(axis=0) == 1.0].any(axis=1))

    def coefficients(self, theta: Array) -> Array:
        """t, (w, m)."""
        t = theta[:, list(self.terms)]
        if self.h0 is not None:
            t[:, -1] = 5.0 * np.log10(t[:, -1] / REFERENCE_H0)
        return t

    def residuals(self, theta: Array) -> Array:
        """(w, n), offsets not yet taken away, with the model's distance at every redshift."""
        residual = self.y - self.distances(self.layout.of_model(theta))
        if self.terms:
            residual += self.coefficients(theta) @ self.X.T
        return residual


def of_supernovae(
    data: Supernovae, distances: Distances, layout: Layout, offset: Offset
) -> Diagram:
    """Moduli, or standardised magnitudes, as they are."""
    return _diagram(data, data.mu, {}, distances, layout, offset)


def of_light_curves(
    data: LightCurves,
    values: Mapping[str, float | None],
    distances: Distances,
    layout: Layout,
    offset: Offset,
) -> Diagram:
    """mu = mb - M + alpha x1 - beta color - mass_step of heavy hosts; `values`: None where free."""
    columns = {"alpha": data.x1, "beta": -data.color, "mass_step": -data.heavy.astype(np.float64)}
    mu, free = data.mb.copy(), {}
    for name, column in columns.items():
        value = values[name]
        if value is None:
            free[name] = column
        else:
            mu += value * column
    return _diagram(data, mu, free, distances, layout, offset)


def _diagram(
    data: Supernovae | LightCurves,
    mu: Array,
    free: dict[str, Array],
    distances: Distances,
    layout: Layout,
    offset: Offset,
) -> Diagram:
    known = distance_modulus(np.zeros(len(data.z)), data.z, data.z_helio, REFERENCE_H0)
    columns, h0 = dict(free), None
    if offset == "fixed":
        columns["H0"], h0 = np.ones(len(data.z)), layout.column("H0")
        A = np.zeros((len(data.z), 0))
    else:
        A = (data.survey[:, None] == np.arange(len(data.surveys))).astype(np.float64)
        A = A[:, A.any(axis=0)]  # a survey of which no supernova is left has no offset
    return Diagram(
        name=data.name,
        z=data.z,
        mu=mu,
        known=known,
        centre=(mu - known) @ A / A.sum(axis=0),
        X=np.column_stack(list(columns.values())) if columns else np.zeros((len(data.z), 0)),
        terms=tuple(layout.column(name) for name in columns),
        h0=h0,
        A=A,
        surveys=tuple(data.surveys[number] for number in np.unique(data.survey)),
        offset=offset,
        layout=layout,
        distances=distances,
    )
