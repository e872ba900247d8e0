"""Claim: the study's default sampler (sampler=importance, as shipped) gives 50 times as many
effective draws a second as emcee's stretch move, and 100 times as many as nautilus and dynesty,
each run plainly by its own package on the same vectorised likelihood. One thread each.

    python benchmarks/samplers.py [--rounds 5] [--slow-rounds 3] [--count 1590]

The posterior: `count` simulated supernovae up to z = 2.26 with a dense covariance, offset
marginalised, likelihood compressed; curved LCDM (2 parameters), curved wCDM (3), and flat CPL with
absolute distances (4: H0 too). The whole run of ours is timed: adapting, convergence as shipped,
checkpoints, journal, files. Of the others:

emcee            EnsembleSampler, 32 walkers, vectorize=True, its own default (stretch) move, in
                 memory; begun at draws of the posterior, so that no step need be discarded
nautilus         1000 live points, its defaults otherwise (4 networks, n_eff 10,000), vectorized
dynesty          NestedSampler, 500 live points, dlogz 0.1, its defaults otherwise

Effective draws: of chains, draws / tau of the slowest parameter; of weights, (sum w)^2 / sum w^2.
Anchors and ours in turn, after one turn of ours that is not counted; ratios are the medians of
those of the rounds. nautilus and dynesty take many seconds, and part in the first `slow-rounds`
rounds only. `cpl_curved` (--posteriors) has a second mode, far away and thin, of dark energy below
0, with some per cent of the posterior.

Beside it, what durability costs a chain: seconds of a step of our emcee (4 ensembles of 32 walkers,
checkpoints every 1000 steps) to four steps of plain emcee with the same moves.
"""

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")

import argparse
import json
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emcee
import numpy as np
from dynesty import NestedSampler
from nautilus import Sampler

from app.config.compose import compose
from app.config.janus.sampler import Emcee, Importance, Move
from app.config.janus.tree import StudyConfig
from app.datasets.observations.dataset import read
from app.durable.run import DurableRun
from app.pipelines.janus.assembly import posterior_of
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers import emcee_chain, importance
from app.pipelines.janus.samplers.task import SamplingTask

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "samplers.json"
CLAIMS = {"emcee stretch": 50.0, "nautilus": 100.0, "dynesty": 100.0}
SLOW = ("nautilus", "dynesty")
WALKERS, ENSEMBLES = 32, 4
STEPS = 8000  # of plain emcee: some 100 tau of the slowest
DURABLE_STEPS = 2000
OURS = "importance"
PART = "likelihood.parts.simulated"
OK = "cosmology.prior.Ok={kind: uniform, low: -1.0, high: 1.0}"
POSTERIORS = {
    "lcdm_curved": ("cosmology=lcdm_curved",),
    "wcdm_curved": ("cosmology=wcdm", "cosmology.curved=true", OK),
    "cpl_H0": ("cosmology=cpl", "likelihood.offset=fixed"),
    "cpl_curved": ("cosmology=cpl", "cosmology.curved=true", OK),
}

Result = tuple[float, float, float]  # effective draws, seconds, CPU seconds


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    began, began_cpu = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - began, time.process_time() - began_cpu, found


def kish(log_weight: np.ndarray) -> float:
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / (weight * weight).sum())


class Bench:
    """One posterior, and everybody who samples it."""

    def __init__(self, name: str, count: int) -> None:
        chosen = ["pipeline=janus", f"{PART}.count={count}", f"{PART}.z_max=2.26"]
        config = compose([*chosen, *POSTERIORS[name]], ROOT / "conf").config
        assert isinstance(config, StudyConfig)
        assert isinstance(config.sampler.root, Importance)
        self.config, self.default = config, config.sampler.root
        self.posterior: Posterior = posterior_of(
            config.cosmology, config.likelihood, config.prior, read(config.likelihood, ROOT, 1)
        )
        told = self.posterior.description["likelihood"]["simulated"]
        assert told["method"] == "compressed"
        self.microseconds, self.nodes = told["microseconds"], told["nodes"]
        self.ended: list[str] = []
        _, _, self.first = self.ours(0)

    @property
    def ndim(self) -> int:
        return self.posterior.ndim

    def round(self, number: int, *, is_slow: bool) -> dict[str, Result]:
        found: dict[str, Result] = {"emcee stretch": self.stretch(number)}
        seconds, cpu, draws = self.ours(number)
        assert draws.log_weight is not None
        self.ended.append(draws.ended)
        found[OURS] = kish(draws.log_weight), seconds, cpu
        if is_slow:
            found["nautilus"], found["dynesty"] = self.nautilus(number), self.dynesty(number)
        return found

    def ours(self, seed: int) -> tuple[float, float, Draws]:
        return self.durably(seed, lambda task: importance.sample(task, self.default))

    def durably(
        self, seed: int, sample: Callable[[SamplingTask], Draws], **targets: Any
    ) -> tuple[float, float, Draws]:
        with (
            tempfile.TemporaryDirectory() as folder,
            DurableRun(Path(folder), study="bench", run_name="a", phases={"sample": 1.0}) as run,
            run.phase("sample"),
        ):
            task = SamplingTask(
                self.posterior,
                self.config.convergence.model_copy(update=targets),
                self.config.checkpoint,
                run,
                "model",
                seed,
                {},
            )
            return timed(lambda: sample(task))

    def starts(self, seed: int, count: int) -> np.ndarray:
        return self.first.equally_weighted(count, np.random.default_rng(seed))

    def stretch(self, seed: int) -> Result:
        start = self.starts(seed, WALKERS)
        np.random.seed(seed)  # emcee's own
        sampler = emcee.EnsembleSampler(WALKERS, self.ndim, self.posterior.log_prob, vectorize=True)
        seconds, cpu, _ = timed(lambda: sampler.run_mcmc(start, STEPS))
        tau = emcee.autocorr.integrated_time(sampler.get_chain(), quiet=True).max()
        return STEPS * WALKERS / float(tau), seconds, cpu

    def nautilus(self, seed: int) -> Result:
        sampler = Sampler(
            self.unit,
            self.posterior.log_likelihood,
            n_dim=self.ndim,
            n_live=1000,
            vectorized=True,
            pass_dict=False,
            seed=seed,
        )
        seconds, cpu, _ = timed(lambda: sampler.run(verbose=False))
        return kish(sampler.posterior()[1]), seconds, cpu

    def dynesty(self, seed: int) -> Result:
        sampler = NestedSampler(
            lambda theta: float(self.posterior.log_likelihood(theta[None])[0]),
            lambda unit: self.posterior.prior.transform(unit[None])[0],
            self.ndim,
            nlive=500,
            rstate=np.random.default_rng(seed),
        )
        seconds, cpu, _ = timed(lambda: sampler.run_nested(dlogz=0.1, print_progress=False))
        return kish(np.asarray(sampler.results.logwt)), seconds, cpu

    def unit(self, unit: np.ndarray) -> np.ndarray:
        return self.posterior.prior.transform(np.atleast_2d(unit))

    def durable_overhead(self, seed: int) -> dict[str, float]:
        """Seconds of a step of 4 ensembles, by emcee alone and by ours."""
        starts = self.starts(seed, WALKERS * ENSEMBLES).reshape(ENSEMBLES, WALKERS, self.ndim)
        plain = [
            emcee.EnsembleSampler(WALKERS, self.ndim, self.posterior.log_prob, vectorize=True)
            for _ in range(ENSEMBLES)
        ]
        for sampler, start in zip(plain, starts, strict=True):
            sampler.run_mcmc(start, 10)  # warm

        def alone() -> None:
            for sampler in plain:
                sampler.run_mcmc(None, DURABLE_STEPS)

        chosen = Emcee(
            kind="emcee",
            walkers=WALKERS,
            ensembles=ENSEMBLES,
            steps=DURABLE_STEPS,
            moves=[Move(name="stretch")],
        )
        spent = {"emcee": timed(alone)[0] / DURABLE_STEPS}
        ours, _, _ = self.durably(
            seed, lambda task: emcee_chain.sample(task, chosen), adaptive=False
        )
        return {**spent, "ours": ours / DURABLE_STEPS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=1590)
    parser.add_argument("--posteriors", nargs="+", default=[*POSTERIORS][:3], choices=[*POSTERIORS])
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    outcome = {}
    for name in options.posteriors:
        bench = Bench(name, options.count)
        rounds, overhead = [], []
        for number in range(1, options.rounds + 1):
            rounds.append(bench.round(number, is_slow=number <= options.slow_rounds))
            overhead.append(bench.durable_overhead(number))
            told = {kind: f"{ess / seconds:.0f}" for kind, (ess, seconds, _) in rounds[-1].items()}
            print(f"{name}: effective draws a second {told}", flush=True)
        outcome[name] = report(name, bench, rounds, overhead)
    RESULTS.parent.mkdir(exist_ok=True)
    written = {"count": options.count, "claims": CLAIMS, "posteriors": outcome}
    RESULTS.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def report(
    name: str,
    bench: Bench,
    rounds: list[dict[str, Result]],
    overhead: list[dict[str, float]],
) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    print(f"\n{name}: {', '.join(bench.posterior.names)}; {bench.microseconds} us an evaluation")
    print(f"{'':16}{'rounds':>7}{'draws':>10}{'seconds':>9}{'draws/s':>10}{'ours to it':>12}")
    for kind in rounds[0]:
        own = [(each[kind], each[OURS]) for each in rounds if kind in each]
        speeds = [ess / seconds for (ess, seconds, _), _ in own]
        ratios = [b[0] / b[1] / (a[0] / a[1]) for a, b in own]
        of_cpu = [b[0] / b[2] / (a[0] / a[2]) for a, b in own]
        kinds[kind] = {
            "rounds": len(own),
            "effective_draws": statistics.median(a[0] for a, _ in own),
            "seconds": statistics.median(a[1] for a, _ in own),
            "draws_per_second": statistics.median(speeds),
            "ours_to_it": statistics.median(ratios),
            "ours_to_it_by_cpu": statistics.median(of_cpu),
            "ratios": ratios,
        }
        row = kinds[kind]
        claim = f"   claimed: {CLAIMS[kind]:.0f}" if kind in CLAIMS else ""
        print(
            f"{kind:16}{len(own):7}{row['effective_draws']:10.0f}{row['seconds']:9.2f}"
            f"{row['draws_per_second']:10.0f}{row['ours_to_it']:12.1f}{claim}"
        )
    share = [each["ours"] / each["emcee"] for each in overhead]
    print(f"ours ended: {', '.join(bench.ended)}")
    print(f"a durable step of emcee to four plain ones: {statistics.median(share):.2f}\n")
    return {
        "parameters": list(bench.posterior.names),
        "microseconds": bench.microseconds,
        "nodes": bench.nodes,
        "ours_ended": bench.ended,
        "samplers": kinds,
        "durable_step": {
            "plain_us": 1e6 * statistics.median(each["emcee"] for each in overhead),
            "ours_us": 1e6 * statistics.median(each["ours"] for each in overhead),
            "ratio": statistics.median(share),
            "ratios": share,
        },
    }


if __name__ == "__main__":
    main()
