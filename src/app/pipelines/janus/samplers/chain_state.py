"""Where a chain of ensembles is, between two steps, and the checkpoint made of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.durable.checkpoint import Snapshot
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.samplers.chain_file import ChainFile
from app.pipelines.janus.samplers.moves import Ensemble


@dataclass(frozen=True)
class Look:
    """What was found when convergence was looked at."""

    step: int
    discard: int  # steps it left out
    tau: Array  # (d,), in steps; NaN: not known


@dataclass(frozen=True)
class Whole:
    """The chain after a step of every ensemble; replaced by the next one, never changed."""

    step: int
    ensembles: tuple[Ensemble, ...]
    evaluations: int
    looks: tuple[Look, ...] = ()

    @property
    def accepted(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(E, W)"""
        return np.array([ensemble.accepted for ensemble in self.ensembles])

    def earlier(self) -> Look | None:
        """The last look at fewer steps."""
        return next((look for look in reversed(self.looks) if look.step < self.step), None)


def record_of(ensembles: tuple[Ensemble, ...]) -> Array:
    """(E, W, d + 2): theta, log-likelihood, log-prior."""
    return np.array([np.hstack((ensemble.theta, ensemble.parts)) for ensemble in ensembles])


def kept_in(file: ChainFile, whole: Whole) -> Snapshot:
    """A checkpoint of `whole`; the records it counts on are on the disk before it is."""
    file.cut(whole.step)
    kept = file.sync()
    d = whole.ensembles[0].theta.shape[1]
    return Snapshot(
        {"step": whole.step, "evaluations": whole.evaluations},
        {
            "walkers": record_of(whole.ensembles),
            "accepted": whole.accepted,
            "look_steps": np.array([look.step for look in whole.looks], np.int64),
            "look_discards": np.array([look.discard for look in whole.looks], np.int64),
            "look_taus": np.array([look.tau for look in whole.looks], np.float64).reshape(-1, d),
        },
        {
            "rng_states": [dict(ensemble.random) for ensemble in whole.ensembles],
            "chain": kept.as_state(),
        },
    )


def restored(snapshot: Snapshot) -> Whole:
    """What `kept_in` made the checkpoint of."""
    arrays, states = snapshot.arrays, snapshot.state["rng_states"]
    ensembles = tuple(
        Ensemble(walkers[:, :-2].copy(), walkers[:, -2:].copy(), accepted, state)
        for walkers, accepted, state in zip(
            arrays["walkers"], arrays["accepted"], states, strict=True
        )
    )
    looks = tuple(
        Look(int(step), int(discard), tau)
        for step, discard, tau in zip(
            arrays["look_steps"], arrays["look_discards"], arrays["look_taus"], strict=True
        )
    )
    cursor = snapshot.cursor
    return Whole(int(cursor["step"]), ensembles, int(cursor["evaluations"]), looks)
