"""The posterior of a user's own log-probability."""

from collections.abc import Collection
from dataclasses import dataclass

from app.config.janus.cosmology import Custom
from app.config.janus.prior import Prior
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus import custom
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom import Function
from app.pipelines.janus.evaluation import InThisProcess, RowError, checked_batch, told
from app.pipelines.janus.posterior import LogLikelihood, Posterior
from app.pipelines.janus.prior import IndependentPrior, prior_of
from app.pipelines.janus.vectors import Vectors


def custom_posterior(own: Custom, prior: Prior, elsewhere: Collection[str]) -> Posterior:
    """Of the parameters of `own.prior`, in their order; evaluated in this process.

    Raises:
        ConfigError: no such module or function, or parameters and priors that do not fit.
    """
    names = _names(own)
    function = custom.load_function(
        own.log_prob_module, own.log_prob_function, "cosmology.log_prob_module"
    )
    independent, fixed = prior_of(names, own.prior, {}, prior, elsewhere=elsewhere)
    asked = UserFunction(
        custom.with_arguments(function, own.arguments, 1, "cosmology.arguments"),
        names,
        f"cosmology: {own.log_prob_function} of {own.log_prob_module}",
        own.vectorised,
    )
    vectors = Vectors(names, independent.names, fixed)
    return Posterior(
        independent,
        OfFunction(asked, asked.here, vectors, independent if own.includes_prior else None),
        {
            "model": own.model_dump(mode="json", exclude={"prior"}),
            "source": custom.source_digest(function),
            "prior": independent.told(),
            "fixed": fixed,
        },
        {
            "model": own.name,
            "method": "batches" if own.vectorised else "one vector at a time",
            "includes_prior": own.includes_prior,
            "fixed": fixed,
        },
    )


@dataclass(frozen=True)
class UserFunction:
    """A function of all its parameters, `names`; `subject` is what messages call it."""

    function: Function
    names: tuple[str, ...]
    subject: str
    is_vectorised: bool

    def here(self, theta: Array) -> Array:
        """(w,): its values, evaluated in this process.

        Raises:
            SuperiorError: it fails, or gives no log-probability, at a vector.
        """
        try:
            if self.is_vectorised:
                return checked_batch(self._batch(theta), theta)
            return InThisProcess(self.function).values(theta)
        except RowError as error:
            raise told(error, theta, self.names, self.subject) from error

    def _batch(self, theta: Array) -> Array:
        try:
            value: Array = self.function(theta.copy())
        except Exception as error:  # the user's code may fail in any way
            raise SuperiorError(
                f"{self.subject} raised {type(error).__name__}: {error}{custom.place_of(error)}\n"
                f"  for theta of shape {theta.shape}"
            ) from error
        return value


class OfFunction:
    """A user's function of the sampled parameters, less the prior where that is in its values.

    `evaluated` is who is asked for them: `user.here`, or workers.
    """

    def __init__(
        self,
        user: UserFunction,
        evaluated: LogLikelihood,
        vectors: Vectors,
        less: IndependentPrior | None,
    ) -> None:
        self.user, self._evaluated, self._vectors, self._less = user, evaluated, vectors, less

    def __call__(self, theta: Array) -> Array:
        values = self._evaluated(self._vectors.full(theta))
        return values if self._less is None else values - self._less.log_density(theta)

    def evaluated_by(self, others: LogLikelihood) -> "OfFunction":
        return OfFunction(self.user, others, self._vectors, self._less)


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
