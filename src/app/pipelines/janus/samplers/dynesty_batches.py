"""dynesty's proposals, many at a time, so that the likelihood is asked for batches.

dynesty proposes one point at a time and asks for its likelihood; with a pool it keeps a queue of
proposals made under one threshold, and throws away those that are no longer above it. Here the
whole queue is made and evaluated at once, before the `pool` (of this process) is asked to map it.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from dynesty import NestedSampler
from dynesty.internal_samplers import RWalkSampler, SamplerReturn, UniformBoundSampler
from dynesty.utils import LoglOutput, get_random_generator

from app.config.janus.sampler import Dynesty
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.posterior import LogLikelihood, Prior
from app.pipelines.janus.samplers.task import SamplingTask

BATCH = 64  # proposals at a time; at most an eighth of the live points, which they are to replace
SHARE = 8
UNIFORM_BELOW, WALK_UP_TO = 10, 20  # parameters: dynesty's own choice of `auto`


class Target(NamedTuple):
    """What is sampled: points of the unit cube (w, d) -> theta (w, d), log-likelihood (w,)."""

    prior: Prior
    log_likelihood: LogLikelihood

    def both(self, unit: Array) -> tuple[Array, Array]:
        theta = self.prior.transform(unit)
        return theta, self.log_likelihood(theta)

    def theta_of(self, unit: Array) -> Array:
        theta: Array = self.prior.transform(unit[None])[0]
        return theta

    def value_of(self, theta: Array) -> float:
        return float(self.log_likelihood(theta[None])[0])


def nested_sampler(task: SamplingTask, sampler: Dynesty, log_likelihood: LogLikelihood) -> Any:
    """A `dynesty.NestedSampler` whose live points are drawn."""
    target = Target(task.posterior.prior, log_likelihood)
    ndim = task.posterior.ndim
    queue = max(1, min(BATCH, sampler.live_points // SHARE))
    proposals = _proposals(sampler, ndim, target)
    nested = NestedSampler(
        target.value_of,
        target.theta_of,
        ndim,
        nlive=sampler.live_points,
        bound=sampler.bound,
        sample=proposals,
        rstate=np.random.Generator(np.random.PCG64(task.seed)),
        pool=_Pool(target, queue),
        queue_size=1 if isinstance(proposals, str) else queue,
        use_pool={"update_bound": False},
    )
    # Its wrappers print whatever is raised in them, a signal too, before they raise it again.
    nested.prior_transform = target.theta_of
    nested.loglikelihood.loglikelihood = target.value_of
    nested.internal_sampler = Uniform(ndim=ndim, target=target)  # in the cube, until it has bounds
    return nested


def _proposals(sampler: Dynesty, ndim: int, target: Target) -> Any:
    """Slices are looked for one point at a time: each point says where the next may be."""
    method = sampler.sample
    if method == "auto":
        method = "unif" if ndim < UNIFORM_BELOW else "rwalk" if ndim <= WALK_UP_TO else "rslice"
    if method == "unif":
        return Uniform(target=target)
    if method == "rwalk":
        return Walk(target=target, walks=ndim + 20)
    return method


class Uniform(UniformBoundSampler):  # type: ignore[misc]
    """Every entry of the queue is one point of the bound, above the threshold or not: dynesty
    takes the first that is."""

    def prepare_sampler(
        self,
        loglstar: float,
        points: list[Array],
        seeds: list[Any],
        nested_sampler: Any,
        **_: Any,
    ) -> list[Any]:
        bound, rng = nested_sampler.bound, get_random_generator(seeds[0])
        if bound.need_centers:
            bound.ctrs = nested_sampler.live_u
        unit = np.empty((0, nested_sampler.ndim))
        while len(unit) < len(points):
            drawn = bound.samples(len(points) - len(unit), rstate=rng)
            unit = np.concatenate([unit, drawn[_in_cube(drawn)]])
        theta, values = self.input_kwargs["target"].both(unit)
        return [
            _entry(u, v, value, calls=1) for u, v, value in zip(unit, theta, values, strict=True)
        ]

    @staticmethod
    def sample(entry: Any) -> Any:
        return entry


class Walk(RWalkSampler):  # type: ignore[misc]
    """As many random walks as the queue has entries, in step."""

    def prepare_sampler(
        self,
        loglstar: float,
        points: list[Array],
        axes: list[Array],
        seeds: list[Any],
        **_: Any,
    ) -> list[Any]:
        target, walks = self.input_kwargs["target"], self.sampler_kwargs["walks"]
        rng = get_random_generator(seeds[0])
        unit, shapes = np.array(points), np.array(axes)
        theta, values = target.prior.transform(unit), np.full(len(unit), np.nan)
        accepted = np.zeros(len(unit), dtype=int)
        for _step in range(walks):
            asked = unit + self.scale * np.einsum("kij,kj->ki", shapes, _in_balls(rng, unit.shape))
            inside = np.flatnonzero(_in_cube(asked))
            if not len(inside):
                continue
            asked_theta, asked_values = target.both(asked[inside])
            above = asked_values > loglstar
            moved = inside[above]
            unit[moved], theta[moved] = asked[moved], asked_theta[above]
            values[moved] = asked_values[above]
            accepted[moved] += 1
        still = np.flatnonzero(accepted == 0)  # where the walk began is a point of the live set
        if len(still):
            theta[still], values[still] = target.both(unit[still])
        return [
            _entry(
                unit[k], theta[k], values[k], calls=walks,
                tuning={"accept": int(n), "reject": int(walks - n), "scale": self.scale},
            )
            for k, n in enumerate(accepted)
        ]  # fmt: skip

    @staticmethod
    def sample(entry: Any) -> Any:
        return entry


class _Pool:
    """The live points are drawn in batches too; everything else is mapped one by one."""

    def __init__(self, target: Target, batch: int) -> None:
        self._target, self._batch = target, batch

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        wrapped = getattr(function, "loglikelihood", function)
        inner = getattr(wrapped, "func", None)
        if inner == self._target.theta_of:
            return list(self._target.prior.transform(np.asarray(items)))
        if inner == self._target.value_of:
            theta = np.asarray(items)
            starts = range(0, len(theta), self._batch)
            parts = [self._target.log_likelihood(theta[s : s + self._batch]) for s in starts]
            return [LoglOutput(value, False) for value in np.concatenate(parts)]
        return [function(item) for item in items]


def _entry(unit: Array, theta: Array, value: float, *, calls: int, tuning: Any = None) -> Any:
    return SamplerReturn(
        u=unit, v=theta, logl=value, ncalls=calls, evaluation_history=[], tuning_info=tuning,
        proposal_stats=None,
    )  # fmt: skip


def _in_cube(unit: Array) -> Mask:
    inside: Mask = np.all((unit > 0.0) & (unit < 1.0), axis=1)
    return inside


def _in_balls(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """(k, d): each uniform in the unit ball."""
    direction = rng.standard_normal(shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius: Array = rng.random((shape[0], 1)) ** (1.0 / shape[1])
    return radius * direction
