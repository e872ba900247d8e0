"""The likelihood of a set of supernovae, computed in the fastest way that is exact enough."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from app.datasets.observations.kinds import LightCurves, Supernovae
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.likelihood import diagram
from app.pipelines.janus.likelihood.compressed import Compressed, choose
from app.pipelines.janus.likelihood.dense import Dense, not_positive
from app.pipelines.janus.likelihood.diagram import Diagram
from app.pipelines.janus.likelihood.engine import Engine, Exact
from app.pipelines.janus.likelihood.gram import gram_of
from app.pipelines.janus.likelihood.light_curves import (
    Direct,
    Standardisation,
    covariance,
)
from app.pipelines.janus.likelihood.part import Setting
from app.pipelines.janus.likelihood.scatter import Basis, Weighted
from app.pipelines.janus.likelihood.spectral import Distances, Spectral
from app.pipelines.janus.likelihood.unreached import NOT_SMOOTH, refuse_or_say

Variances = Callable[[Array], Array]  # of a parameter vector (number of names,): (n,)


class SupernovaePart:
    """ln L = -chi2/2 - ln det(2 pi C)/2; with marginalised offsets (flat priors, of density 1 per
    magnitude) + ln det(2 pi (A^T C^-1 A)^-1)/2, A telling which supernova is of which survey. chi2
    is that at the best offsets."""

    def __init__(
        self,
        diagram: Diagram,
        variances: Variances,
        exact: Exact,
        fast: Engine,
        told: Mapping[str, Any],
    ) -> None:
        self.name = diagram.name
        self._diagram, self._variances, self._exact = diagram, variances, exact
        self.log_likelihood = fast.log_likelihood
        self.chi2 = self.chi2_gaussian = fast.chi2
        self.description = {
            "kind": "supernovae",
            "n_data": diagram.count,
            "n_gaussian": diagram.count,
            "surveys": list(diagram.surveys),
            "offset": diagram.offset,
            **told,
        }

    def pointwise(self, theta: Array) -> Array:
        """(w, n): see `Exact`."""
        return self._exact.pointwise(theta)

    def predictions(self, theta: Array) -> dict[str, Any]:
        """Moduli, the offset of each vector at its best. Where alpha, beta or the mass step are
        free, `observed` has their medians, and `model` what theirs differ by. `sd` is with the
        intrinsic scatter; it, alpha and beta are at their medians there too."""
        d = self._diagram
        offsets = d.centre + self._exact.offsets(theta)
        t = d.coefficients(theta)
        middle = np.median(t, axis=0)
        if d.h0 is not None:
            middle[-1] = 0.0
        change = (t - middle) @ d.X.T
        return {
            "name": self.name,
            "kind": "supernovae",
            "z": d.z,
            "observed": d.mu + d.X @ middle,
            "sd": np.sqrt(self._variances(np.median(theta, axis=0))),
            "model": d.known + d.distances(d.layout.of_model(theta)) + offsets @ d.A.T - change,
            "offset": offsets,
        }


def part_of(
    data: Supernovae | LightCurves, standard: Mapping[str, float | None], setting: Setting
) -> SupernovaePart:
    """`standard`: alpha, beta, mass_step of light curves, None where they are free.

    Raises:
        InputError: the covariance is not positive definite.
        ConfigError: `method: compressed` does not reach the tolerance.
    """
    layout, offset = setting.layout, setting.config.offset
    distances = Distances(setting.model, data.z, layout.of_model(setting.vectors))
    if isinstance(data, Supernovae):
        of_data = diagram.of_supernovae(data, distances, layout, offset)
        return _of_constant(of_data, data.covariance, setting)
    of_data = diagram.of_light_curves(data, standard, distances, layout, offset)
    alpha, beta = standard["alpha"], standard["beta"]
    if alpha is not None and beta is not None:
        return _of_constant(of_data, covariance(data, alpha, beta), setting)
    standardisation = Standardisation(
        data,
        layout.column("alpha") if alpha is None else alpha,
        layout.column("beta") if beta is None else beta,
        setting.scatter,
    )
    if data.blocks:
        return _of_matrices(of_data, standardisation, setting)
    variances = standardisation.variances(setting.vectors)
    if not (variances > 0.0).all():
        raise not_positive(data.name, float(variances.min()), "smallest variance")
    basis = Basis(None, standardisation.variances)
    return _of_weights(of_data, basis, lambda row: standardisation.variances(row[None])[0], setting)


def _of_constant(of_data: Diagram, C: Array, setting: Setting) -> SupernovaePart:
    scatter = setting.scatter
    if isinstance(scatter, float) and scatter:
        C = C + scatter**2 * (1.0 if C.ndim == 1 else np.eye(len(C)))
    diagonal = C if C.ndim == 1 else np.diagonal(C).copy()
    if isinstance(scatter, int):
        basis = Basis.with_scatter(C, scatter, of_data.name)
        return _of_weights(of_data, basis, lambda row: diagonal + row[scatter] ** 2, setting)
    exact = Dense(of_data, C)
    return _chosen(
        of_data, lambda _: diagonal, exact, lambda spectral: Compressed(exact, spectral), setting
    )


def _of_weights(
    of_data: Diagram, basis: Basis, variances: Variances, setting: Setting
) -> SupernovaePart:
    return _chosen(
        of_data,
        variances,
        Weighted(of_data, basis),
        lambda spectral: Weighted(of_data, basis, spectral),
        setting,
    )


def _chosen(
    of_data: Diagram,
    variances: Variances,
    exact: Exact,
    make: Callable[[Spectral], Engine],
    setting: Setting,
) -> SupernovaePart:
    config, vectors = setting.config, setting.vectors
    fit = None
    if config.method != "dense":
        fit = choose(make, exact, of_data, vectors, config.tolerance)
        if fit is None:
            refuse_or_say(of_data.name, config, NOT_SMOOTH)
    if fit is None:
        return SupernovaePart(of_data, variances, exact, exact, {"method": "dense"})
    spectral = Spectral(setting.model, of_data.z, fit.nodes, fit.limit)
    told = {
        "method": "compressed",
        "nodes": fit.nodes,
        "measured_error": fit.error,
        "share_by_nodes": fit.share,
    }
    return SupernovaePart(of_data, variances, exact, make(spectral), told)


def _of_matrices(
    of_data: Diagram, standardisation: Standardisation, setting: Setting
) -> SupernovaePart:
    method = setting.config.method
    exact = Direct(of_data, standardisation)

    def variances(row: Array) -> Array:
        return np.diagonal(standardisation.covariance(row))

    if method != "dense" and isinstance(standardisation.scatter, int):
        refuse_or_say(of_data.name, setting.config, "alpha, beta and the scatter are all free")
    elif method != "dense" and (found := gram_of(exact, standardisation, setting)):
        return SupernovaePart(of_data, variances, exact, *found)
    return SupernovaePart(of_data, variances, exact, exact, {"method": "dense"})
