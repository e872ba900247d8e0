"""What every part of the likelihood tells, one part for each set of data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from app.config.janus.likelihood import Likelihood
from app.pipelines.janus.cosmology.model import Array, Model

LN_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Layout:
    """Which column of theta is which parameter; the model's own come first."""

    names: tuple[str, ...]
    n_model: int

    def of_model(self, theta: Array) -> Array:
        """(w, d): the model's own parameters."""
        return theta[:, : self.n_model]

    def column(self, name: str) -> int:
        return self.names.index(name)


@dataclass(frozen=True)
class Setting:
    """What all sets of supernovae of a likelihood share."""

    model: Model
    layout: Layout
    config: Likelihood
    ranges: Mapping[str, tuple[float, float]]  # of every parameter
    vectors: Array  # (v, number of names), of these ranges and of the model's domain

    @property
    def scatter(self) -> int | float:
        """The column of theta it is, or magnitudes."""
        if "sigma_int" in self.layout.names:
            return self.layout.column("sigma_int")
        scatter = self.config.intrinsic_scatter
        return 0.0 if scatter == "free" else float(scatter)


class Part(Protocol):
    """The likelihood of one set of data. theta is (w, number of names); rows where the model does
    not exist give NaN or -inf."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> Mapping[str, Any]:
        """JSON: how it is computed, and how exactly."""

    def log_likelihood(self, theta: Array) -> Array:
        """(w,), its normalisation included."""

    def chi2(self, theta: Array) -> Array:
        """(w,): residuals squared in units of the errors; -2 ln(L / largest possible L) where the
        errors are not Gaussian."""

    def chi2_gaussian(self, theta: Array) -> Array:
        """(w,): chi2 of the data that can give one: those with Gaussian errors, or with a Gaussian
        of another width on either side; not of limits. `description` has their `n_gaussian`."""

    def pointwise(self, theta: Array) -> Array:
        """(w, n): log-likelihood of each datum."""

    def predictions(self, theta: Array) -> dict[str, Any]:
        """name, kind, z (n,), observed (n,), sd (n,), model (w, n), for plots."""
