"""The optimum of one meta-neuron's problem for all penalties: prox-Newton, warm along the path.

Each candidate minimises, for each class, mean cross-entropy + l1 |w|_1 + l2 |w|_2^2 / 2 over the
rows its meta-neuron sees. A step minimises the second-order model with the penalties by coordinate
descent (Lee, Sun & Saunders 2014; Friedman, Hastie & Tibshirani 2010). Gradients are of all rows,
all candidates as columns of one product; Hessians are of a few rows (Byrd et al. 2011), which
costs some steps and never the optimum: a fit ends when the optimality conditions hold.
"""

from dataclasses import dataclass

import numpy as np

from app.config.vesuvius.training import Optimal
from app.pipelines.vesuvius.coordinate_descent import step, violations
from app.pipelines.vesuvius.grid import Problem
from app.pipelines.vesuvius.seen_rows import DOUBLE, SINGLE, SampledRows, SeenRows

FLOAT32_VIOLATION = 1e-4  # above it a float32 gradient tells enough
START_STEPS = 2  # on the sampled rows, for each l1
SWEEPS = 10_000  # of coordinate descent in a step, at most
SINGLE_STEPS = 4  # in float32, at most
SAMPLED_STEPS = 20  # with Hessians of sampled rows, at most
FIRST_PART = 1e-3  # of the majoriser
ROUNDING = 1e-14  # of an objective
INEXACT = 0.02  # a step's model is solved to this part of the violation


@dataclass(frozen=True)
class Path:
    """The fits of p pairs of penalties."""

    weights: np.ndarray  # (d, p K) float64, candidate-major, class-minor; 0 in columns not seen
    intercepts: np.ndarray  # (p K,) float64
    kkt: np.ndarray  # (p,) violation of the optimality conditions; above solver.kkt where
    # max_steps together and as many alone were not enough
    steps: int  # gradients of all rows


def solve_path(
    X: np.ndarray, Y: np.ndarray, problem: Problem, penalties: np.ndarray, solver: Optimal
) -> Path:
    """Fits one meta-neuron's problem with each pair of penalties.

    Args:
        X: (n, d) design, C order, float64 or float32; gradients near the optimum are float64.
        Y: (n, K) 0 or 1.
        penalties: (p, 2) l1 and l2, in any order.
    """
    classes = Y.shape[1]
    rows = SeenRows(X, Y, problem, solver.row_block)
    l1, l2 = np.repeat(np.asarray(penalties, np.float64), classes, axis=0).T
    sample = SampledRows(rows, solver.hessian_rows)
    V = _start(sample, l1, l2)
    V, violation, steps = _refine(V, rows, sample, (l1, l2), solver)
    W = np.zeros((X.shape[1], len(l1)))
    W[problem.columns] = V[:-1]
    return Path(W, V[-1], violation.reshape(-1, classes).max(axis=1), steps)


def _start(sample: SampledRows, l1: np.ndarray, l2: np.ndarray) -> np.ndarray:
    """Near the optimum of the sampled rows, from the largest l1 down; each l1's fits begin at the
    last one's smallest l2."""
    V = np.zeros((sample.x.shape[1], len(l1)))
    of_class = np.arange(len(l1)) % sample.classes
    for k in range(sample.classes):
        warm = np.zeros(len(V))
        for level in np.unique(l1)[::-1]:
            group = np.flatnonzero((l1 == level) & (of_class == k))
            group = group[np.argsort(-l2[group], kind="stable")]
            V[:, group] = warm[:, None]
            for _ in range(START_STEPS):
                H = sample.hessian(V[:, group[-1]])
                residual = sample.probabilities(V[:, group]) - sample.y[:, [k]]
                G = (sample.x.T @ residual).astype(np.float64) / len(sample.x)
                for c, g in zip(group, G.T, strict=True):
                    V[:, c] = step(H, g, V[:, c], l1[c], l2[c], 1e-5, SWEEPS)
            warm = V[:, group[-1]]
    return V


def _refine(
    V: np.ndarray,
    rows: SeenRows,
    sample: SampledRows,
    penalties: tuple[np.ndarray, np.ndarray],
    solver: Optimal,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Steps with gradients of all rows, together, until each column's violation is small enough. A
    column whose violation falls slowly gets a new Hessian; those for which the sampled rows do not
    do are finished one by one."""
    l1, l2 = penalties
    of_class = np.arange(len(l1)) % rows.classes
    least, H = np.full(len(l1), np.inf), dict[int, np.ndarray]()
    left, dtype, hard = np.arange(len(l1)), SINGLE, set[int]()
    steps = 0
    while len(left) and steps < min(solver.max_steps, SAMPLED_STEPS):
        G = rows.gradient(V[:, left], of_class[left], dtype)
        steps += 1
        found = violations(V[:, left], G, l1[left], l2[left])
        for c, g, size in zip(left.tolist(), G.T, found, strict=True):
            if size > 2.0 * least[c]:
                hard.add(c)
            slow, least[c] = size > 0.3 * least[c], size
            if c in hard or (dtype == DOUBLE and size <= solver.kkt):
                continue
            if slow or c not in H:
                H[c] = sample.hessian(V[:, c])
            V[:, c] = step(H[c], g, V[:, c], l1[c], l2[c], INEXACT * size, SWEEPS)
        if dtype == DOUBLE:
            left = left[(least[left] > solver.kkt) & ~np.isin(left, list(hard))]
        elif found.max() < FLOAT32_VIOLATION or steps >= SINGLE_STEPS:
            left, dtype = np.setdiff1d(left, list(hard)), DOUBLE
            least[:] = np.inf
    majoriser = rows.majoriser() if hard or len(left) else None
    for c in sorted({*hard, *left.tolist()}):
        assert majoriser is not None
        of = (l1[c], l2[c], int(of_class[c]))
        V[:, c], least[c], more = _carefully(V[:, c], rows, majoriser, of, solver)
        steps += more
    return V, least, steps


def _carefully(
    v: np.ndarray,
    rows: SeenRows,
    majoriser: np.ndarray,
    of: tuple[float, float, int],
    solver: Optimal,
) -> tuple[np.ndarray, float, int]:
    """One fit with Hessians of all rows, to which a part of the majoriser is added while a step
    does not lower the objective: with the whole of it, every step does."""
    l1, l2, of_class = of

    def objective(v: np.ndarray) -> float:
        w = v[:-1]
        penalty = l1 * np.abs(w).sum() + 0.5 * l2 * np.square(w).sum()
        return rows.loss(v, of_class) + float(penalty)

    value, part, size = objective(v), 0.0, np.inf
    for steps in range(1, solver.max_steps + 1):
        g = rows.gradient(v[:, None], np.array([of_class]), DOUBLE)
        size = float(violations(v[:, None], g, np.array([l1]), np.array([l2]))[0])
        if size <= solver.kkt or steps == solver.max_steps:
            break
        H = rows.hessian(v)
        while True:
            to = step(H + part * majoriser, g[:, 0], v, l1, l2, INEXACT * size, SWEEPS)
            new = objective(to)
            if new <= value + ROUNDING or part >= 1.0:
                break
            part = max(FIRST_PART, 10.0 * part)
        v, value = to, new
        part = part / 10.0 if part > FIRST_PART else 0.0
    return v, size, steps
