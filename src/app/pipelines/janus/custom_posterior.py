"""The posterior of a user's own log-probability."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from app.config.janus.cosmology import Custom
from app.config.janus.prior import Prior
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus import custom
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom import Function
from app.pipelines.janus.evaluation import (
    InThisProcess,
    Rejecting,
    RowError,
    checked_batch,
    told,
    values_of,
)
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
        own.on_error == "reject",
    )
    vectors = Vectors(names, independent.names, fixed)
    return Posterior(
        independent,
        OfFunction(asked, asked.here, vectors, independent if own.includes_prior else None),
        {
            "model": own.model_dump(mode="json", exclude={"prior", "on_error"}),
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
    rejects: bool = False  # it has probability 0 where it fails, or gives no log-probability

    def here(self, theta: Array) -> Array:
        """(w,): its values, evaluated in this process.

        Raises:
            SuperiorError: it fails, or gives no log-probability, at a vector.
        """
        values = self.marked(theta)
        return np.where(np.isnan(values), -np.inf, values) if self.rejects else values

    def marked(self, theta: Array) -> Array:
        """The same, but for NaN where it is rejected."""
        try:
            if self.is_vectorised:
                return checked_batch(self._batch(theta), theta, rejects=self.rejects)
            return InThisProcess(self.of_a_vector).values(theta)
        except RowError as error:
            error.rejectable |= self.is_vectorised and error.row >= 0
            raise told(error, theta, self.names, self.subject) from error

    @property
    def of_a_vector(self) -> Function:
        """What workers evaluate."""
        return Rejecting(self.function) if self.rejects else self.function

    def why_rejected(self, theta: Array) -> str:
        """What is wrong at (d,), asked once more."""
        try:
            if self.is_vectorised:
                checked_batch(self._batch(theta[None]), theta[None])
            else:
                values_of(self.function, theta[None])
        except RowError as error:
            return error.said
        except SuperiorError as error:
            return str(error).partition("\n")[0].removeprefix(f"{self.subject} ")
        return "gave no log-probability, and does when it is asked again"

    def _batch(self, theta: Array) -> Array:
        try:
            value: Array = self.function(theta.copy())
        except (Exception, SystemExit) as error:  # the user's code may fail in any way
            raise SuperiorError(
                f"{self.subject} raised {type(error).__name__}: {error}{custom.place_of(error)}\n"
                f"  for theta of shape {theta.shape}"
                + (
                    "\n  cosmology.on_error=reject leaves single vectors out, and this ends a "
                    "whole batch: let it give NaN where it has no value"
                    if self.rejects
                    else ""
                )
            ) from error
        return value


class OfFunction:
    """A user's function of the sampled parameters, less the prior where that is in its values.

    `evaluated` is who is asked for them: `user.here`, or workers. A prior that is in the values
    still ends what is sampled: no posterior asks outside of its bounds.
    """

    def __init__(
        self,
        user: UserFunction,
        evaluated: LogLikelihood,
        vectors: Vectors,
        less: IndependentPrior | None,
    ) -> None:
        self.user, self.evaluated, self._vectors, self._less = user, evaluated, vectors, less

    @property
    def includes_prior(self) -> bool:
        return self._less is not None

    def __call__(self, theta: Array) -> Array:
        values = self.evaluated(self._vectors.full(theta))
        return values if self._less is None else values - self._less.log_density(theta)

    def value_or_none(self, theta: Array) -> float:
        """The function's own value at (d,), anywhere, evaluated in this process; -inf where it
        fails, as it may where it was not meant to be asked."""
        try:
            with np.errstate(all="ignore"):
                return float(self.user.here(self._vectors.full(theta[None]))[0])
        except SuperiorError:
            return -np.inf

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
