"""Claims, one BLAS thread, 1,590 supernovae with a dense covariance, 64 parameter vectors at once:
chi2 of a supernova likelihood is evaluated at 500 times or more the speed of the formula
r . C^-1 . r with C^-1 precomputed, and at 10,000 times or more that of a general solve per call,
within 1e-8 of plain algebra with distances by quadrature; the dense path, which needs no smooth
model, at 4 times or more the speed of the formula.

    python benchmarks/likelihood.py [--rounds 7] [--count 1590]

Ours and the anchors in turn, after one turn that is not counted; a ratio is the median of those of
the rounds. Everyone goes from parameters to chi2, the offset marginalised; anchors interpolate
distances from a trapezoidal table of 1,000 redshifts, as programs of the field do. `product` is the
formula's product alone, its residuals given. Redshifts and errors are Pantheon+'s where
../shared/data has them, else like a survey's; the covariance is made here.
"""

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import quad

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.datasets.observations.kinds import Observations, Supernovae
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.likelihood.combined import Combined, likelihood_of

RESULTS = Path(__file__).parent / "results" / "likelihood.json"
PANTHEON = Path(__file__).parents[2] / "shared/data/supernovae/pantheonplus/Pantheon+SH0ES.dat"
C_KM_S = 299_792.458
WALKERS = 64
RANGE = (0.05, 0.95)  # of Om
CLAIMS = {
    ("compressed", "formula"): 500.0,
    ("compressed", "general solve"): 10_000.0,
    ("dense", "formula"): 4.0,
}
CALLS = {"compressed": 200, "dense": 3, "formula": 50, "product": 50, "general solve": 1}
LARGEST_ERROR = 1e-8


def table(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Redshifts, heliocentric ones, errors, and where they are from."""
    if PANTHEON.is_file():
        read = np.genfromtxt(PANTHEON, names=True, dtype=None, encoding="utf-8")
        read = read[read["zHD"] > 0.01]
        if len(read) == count:
            return read["zHD"], read["zHEL"], read["m_b_corr_err_DIAG"], "Pantheon+"
    rng = np.random.default_rng(0)
    z = np.sort(np.concatenate([rng.uniform(0.01, 0.1, count // 3), rng.beta(1.3, 6, count)]))
    z = np.clip(rng.permutation(z)[:count] * 2.0, 0.01, 2.26)
    return z, z + rng.normal(0.0, 1e-3, count), rng.uniform(0.1, 0.25, count), "simulated"


def exact(z: np.ndarray, Om: float) -> np.ndarray:
    """5 log10(D_M H0/c), by quadrature."""
    return np.array(
        [
            5.0
            * np.log10(
                quad(
                    lambda x: 1.0 / np.sqrt(Om * (1.0 + x) ** 3 + 1.0 - Om),
                    0.0,
                    one,
                    epsabs=0.0,
                    epsrel=1e-13,
                )[0]
            )
            for one in z
        ]
    )


class Bench:
    """The data, and what is timed on them."""

    def __init__(self, count: int) -> None:
        self.z, z_helio, sd, self.source = table(count)
        rng = np.random.default_rng(1)
        scale = np.log1p(self.z) / np.log1p(self.z.max())
        modes = np.cos(np.pi * np.outer(scale, np.arange(40)) + rng.uniform(0, 6, 40))
        modes *= 0.02 / np.sqrt(1.0 + np.arange(40))
        self.C = modes @ modes.T + np.diag(sd**2)
        self.fixed = 5.0 * np.log10((1.0 + z_helio) * C_KM_S / 70.0) + 25.0
        noise = np.linalg.cholesky(self.C) @ rng.standard_normal(count)
        self.mu = exact(self.z, 0.334) + self.fixed - 19.3 + noise
        inverse = np.linalg.inv(self.C)
        weight = inverse.sum(axis=0)
        self.inverse = inverse - np.outer(weight, weight) / weight.sum()  # offset marginalised
        self.grid = np.concatenate([[0.0], np.geomspace(1e-3, self.z.max() * 1.001, 999)])
        data = Supernovae(
            name="sn",
            z=self.z,
            z_helio=z_helio,
            mu=self.mu,
            covariance=self.C,
            survey=np.zeros(count, int),
            surveys=("all",),
        )
        self.ours = {method: self.likelihood(data, method) for method in ("compressed", "dense")}
        self.vectors = np.random.default_rng(2).uniform(0.1, 0.6, (WALKERS, 1))
        self.residual = self.residuals(0.3)

    def likelihood(self, data: Supernovae, method: str) -> Combined:
        model = model_of(Cosmology.model_validate({"kind": "lcdm", "name": "lcdm", "prior": {}}))
        config = Likelihood.model_validate(
            {"parts": {"sn": {"kind": "moduli", "path": "none"}}, "method": method}
        )
        return likelihood_of(Observations((data,)), model, config, {"Om": RANGE})

    def residuals(self, Om: float) -> Any:
        """As programs of the field have them."""
        inverse_rate = 1.0 / np.sqrt(Om * (1.0 + self.grid) ** 3 + 1.0 - Om)
        steps = 0.5 * (inverse_rate[1:] + inverse_rate[:-1]) * np.diff(self.grid)
        comoving = np.concatenate([[0.0], np.cumsum(steps)])
        distance = np.interp(self.z, self.grid, comoving)
        return self.mu - (5.0 * np.log10(distance) + self.fixed)

    def formula(self) -> float:
        r = self.residuals(0.3)
        return float(r.dot(self.inverse).dot(r))

    def product(self) -> float:
        return float(self.residual.dot(self.inverse).dot(self.residual))

    def general_solve(self) -> float:
        r = self.residuals(0.3) + 19.3
        return float(r @ np.linalg.solve(self.C, r))

    def round(self) -> dict[str, float]:
        """Seconds of one evaluation by each."""
        kinds: dict[str, Callable[[], object]] = {
            "compressed": lambda: self.ours["compressed"](self.vectors),
            "formula": self.formula,
            "dense": lambda: self.ours["dense"](self.vectors),
            "product": self.product,
            "general solve": self.general_solve,
        }
        spent = {}
        for kind, work in kinds.items():
            started = time.perf_counter()
            for _ in range(CALLS[kind]):
                work()
            spent[kind] = (time.perf_counter() - started) / CALLS[kind]
            if kind in self.ours:
                spent[kind] /= WALKERS
        return spent

    def errors(self) -> dict[str, float]:
        """Largest in chi2, against a general solve with distances by quadrature."""
        tried = np.array([0.051, 0.15, 0.3, 0.5, 0.75, 0.94])
        expected = np.array([self.plain(Om) for Om in tried])
        return {
            kind: float(np.abs(likelihood.chi2(tried[:, None]) - expected).max())
            for kind, likelihood in self.ours.items()
        }

    def plain(self, Om: float) -> float:
        r = self.mu - exact(self.z, Om) - self.fixed
        solved = np.linalg.solve(self.C, np.column_stack([np.ones_like(r), r]))
        r = r - solved[:, 1].sum() / solved[:, 0].sum()
        return float(r @ np.linalg.solve(self.C, r))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=1590)
    options = parser.parse_args()
    bench = Bench(options.count)
    errors = bench.errors()
    assert max(errors.values()) <= LARGEST_ERROR, errors
    bench.round()
    rounds = []
    for _ in range(options.rounds):
        rounds.append(bench.round())
        print({kind: f"{1e6 * each:.2f} us" for kind, each in rounds[-1].items()}, flush=True)
    report(rounds, bench, errors, options)


def report(
    rounds: list[dict[str, float]],
    bench: Bench,
    errors: dict[str, float],
    options: argparse.Namespace,
) -> None:
    ratios = {}
    print(f"\n{options.count} supernovae ({bench.source}), medians of {len(rounds)} rounds")
    for ours in bench.ours:
        for anchor in ("formula", "product", "general solve"):
            each = [one[anchor] / one[ours] for one in rounds]
            ratios[f"{ours} to {anchor}"] = {"median": statistics.median(each), "ratios": each}
            claim = CLAIMS.get((ours, anchor))
            told = "" if claim is None else f"   claimed: {claim:,.0f}"
            print(f"{ours:>12} to {anchor:14}{statistics.median(each):12,.1f}{told}")
    print(f"largest error in chi2: {errors}")
    outcome = {
        "count": options.count,
        "walkers": WALKERS,
        "redshifts": bench.source,
        "nodes": bench.ours["compressed"].description["sn"]["nodes"],
        "error_in_chi2": errors,
        "microseconds": {
            kind: 1e6 * statistics.median(one[kind] for one in rounds) for kind in rounds[0]
        },
        "times_as_fast": ratios,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(outcome, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
