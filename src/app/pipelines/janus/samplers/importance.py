"""Adaptive importance sampling: population Monte Carlo with mixtures of t distributions.

    draws from the prior -> tempered posteriors L^beta, beta up to 1 -> the proposal adapts, until
    the perplexity of its weights is stable -> the proposal is frozen -> draws, until converged

Cappe et al. (2008), Statistics and Computing 18:447, for the proposals and the perplexity; Del
Moral, Doucet & Jasra (2006) for tempering by effective sample size. Independent populations do this
each by itself, so that one that misses a part of the posterior is found out by the others. Only
draws from frozen proposals count; they give the evidence too, the mean of their weights. A few of
them come from the prior, so that no weight is without a bound.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from app.config.janus.sampler import Importance
from app.durable.checkpoint import Snapshot
from app.errors import SuperiorError
from app.pipelines.janus.convergence import check_weighted
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.chain_file import ChainFile, Kept
from app.pipelines.janus.samplers.populations import (
    Population,
    adapted,
    batch_of,
    first_populations,
    generator_of,
)
from app.pipelines.janus.samplers.task import SamplingTask

ADAPTING = 0.1  # of the progress
GROWTH = 2.0  # at most, of the draws between two looks at convergence


@dataclass(frozen=True)
class State:
    """All that the loop goes on from; replaced whole.

    `records`: batches from frozen proposals, of the populations in turn, all on file. `look`: how
    many of each population there are to be at the next look at convergence; `needed`: as many are
    expected in the end. `ended`: what ended the loop.
    """

    populations: tuple[Population, ...]
    records: int = 0
    evaluations: int = 0
    look: int = 1
    needed: int = 0
    ended: str = ""

    def snapshot(self, kept: Kept) -> Snapshot:
        arrays: dict[str, Array] = {}
        told = []
        for number, own in enumerate(self.populations):
            arrays |= {f"{number}/{name}": array for name, array in own.arrays().items()}
            told.append(own.as_state())
        state = {
            "populations": told,
            "draws": kept.as_state(),
            "evaluations": self.evaluations,
            "look": self.look,
            "needed": self.needed,
            "ended": self.ended,
        }
        return Snapshot(self.cursor, arrays, state)

    @property
    def cursor(self) -> dict[str, int]:
        adapting = sum(own.batches for own in self.populations)
        return {"adaptation_batches": adapting, "batches": self.records}

    @classmethod
    def of_snapshot(cls, kept: Snapshot, df: float) -> "State":
        populations = []
        for number, told in enumerate(kept.state["populations"]):
            prefix = f"{number}/"
            arrays = {
                name.removeprefix(prefix): array
                for name, array in kept.arrays.items()
                if name.startswith(prefix)
            }
            populations.append(Population.of(arrays, told, df))
        told = kept.state
        return cls(
            tuple(populations),
            told["draws"]["records"],
            told["evaluations"],
            told["look"],
            told["needed"],
            told["ended"],
        )


def sample(task: SamplingTask, sampler: Importance) -> Draws:
    """Weighted draws (E, N, 1, d) of E populations, and ln Z of the normalised prior.

    ended: converged, batches (all of them, and short of a target), or deadline.

    Raises:
        ConfigError: the likelihood is 0 at every draw from the prior.
        ResumeError: the checkpoints are of another signature.
        SuperiorError: the deadline came before the first batch of draws.
    """
    loaded = task.run.resume(task.signature, loop=task.name)
    state = State.of_snapshot(loaded.snapshot, sampler.df) if loaded else None
    kept = Kept.of_state(loaded.snapshot.state["draws"]) if loaded else None
    shape = sampler.batch, task.posterior.ndim + 3
    with ChainFile(task.folder / "draws.f64", shape, kept) as file:
        loop = _Loop(task, sampler, file, state)
        try:
            with task.run.until_deadline():
                loop.run()
        finally:
            loop.save_now()
        return loop.draws()


class _Loop:
    """`state` changes by one assignment for each batch, its draws appended before."""

    def __init__(
        self, task: SamplingTask, sampler: Importance, file: ChainFile, state: State | None
    ) -> None:
        self._task, self._sampler, self._file = task, sampler, file
        self._saved = state
        self.state = state or State(first_populations(task.seed, sampler.populations))
        self._batches_since, self._saved_at = 0, time.monotonic()

    def run(self) -> None:
        """Adapts every population, then draws from them in turn."""
        while not self.state.ended:
            if not all(own.is_frozen for own in self.state.populations):
                self._adapt()
            elif self.state.records < len(self.state.populations) * self.state.look:
                self._draw()
            else:
                self._look()
            self._save_when_due()
            self._advance()

    def save_now(self) -> None:
        """On disk: the newest state, and the draws it counts on."""
        state = self.state
        self._file.cut(state.records)
        if state is self._saved:
            return
        self._task.run.checkpoint_now(state.snapshot(self._file.sync()))
        self._saved = state

    def draws(self) -> Draws:
        """Those there are.

        Raises:
            SuperiorError: there is not one batch of each population.
        """
        state, populations = self.state, self._sampler.populations
        if state.records < populations:
            raise SuperiorError(
                f"{self._task.name}: the time was over before the populations had adapted and "
                "drawn once; the same command with a larger budget.total goes on from here"
            )
        rows = self._rows()
        d = self._task.posterior.ndim
        ln_z, ln_z_sd, each = evidence(rows[:, :, -1])
        log_weight = rows[:, :, -1] - np.logaddexp.reduce(rows[:, :, -1], axis=None)
        weight = np.exp(log_weight)
        return Draws(
            names=self._task.posterior.names,
            theta=np.ascontiguousarray(rows[:, :, None, :d]),
            log_likelihood=np.ascontiguousarray(rows[:, :, None, d]),
            log_prior=np.ascontiguousarray(rows[:, :, None, d + 1]),
            log_weight=log_weight[:, :, None],
            accepted=None,
            ended=state.ended or "deadline",
            evaluations=state.evaluations,
            ln_z=ln_z,
            ln_z_sd=ln_z_sd,
            details={
                "method": "adaptive importance sampling",
                "populations": populations,
                "batches": state.records // populations,
                "efficiency": float(1.0 / (weight * weight).sum() / weight.size),
                "ln_z_of_populations": [own if math.isfinite(own) else None for own in each],
                "adaptation_batches": [own.batches for own in state.populations],
                "perplexities": [list(own.perplexities) for own in state.populations],
                "components": [own.proposals[-1].size for own in state.populations],
            },
        )

    def _adapt(self) -> None:
        """The population that is behind the others is taken on by one batch."""
        state, posterior = self.state, self._task.posterior
        behind = [own for own in state.populations if not own.is_frozen]
        own = min(behind, key=lambda one: one.batches)
        before = posterior.evaluations
        with self._task.run.unit(f"{self._task.name} batch"):
            learned = adapted(own, posterior, self._sampler)
        self.state = replace(
            state,
            populations=tuple(learned if one is own else one for one in state.populations),
            evaluations=state.evaluations + posterior.evaluations - before,
        )

    def _draw(self) -> None:
        state, posterior = self.state, self._task.posterior
        number = state.records % len(state.populations)
        own = state.populations[number]
        rng, before = generator_of(own), posterior.evaluations
        with self._task.run.unit(f"{self._task.name} batch"):
            batch = batch_of(own.proposals[-1], posterior, rng, self._sampler.batch)
        self._file.append(batch)
        populations = [*state.populations]
        populations[number] = replace(own, rng=rng.bit_generator.state)
        self.state = replace(
            state,
            populations=tuple(populations),
            records=state.records + 1,
            evaluations=state.evaluations + posterior.evaluations - before,
        )

    def _look(self) -> None:
        """Whether the draws are enough, and when to look again."""
        state, most = self.state, self._sampler.max_batches
        rounds = state.records // len(state.populations)
        targets = self._task.convergence
        if not targets.adaptive:
            self.state = replace(
                state, look=most, needed=most, ended="batches" if rounds >= most else ""
            )
            return
        rows = self._rows()
        log_weight, d = rows[:, :, -1], self._task.posterior.ndim
        _, ln_z_sd, _ = evidence(log_weight)
        weight = np.exp(log_weight - log_weight.max())
        worth = float(weight.sum() ** 2 / (weight * weight).sum())
        lacking = max((ln_z_sd / targets.ln_z_sd) ** 2, targets.ess / worth)
        if lacking <= 1.0:
            check = check_weighted(rows[:, :, None, :d], log_weight[:, :, None], ln_z_sd, targets)
            if check.converged:
                self.state = replace(state, needed=rounds, ended="converged")
                return
        if rounds >= most:
            self.state = replace(state, needed=rounds, ended="batches")
            return
        lacking = float(np.clip(lacking if lacking > 1.0 else 1.5, 1.0, 1e6))
        needed = min(math.ceil(1.02 * rounds * lacking), most)
        look = min(max(needed, rounds + 1), math.ceil(GROWTH * rounds), most)
        self.state = replace(state, look=look, needed=needed)

    def _rows(self) -> Array:
        """(E, N, d + 3): every draw of whole rounds, population by population."""
        populations, columns = self._sampler.populations, self._file.shape[1]
        rounds = self.state.records // populations
        records = self._file.read()[: rounds * populations]
        turns = records.reshape(rounds, populations, self._sampler.batch, columns)
        return np.moveaxis(turns, 1, 0).reshape(populations, -1, columns)

    def _save_when_due(self) -> None:
        self._batches_since += 1
        due = self._task.checkpoint
        since = time.monotonic() - self._saved_at
        if self._batches_since < due.every and since < due.seconds:
            return
        state = self.state
        self._task.run.checkpoint(state.snapshot(self._file.sync()))
        self._batches_since, self._saved_at = 0, time.monotonic()

    def _advance(self) -> None:
        state, populations = self.state, self._sampler.populations
        adapting = sum(
            1.0 if own.is_frozen else 0.5 * own.beta + 0.4 * own.batches / (own.batches + 8.0)
            for own in state.populations
        )
        needed = max(state.needed, state.look, 1) * populations
        drawn = 1.0 if state.ended else min(state.records / needed, 0.99)
        fraction = ADAPTING * adapting / populations + (1.0 - ADAPTING) * drawn
        self._task.advance(fraction, state.cursor, {"evaluations": float(self._sampler.batch)})


def evidence(log_weight: Array) -> tuple[float, float, list[float]]:
    """ln Z and its standard deviation, and ln Z of each population, from log(posterior/proposal)
    (E, N).

    The standard deviation is the larger of two: from the spread of the weights in each population,
    and from that of the populations.
    """
    top = float(log_weight.max())
    weight = np.exp(log_weight - top)
    populations, count = weight.shape
    means = weight.mean(axis=1)
    mean = float(means.mean())
    within = float(weight.var(axis=1, ddof=1).sum()) / count / populations**2
    between = float(means.var(ddof=1)) / populations
    with np.errstate(divide="ignore"):
        each = (top + np.log(means)).tolist()
    return top + math.log(mean), math.sqrt(max(within, between)) / mean, each
