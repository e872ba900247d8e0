"""Effective draws per second of importance sampling against emcee's stretch move.

    python benchmarks/importance.py [seconds of emcee]

The posterior is that of 24 smooth data in 2, 3 and 4 parameters (Om, w, wa and an offset), at 0.2
to 0.4 us for each evaluation in a batch. Importance sampling is timed as a whole run, with
tempering, adapting, checkpoints and files, to convergence.ln_z_sd = 0.003 and to 0.001; emcee as
its bare vectorised loop in memory, 32 walkers, begun at the posterior's top, as if no step had to
be discarded: ESS = draws / tau of the slowest parameter, tau from the last four fifths.
Seconds are of the process's CPU time, so that a busy machine does not decide.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import emcee
import numpy as np

from app.config.janus.sampler import Convergence, Importance, SamplingCheckpoint
from app.durable.run import DurableRun
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers import importance
from app.pipelines.janus.samplers.task import SamplingTask

LOW = np.array([0.05, -2.0, -4.0, -1.0])
HIGH = np.array([0.7, -0.3, 2.0, 1.0])
TRUE = np.array([0.33, -1.0, 0.0, 0.0])
WALKERS = 32


@dataclass(frozen=True)
class Flat:
    """A flat prior."""

    low: Array
    high: Array

    @property
    def names(self) -> tuple[str, ...]:
        return ("Om", "w", "wa", "offset")[: len(self.low)]

    @property
    def bounds(self) -> Array:
        return np.column_stack([self.low, self.high])

    def log_density(self, theta: Array) -> Array:
        inside = ((theta >= self.low) & (theta <= self.high)).all(axis=1)
        return np.where(inside, -np.log(self.high - self.low).sum(), -np.inf)

    def transform(self, unit: Array) -> Array:
        return self.low + unit * (self.high - self.low)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return self.transform(rng.random((count, len(self.low))))


class Moduli:
    """5 log10 of the mean of 1/E over [0, z] at 24 redshifts, each known to `sd` mag."""

    def __init__(self, sd: float = 0.001) -> None:
        z = np.linspace(0.02, 2.3, 24)
        self.log_a = np.log1p(z)
        self.fall = z / (1.0 + z)
        steps = np.diff(z, prepend=0.0)
        self.means = np.tril(np.tile(steps, (24, 1))).T / z
        self.sd, self.data = sd, np.zeros(24)
        self.data = self.moduli(TRUE[None])[0]

    def moduli(self, theta: Array) -> Array:
        full = np.tile(TRUE, (len(theta), 1))
        full[:, : theta.shape[1]] = theta
        om, w, wa, offset = (full[:, [i]] for i in range(4))
        dark = np.exp(3.0 * (1.0 + w + wa) * self.log_a - 3.0 * wa * self.fall)
        rate = np.sqrt(om * np.exp(3.0 * self.log_a) + (1.0 - om) * dark)
        value: Array = -5.0 * np.log10((1.0 / rate) @ self.means) + offset
        return value

    def __call__(self, theta: Array) -> Array:
        off = (self.moduli(theta) - self.data) / self.sd
        value: Array = -0.5 * np.einsum("wk,wk->w", off, off)
        return value


def weighted(ndim: int, ln_z_sd: float) -> tuple[float, float, int]:
    """Effective draws, seconds and evaluations of a whole run."""
    posterior = Posterior(Flat(LOW[:ndim], HIGH[:ndim]), Moduli(), {})
    with (
        tempfile.TemporaryDirectory() as folder,
        DurableRun(Path(folder), study="bench", run_name="a", phases={"sample": 1.0}) as run,
        run.phase("sample"),
    ):
        task = SamplingTask(
            posterior, Convergence(ln_z_sd=ln_z_sd), SamplingCheckpoint(), run, "m", 1, {}
        )
        began = time.process_time()
        draws = importance.sample(task, Importance(kind="importance"))
        seconds = time.process_time() - began
    weight = draws.kept()[1]
    print(
        f"    ended {draws.ended}, {draws.details['adaptation_batches']} adaptation batches, "
        f"efficiency {draws.details['efficiency']:.2f}"
    )
    return 1.0 / float(weight @ weight), seconds, draws.evaluations


def stretched(ndim: int, limit_s: float) -> tuple[float, float, int]:
    """The same of emcee's stretch move."""
    posterior = Posterior(Flat(LOW[:ndim], HIGH[:ndim]), Moduli(), {})
    rng = np.random.default_rng(1)
    start = TRUE[:ndim] + 1e-2 * rng.standard_normal((WALKERS, ndim))
    sampler = emcee.EnsembleSampler(WALKERS, ndim, posterior.log_prob, vectorize=True)
    began = time.process_time()
    state, steps = start, 0
    while time.process_time() - began < limit_s:
        state = sampler.run_mcmc(state, 500)
        steps += 500
    seconds = time.process_time() - began
    chain = sampler.get_chain()[steps // 5 :]
    tau = emcee.autocorr.integrated_time(chain, quiet=True).max()
    return steps * WALKERS / tau, seconds, steps * WALKERS  # as if nothing were discarded


def main() -> None:
    limit_s = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    likelihood = Moduli()
    weighted(2, 0.1)  # warm: imports
    for ndim in (2, 3, 4):
        theta = np.tile(TRUE[:ndim], (4096, 1))
        began = time.process_time()
        for _ in range(20):
            likelihood(theta)
        cost = (time.process_time() - began) / 20 / 4096 * 1e6
        print(f"{ndim} parameters, {cost:.2f} us for an evaluation in a batch of 4096")
        ess, seconds, count = stretched(ndim, limit_s)
        base = ess / seconds
        print(f"  emcee stretch: ESS/s {base:9.0f}, ESS/evaluation {ess / count:.4f}")
        for ln_z_sd in (0.003, 0.001):
            ess, seconds, count = weighted(ndim, ln_z_sd)
            print(
                f"  importance to {ln_z_sd}: ESS {ess:.0f} in {seconds:.2f} s, ESS/s "
                f"{ess / seconds:9.0f} ({ess / seconds / base:.0f}x), ESS/evaluation "
                f"{ess / count:.3f}"
            )


if __name__ == "__main__":
    main()
