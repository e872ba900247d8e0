"""One step of an ensemble by emcee's moves (Foreman-Mackey et al. 2013, PASP 125, 306).

emcee's `EnsembleSampler` is left out: it changes walkers in place, half of them at a time, so that
an exception in between (a signal, a deadline) leaves an ensemble that was never a state of the
chain; and it prints a traceback for each of these. Here a step begins with copies and ends with a
new `Ensemble`. The draws are those of `EnsembleSampler` with the same generator, bit by bit.

All that is random in a step comes from the one `RandomState`: the choice of the move, the split,
the proposals (the KDE's too, from SciPy) and the acceptance. It stands on PCG64, whose state is
read in a microsecond.

The snooker move is our own: emcee 3.1.6's leaves another distribution than the posterior invariant
(standard deviations of a Gaussian 6 % too small in 2 dimensions, 18 % in 6, measured here; mended
in dfm/emcee#531, which no release has).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from emcee import moves as emcee_moves
from emcee.model import Model
from emcee.state import State

from app.config.janus.sampler import Emcee, Move
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior

GAMMA = 1.7  # of snooker moves, by their authors


class Snooker(emcee_moves.RedBlueMove):  # type: ignore[misc]
    """Along the line through another walker (ter Braak & Vrugt 2008, Stat. Comput. 18, 435): by
    `GAMMA` times the difference of two more, projected onto it."""

    def __init__(self) -> None:
        super().__init__(nsplits=4)  # one quarter moves by the three others

    def get_proposal(
        self, moving: Array, others: Sequence[Array], random: np.random.RandomState
    ) -> tuple[Array, Array]:
        """Proposals (w, d), and log of the factor of their acceptance, (w,)."""
        count, d = moving.shape
        one_of_each = np.array([group[random.randint(len(group), size=count)] for group in others])
        order = random.rand(3, count).argsort(axis=0)
        origin, first, second = one_of_each[order, np.arange(count)]
        away = moving - origin
        distance = np.sqrt((away**2).sum(axis=1))
        with np.errstate(divide="ignore", invalid="ignore"):  # two walkers in one place: rejected
            along = away / distance[:, None]
            step = GAMMA * ((first - second) * along).sum(axis=1)
            proposed = moving + step[:, None] * along
            ratio = np.sqrt(((proposed - origin) ** 2).sum(axis=1)) / distance
            return proposed, (d - 1.0) * np.log(ratio)


MOVES = {
    "stretch": emcee_moves.StretchMove,
    "walk": emcee_moves.WalkMove,
    "de": emcee_moves.DEMove,
    "de_snooker": Snooker,
    "kde": emcee_moves.KDEMove,
}
START_ROUNDS = 1000  # draws of the prior for each walker, at most


@dataclass(frozen=True)
class Ensemble:
    """Walkers between two steps; never changed."""

    theta: Array  # (W, d)
    parts: Array  # (W, 2): log-likelihood, log-prior
    accepted: np.ndarray[Any, np.dtype[np.int64]]  # (W,): proposals, since the start
    random: Mapping[str, Any]  # state of its generator; JSON


class Stepper:
    """Moves ensembles; `generators`: one for each of them.

    Raises:
        ConfigError: too few walkers for the parameters.
    """

    def __init__(
        self,
        posterior: Posterior,
        sampler: Emcee,
        generators: Sequence[np.random.RandomState],
    ) -> None:
        require_enough_walkers(sampler, posterior.ndim)
        self._posterior, self._generators = posterior, generators
        self._moves = [MOVES[move.name]() for move in sampler.moves]
        self._until = _cumulative(sampler.moves)
        self._models = [Model(None, self._log_prob, map, random) for random in generators]

    def begun(self, number: int, theta: Array, parts: Array) -> Ensemble:
        """Ensemble `number` before its first step."""
        none = np.zeros(len(theta), np.int64)
        return Ensemble(theta, parts, none, _state_of(self._generators[number]))

    def moved(self, number: int, ensemble: Ensemble) -> Ensemble:
        """Ensemble `number` after one step more. Its generator must be where it was left."""
        random = self._generators[number]
        move = self._moves[int(self._until.searchsorted(random.random_sample(), side="right"))]
        before = State(
            ensemble.theta.copy(),
            log_prob=ensemble.parts[:, 0] + ensemble.parts[:, 1],
            blobs=ensemble.parts.copy(),
        )
        try:
            after, accepted = move.propose(self._models[number], before)
        except np.linalg.LinAlgError as error:
            raise SuperiorError(
                f"the walkers' covariance cannot be factorised ({error}): two parameters depend on "
                "each other exactly, or there are too few walkers; try sampler.moves=[{name: de}]"
            ) from error
        return Ensemble(after.coords, after.blobs, ensemble.accepted + accepted, _state_of(random))

    def _log_prob(self, theta: Array) -> tuple[Array, Array]:
        """As emcee's moves ask for it: (w,), and what travels with it."""
        parts = parts_of(self._posterior, theta)
        return parts[:, 0] + parts[:, 1], parts


def require_enough_walkers(sampler: Emcee, d: int) -> None:
    """Raises ConfigError."""
    names = [move.name for move in sampler.moves]
    least = max(4, 2 * (d + 1) if "kde" in names else 2 * d)
    if sampler.walkers < least:
        raise ConfigError(
            f"sampler.walkers: {sampler.walkers} are too few for {d} parameters and the moves "
            f"{', '.join(names)}; at least {least}, better {max(32, 2 * least)}"
        )


def parts_of(posterior: Posterior, theta: Array) -> Array:
    """(w, 2): log-likelihood and log-prior of the rows of theta; -inf for rows not finite.

    Raises:
        SuperiorError: the log-posterior of a row is NaN or +inf.
    """
    parts = np.full((len(theta), 2), -np.inf)
    finite = np.isfinite(theta).all(axis=1)
    if finite.all():
        parts[:, 0], parts[:, 1] = posterior.both(theta)
    elif finite.any():
        parts[finite, 0], parts[finite, 1] = posterior.both(theta[finite])
    wrong = ~(parts[:, 0] + parts[:, 1] < np.inf)
    if wrong.any():
        at = int(np.argmax(wrong))
        values = dict(zip(posterior.names, theta[at].tolist(), strict=True))
        raise SuperiorError(
            f"the log-posterior is {parts[at].sum()} (log-likelihood {parts[at, 0]}) at {values}; "
            "it must be finite, or -inf where the model does not exist"
        )
    return parts


def starts(posterior: Posterior, walkers: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws of the prior at which the posterior is not 0: theta (W, d), parts (W, 2).

    Raises:
        SuperiorError: there are too few of them.
    """
    theta, parts = np.empty((0, posterior.ndim)), np.empty((0, 2))
    for _ in range(START_ROUNDS):
        drawn = posterior.prior.draw(rng, walkers)
        found = parts_of(posterior, drawn)
        good = found.min(axis=1) > -np.inf
        theta = np.concatenate((theta, drawn[good]))[:walkers]
        parts = np.concatenate((parts, found[good]))[:walkers]
        if len(theta) == walkers:
            return theta, parts
    raise SuperiorError(
        f"only {len(theta)} of {START_ROUNDS * walkers} draws of the prior have a posterior above "
        f"0, and {walkers} walkers are to start; narrow the prior to where the model exists"
    )


def generator(seed: np.random.SeedSequence) -> np.random.RandomState:
    """Of the kind emcee's moves want."""
    return np.random.RandomState(np.random.PCG64(seed))


def _state_of(random: np.random.RandomState) -> Mapping[str, Any]:
    state: Mapping[str, Any] = random.get_state(legacy=False)
    return state


def _cumulative(moves: Sequence[Move]) -> Array:
    """As RandomState.choice computes it."""
    weights = np.array([move.weight for move in moves], np.float64)
    weights /= np.sum(weights)
    until: Array = weights.cumsum()
    until /= until[-1]
    return until
