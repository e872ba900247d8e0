"""The posterior of a user's own log-probability."""

import logging
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from app.config.janus.cosmology import Custom
from app.config.janus.prior import Prior
from app.config.janus.sampler import Workers
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus import custom
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom import Function
from app.pipelines.janus.evaluation import RowError, checked_batch, told
from app.pipelines.janus.posterior import LogLikelihood, Posterior
from app.pipelines.janus.prior import IndependentPrior, prior_of
from app.pipelines.janus.vectors import Vectors
from app.pipelines.janus.workers import Pool

log = logging.getLogger(__name__)


@contextmanager
def custom_posterior(
    own: Custom, prior: Prior, elsewhere: Collection[str], n_workers: int, workers: Workers
) -> Iterator[Posterior]:
    """Of the parameters of `own.prior`, in their order; its workers are at work inside.

    Raises:
        ConfigError: no such module or function, or parameters and priors that do not fit.
    """
    names = _names(own)
    function = custom.load_function(
        own.log_prob_module, own.log_prob_function, "cosmology.log_prob_module"
    )
    called = custom.with_arguments(function, own.arguments, 1, "cosmology.arguments")
    independent, fixed = prior_of(names, own.prior, {}, prior, elsewhere=elsewhere)
    vectors = Vectors(names, independent.names, fixed)
    with _evaluated(own, called, names, n_workers, workers) as evaluated:
        yield Posterior(
            independent,
            _OfFunction(evaluated, vectors, independent if own.includes_prior else None),
            {
                "model": own.model_dump(mode="json", exclude={"prior"}),
                "source": custom.source_digest(function),
                "prior": independent.told(),
                "fixed": fixed,
            },
            {
                "model": own.name,
                "method": "batches" if own.vectorised else "one vector at a time",
                "workers": 1 if own.vectorised else n_workers,
                "includes_prior": own.includes_prior,
                "fixed": fixed,
            },
        )


@contextmanager
def _evaluated(
    own: Custom, function: Function, names: tuple[str, ...], n_workers: int, workers: Workers
) -> Iterator[LogLikelihood]:
    subject = f"cosmology: {own.log_prob_function} of {own.log_prob_module}"
    with ExitStack() as stack:
        if own.vectorised:
            if n_workers > 1:
                log.warning(
                    "n_workers=%d is not used: %s is vectorised, and called in this process",
                    n_workers,
                    own.log_prob_function,
                )
            yield _Batches(function, names, subject)
        else:
            pool = Pool(function, n_workers, workers, names=names, subject=subject)
            yield stack.enter_context(pool)


class _Batches:
    """A vectorised function."""

    def __init__(self, function: Function, names: tuple[str, ...], subject: str) -> None:
        self._function, self._names, self._subject = function, names, subject

    def __call__(self, theta: Array) -> Array:
        try:
            value = self._function(theta.copy())
        except Exception as error:  # the user's code may fail in any way
            raise SuperiorError(
                f"{self._subject} raised {type(error).__name__}: {error}{custom.place_of(error)}\n"
                f"  for theta of shape {theta.shape}"
            ) from error
        try:
            return checked_batch(value, theta)
        except RowError as error:
            raise told(error, theta, self._names, self._subject) from error


class _OfFunction:
    """The function's values, less the prior where that is in them."""

    def __init__(
        self, evaluated: LogLikelihood, vectors: Vectors, less: IndependentPrior | None
    ) -> None:
        self._evaluated, self._vectors, self._less = evaluated, vectors, less

    def __call__(self, theta: Array) -> Array:
        values = self._evaluated(self._vectors.full(theta))
        return values if self._less is None else values - self._less.log_density(theta)


def _names(own: Custom) -> tuple[str, ...]:
    names = tuple(own.prior)
    if not names:
        raise ConfigError(
            "cosmology.prior: a log-probability of your own needs a prior for each of its "
            "parameters, in their order; e.g. cosmology.prior.a='{kind: uniform, low: 0, high: 1}'"
        )
    if own.ndim is not None and own.ndim != len(names):
        raise ConfigError(
            f"cosmology.ndim={own.ndim}: cosmology.prior has {len(names)} parameters: "
            f"{', '.join(names)}"
        )
    return names
