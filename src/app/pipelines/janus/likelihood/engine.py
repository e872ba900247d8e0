"""Ways to compute the likelihood of a Hubble diagram; theta is (w, number of names)."""

from typing import Protocol

from app.pipelines.janus.cosmology.model import Array


class Engine(Protocol):
    """Rows where the model does not exist give NaN or -inf."""

    def log_likelihood(self, theta: Array) -> Array:
        """(w,), normalised."""

    def chi2(self, theta: Array) -> Array:
        """(w,), at the best offsets."""


class Exact(Engine, Protocol):
    """With the model's distance at every redshift."""

    def offsets(self, theta: Array) -> Array:
        """(w, s): the best of each survey, beside `Diagram.centre`."""

    def pointwise(self, theta: Array) -> Array:
        """(w, n): log-likelihood of each supernova given all others, offsets marginalised as in
        ln L; at the best offsets where they are not."""
