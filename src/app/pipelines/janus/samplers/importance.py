"""Adaptive importance sampling: population Monte Carlo with mixtures of t distributions.

    draws from the prior -> tempered posteriors L^beta, beta up to 1, by each population -> one
    proposal for all that they found, adapted until the perplexity of its weights is stable -> it is
    frozen -> draws, until converged

Cappe et al. (2008), Statistics and Computing 18:447, for the proposals and the perplexity; Del
Moral, Doucet & Jasra (2006) for tempering by effective sample size. Populations search by
themselves, so that what one of them misses is found by another, and draw by themselves, so that
their spread tells the error. Only draws from the frozen proposal count; they give the evidence too,
the mean of their weights. A few of them come from the prior, so that no weight is without a bound.
"""

import time
from dataclasses import replace

from app.config.janus.sampler import Importance
from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.chain_file import ChainFile, Kept
from app.pipelines.janus.samplers.importance_draws import draws_of, rows_of
from app.pipelines.janus.samplers.importance_look import looked
from app.pipelines.janus.samplers.importance_state import State
from app.pipelines.janus.samplers.pool import batch_of, generator_of
from app.pipelines.janus.samplers.populations import tempered
from app.pipelines.janus.samplers.proposal import improved
from app.pipelines.janus.samplers.task import SamplingTask

ADAPTING = 0.1  # of the progress


def sample(task: SamplingTask, sampler: Importance) -> Draws:
    """Weighted draws (E, N, 1, d) of E populations, and ln Z of the normalised prior.

    ended: converged, batches (all of them, and short of a target), or deadline.

    Draws that ended may be given more batches, or other targets: they go on.

    Raises:
        ConfigError: the likelihood is 0 at every draw from the prior.
        ResumeError: the checkpoints are of another signature, or there are more batches already
            than are asked for now.
        SuperiorError: the deadline came before the first batch of draws.
    """
    loaded = task.run.resume(task.signature, loop=task.name)
    state = State.of_snapshot(loaded.snapshot, sampler.df) if loaded else None
    if state is not None and state.rounds > sampler.max_batches:
        raise ResumeError(
            f"sampler.max_batches={sampler.max_batches}: {task.name} has {state.rounds} already; "
            f"give at least {state.rounds}, or begin anew with checkpoint.resume=false or another "
            "run_name="
        )
    kept = Kept.of_state(loaded.snapshot.state["draws"]) if loaded else None
    shape = sampler.batch, task.posterior.ndim + 3
    with ChainFile(task.folder / "draws.f64", shape, kept) as file:
        loop = _Loop(task, sampler, file, state)
        task.carry_out(loop.run, loop.save_now)
        return loop.draws()


class _Loop:
    """`state` changes by one assignment for each batch, its draws appended before."""

    def __init__(
        self, task: SamplingTask, sampler: Importance, file: ChainFile, state: State | None
    ) -> None:
        self._task, self._sampler, self._file = task, sampler, file
        self._saved = state
        self.state = state or State.first(task.seed, sampler.populations)
        self._batches_since, self._saved_at = 0, time.monotonic()

    def run(self) -> None:
        """Populations search, the proposal is improved, populations draw in turn."""
        if self.state.ended:
            self._look_again()
        while not self.state.ended:
            if not all(own.is_done for own in self.state.populations):
                self._temper()
            elif not self.state.proposal.is_frozen:
                self._improve()
            elif self.state.rounds < self.state.look:
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
        if self.state.used.stop == 0:
            raise SuperiorError(
                f"{self._task.name}: the time was over before the populations had adapted and "
                "drawn once; the same command with a larger budget.total goes on from here"
            )
        return draws_of(self.state, self._rows(), self._task.posterior.names)

    def _temper(self) -> None:
        """The population that is behind the others is taken on by one batch."""
        state, posterior = self.state, self._task.posterior
        behind = [own for own in state.populations if not own.is_done]
        own = min(behind, key=lambda one: one.batches)
        before = posterior.evaluations
        with self._task.run.unit(f"{self._task.name} batch"):
            learned = tempered(own, posterior, self._sampler)
        self.state = replace(
            state,
            populations=tuple(learned if one is own else one for one in state.populations),
            evaluations=state.evaluations + posterior.evaluations - before,
        )

    def _improve(self) -> None:
        state, posterior = self.state, self._task.posterior
        found = [own.pool.mixtures[-1] for own in state.populations]
        before = posterior.evaluations
        with self._task.run.unit(f"{self._task.name} batch"):
            proposal = improved(state.proposal, found, posterior, self._sampler)
        self.state = replace(
            state,
            proposal=proposal,
            evaluations=state.evaluations + posterior.evaluations - before,
        )

    def _draw(self) -> None:
        state, posterior = self.state, self._task.posterior
        number = state.records % len(state.populations)
        own = state.populations[number]
        rng, before = generator_of(own.rng), posterior.evaluations
        with self._task.run.unit(f"{self._task.name} batch"):
            batch = batch_of(state.proposal.mixture, posterior, rng, self._sampler.batch)
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
        task = self._task
        self.state = looked(self.state, self._rows(), task.convergence, self._sampler)

    def _look_again(self) -> None:
        """At draws that were enough: whether they still are, by the targets there are now."""
        task, ended = self._task, self.state.ended
        state = replace(self.state, ended="")
        again = looked(state, self._rows(), task.convergence, self._sampler)
        if again.ended != ended:
            self.state = again

    def _rows(self) -> Array:
        return rows_of(self.state, self._file, self._sampler.batch)

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
        state = self.state
        needed = state.starts[-1] + max(state.needed, state.look, 1) * len(state.populations)
        drawn = 1.0 if state.ended else min(state.records / needed, 0.99)
        fraction = ADAPTING * state.adapted + (1.0 - ADAPTING) * drawn
        self._task.advance(fraction, state.cursor, {"evaluations": float(self._sampler.batch)})
