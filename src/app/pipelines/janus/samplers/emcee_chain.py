"""Chains of emcee's ensembles: several that know nothing of each other, one step of each in turn.

Every step goes to an append-only file (`chain_file`); a checkpoint holds walkers, generators and
how much of the file counts, so that a run which was killed anywhere ends with the draws it would
have ended with. Walkers start at draws of the prior. Convergence is looked at each time the chain
has grown by `looks.GROWTH`: a matter of steps, never of time.

Steps left out, unless told: two autocorrelation times (Sokal), a fifth while these are not known;
and never less than until every ensemble has come to the log-posterior of its later half.
"""

import logging
import math
import time
from dataclasses import replace
from functools import partial

import numpy as np

from app.config.janus.sampler import Emcee
from app.errors import ConfigError, ResumeError, SuperiorError
from app.pipelines.janus.convergence import Check, check_chain
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.chain_file import ChainFile, Kept
from app.pipelines.janus.samplers.chain_state import Look, Whole, kept_in, record_of, restored
from app.pipelines.janus.samplers.looks import is_due, next_look
from app.pipelines.janus.samplers.moves import Stepper, generator, starts
from app.pipelines.janus.samplers.task import SamplingTask

CHAIN = "chain.f64"

log = logging.getLogger(__name__)


def sample(task: SamplingTask, sampler: Emcee) -> Draws:
    """Goes on from the newest checkpoint, until converged, all steps are done, or the deadline.

    A chain that ended may be given more `steps`, or other targets: it goes on, and ends as one that
    had these from the start.

    Raises:
        ConfigError: too few walkers for the parameters; all steps are to be discarded.
        ResumeError: the checkpoint is of another signature, has more steps than are asked for now,
            or its chain is damaged.
        SuperiorError: no start is found; the time is over before the first step.
    """
    if sampler.discard is not None and sampler.discard >= sampler.steps:
        raise ConfigError(
            f"sampler.discard: {sampler.discard} of {sampler.steps} steps leave nothing; give less,"
            " or null for two autocorrelation times"
        )
    chain = Chain(task, sampler)
    loaded = task.run.resume(task.signature, loop=task.name)
    shape = (sampler.ensembles, sampler.walkers, task.posterior.ndim + 2)
    kept = Kept.of_state(loaded.snapshot.state["chain"]) if loaded else None
    with ChainFile(task.folder / CHAIN, shape, kept) as file:
        if loaded is not None:
            chain.restore(restored(loaded.snapshot))
        task.carry_out(partial(chain.run, file), partial(chain.save, file))
        return chain.draws(file)


class Chain:
    """The ensembles at work."""

    def __init__(self, task: SamplingTask, sampler: Emcee) -> None:
        self._task, self._sampler = task, sampler
        seeds = np.random.SeedSequence(task.seed).spawn(sampler.ensembles)
        self._seeds = [seed.spawn(2) for seed in seeds]  # of its starts, of its steps
        self._generators = [generator(steps) for _, steps in self._seeds]
        self._stepper = Stepper(task.posterior, sampler, self._generators)
        self._unit = f"{task.name} step"
        self._whole: Whole | None = None
        self._saved: Whole | None = None
        self._saved_at = time.monotonic()
        self._ended = "deadline"

    def restore(self, whole: Whole) -> None:
        """Goes back to where `whole` is, the generators too."""
        if whole.step > self._sampler.steps:
            raise ResumeError(
                f"sampler.steps={self._sampler.steps}: {self._task.name} has {whole.step} already; "
                f"give at least {whole.step}, or begin anew with checkpoint.resume=false or "
                "another run_name="
            )
        looks = tuple(look for look in whole.looks if is_due(look.step))
        self._whole = self._saved = replace(whole, looks=looks)
        for random, ensemble in zip(self._generators, whole.ensembles, strict=True):
            random.set_state(dict(ensemble.random))

    def run(self, file: ChainFile) -> None:
        """To the end. Whatever strikes, `_whole` is a state of the chain, and in `file`."""
        if self._whole is None:
            self._whole = self._begun()
        while not (ended := self._end(file)):
            self._step(file)
            self._checkpoint_if_due(file)
            self._task.advance(
                self._whole.step / self._expected(),
                {"step": self._whole.step, "steps": self._sampler.steps},
                {"steps": 1},
            )
        self._ended = ended

    def save(self, file: ChainFile) -> None:
        """What is whole goes to the disk."""
        if self._whole is not None and self._whole is not self._saved:
            self._task.run.checkpoint_now(kept_in(file, self._whole))
            self._saved = self._whole

    def draws(self, file: ChainFile) -> Draws:
        """Every step there is."""
        whole = self._whole
        if whole is None or not whole.step:
            raise SuperiorError(
                f"the time was over before the first step of {self._task.name}; give it more time"
            )
        file.cut(whole.step)
        records = np.moveaxis(file.read(), 0, 1)
        look = whole.looks[-1] if whole.looks else None
        at_end = look is not None and look.step == whole.step
        discard = look.discard if look and at_end else self._discard(records, look)
        return Draws(
            names=self._task.posterior.names,
            theta=np.ascontiguousarray(records[..., :-2]),
            log_likelihood=np.ascontiguousarray(records[..., -2]),
            log_prior=np.ascontiguousarray(records[..., -1]),
            log_weight=None,
            accepted=whole.accepted.astype(np.float64),
            ended=self._ended,
            evaluations=whole.evaluations,
            discard=discard,
            thin=self._sampler.thin or _thin(look),
            details={
                "moves": [move.model_dump() for move in self._sampler.moves],
                "starts": "draws of the prior",
                "looks": [
                    {"step": look.step, "discard": look.discard, "tau": look.tau.tolist()}
                    for look in whole.looks
                ],
            },
        )

    def _begun(self) -> Whole:
        before = self._task.posterior.evaluations
        ensembles = []
        for number, (seed, _) in enumerate(self._seeds):
            rng = np.random.default_rng(seed)
            theta, parts = starts(self._task.posterior, self._sampler.walkers, rng)
            ensembles.append(self._stepper.begun(number, theta, parts))
        return Whole(0, tuple(ensembles), self._task.posterior.evaluations - before)

    def _step(self, file: ChainFile) -> None:
        assert self._whole is not None
        whole, before = self._whole, self._task.posterior.evaluations
        with self._task.run.unit(self._unit):
            moved = tuple(
                self._stepper.moved(number, ensemble)
                for number, ensemble in enumerate(whole.ensembles)
            )
        asked = self._task.posterior.evaluations - before
        file.append(record_of(moved))
        self._whole = replace(
            whole, step=whole.step + 1, ensembles=moved, evaluations=whole.evaluations + asked
        )

    def _end(self, file: ChainFile) -> str:
        """Why the chain ends here, or ''."""
        assert self._whole is not None
        is_last = self._whole.step >= self._sampler.steps
        is_adaptive = self._task.convergence.adaptive
        if not is_last and not (is_adaptive and is_due(self._whole.step)):
            return ""
        check = self._look(file)
        if is_adaptive and not check.unmet:
            return "converged"
        return "steps" if is_last else ""

    def _look(self, file: ChainFile) -> Check:
        """Looking again at the same step, after a resume, finds the same."""
        assert self._whole is not None
        whole, earlier = self._whole, self._whole.earlier()
        records = np.moveaxis(file.read(), 0, 1)
        discard = self._discard(records, earlier)
        check = check_chain(
            np.ascontiguousarray(records[:, discard:, :, :-2]),
            whole.accepted.astype(np.float64),
            whole.step,
            earlier.tau if earlier is not None else None,
            self._task.convergence,
            self._task.posterior.names,
        )
        unknown = np.full(self._task.posterior.ndim, np.nan)
        look = Look(whole.step, discard, unknown if check.tau is None else check.tau)
        looks = tuple(look for look in whole.looks if look.step < whole.step)
        self._whole = replace(whole, looks=(*looks, look))
        self._task.run.event(
            "CONVERGENCE_LOOK",
            loop=self._task.name,
            step=whole.step,
            discard=discard,
            tau=look.tau.tolist(),
            unmet=list(check.unmet),
        )
        unmet = check.unmet[0] if check.unmet else "converged"
        more = f" (and {len(check.unmet) - 1} more)" if len(check.unmet) > 1 else ""
        log.info("%s: %d steps: %s%s", self._task.name, whole.step, unmet, more)
        return check

    def _discard(self, records: Array, look: Look | None) -> int:
        """Of records (E, S, W, d + 2): steps to leave out, at most half."""
        steps = int(records.shape[1])
        if self._sampler.discard is not None:
            return min(self._sampler.discard, steps - 1)
        known = look is not None and bool(np.isfinite(look.tau).all())
        two_tau = math.ceil(2.0 * float(look.tau.max())) if look and known else steps // 5
        return min(max(two_tau, _settled(records)), steps // 2)

    def _expected(self) -> float:
        """How many steps it will take, as far as the last look can tell."""
        assert self._whole is not None
        limit: float = self._sampler.steps
        targets = self._task.convergence
        look = self._whole.looks[-1] if self._whole.looks else None
        if not targets.adaptive or look is None or not np.isfinite(look.tau).all():
            return limit
        walkers = self._sampler.ensembles * self._sampler.walkers
        in_tau = max(targets.tau_multiple, targets.ess / walkers)
        need: float = look.discard + in_tau * float(look.tau.max())
        return min(max(need, next_look(self._whole.step)), limit)

    def _checkpoint_if_due(self, file: ChainFile) -> None:
        assert self._whole is not None
        due = self._task.checkpoint
        since = time.monotonic() - self._saved_at
        if self._whole.step % due.every == 0 or since >= due.seconds:
            self._task.run.checkpoint(kept_in(file, self._whole))
            self._saved, self._saved_at = self._whole, time.monotonic()


def _settled(records: Array) -> int:
    """The step by which every ensemble's mean log-posterior has reached the median of that of its
    later half."""
    level = (records[..., -2] + records[..., -1]).mean(axis=2)  # (E, S)
    later = np.median(level[:, level.shape[1] // 2 :], axis=1)
    return int(np.argmax(level >= later[:, None], axis=1).max())


def _thin(look: Look | None) -> int:
    """Half the shortest autocorrelation time."""
    if look is None or not np.isfinite(look.tau).all():
        return 1
    return max(int(0.5 * float(look.tau.min())), 1)
