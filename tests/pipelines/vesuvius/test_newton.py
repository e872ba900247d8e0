import warnings

import numpy as np
import pytest
from plain import kept_rows, made, objective, sigmoid

from app.config.vesuvius.training import Grid, Optimal
from app.pipelines.vesuvius.grid import Problem, candidates, problems
from app.pipelines.vesuvius.newton import solve_path

SOLVER = Optimal(kind="optimal", hessian_rows=1000)
PENALTIES = np.array([(l1, l2) for l1 in (1e-2, 1e-3, 1e-4) for l2 in (1e-1, 1e-3)])


def a_problem(n: int, d: int, classes: int = 1, meta_neuron: int = 1) -> Problem:
    grid = Grid(meta_neurons=3, column_share=0.75)
    return problems(grid, candidates(grid, 0), n, d, classes)[meta_neuron, 0]


def whole(d: int, classes: int = 1) -> Problem:
    return Problem(0, 0, (0, 0), np.ones(d, bool), np.zeros((d, classes)))


def violation(X, y, w, b, l1, l2) -> float:
    """Of the optimality conditions, as they are written in books."""
    e = sigmoid(X @ w + b) - y
    g = X.T @ e / len(X) + l2 * w
    of_w = [
        abs(gj + l1 * np.sign(wj)) if wj else max(abs(gj) - l1, 0)
        for gj, wj in zip(g, w, strict=True)
    ]
    return max(*of_w, abs(e.mean()))


@pytest.mark.parametrize("meta_neuron", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_fit_is_optimal_on_what_its_meta_neuron_sees(meta_neuron: int, dtype: str) -> None:
    X, Y = made(4000, 12, classes=2, seed=meta_neuron)
    X = X.astype(dtype)
    problem = a_problem(4000, 12, 2, meta_neuron)
    path = solve_path(X, Y, problem, PENALTIES, SOLVER)
    rows = kept_rows(problem, 4000)
    seen = X[np.ix_(rows, np.flatnonzero(problem.columns))].astype(np.float64)
    assert (path.weights[~problem.columns] == 0).all()
    assert (path.kkt <= 1e-7).all()
    for c in range(12):
        l1, l2 = PENALTIES[c // 2]
        w, y = path.weights[problem.columns, c], Y[rows, c % 2]
        found = violation(seen, y, w, path.intercepts[c], l1, l2)
        assert found <= 1.0001e-7
        assert path.kkt[c // 2] >= found * 0.999


def test_agrees_with_saga() -> None:
    from sklearn.linear_model import LogisticRegression

    X, Y = made(1500, 8, seed=3)
    tight = Optimal(kind="optimal", kkt=1e-10)
    path = solve_path(X, Y, whole(8), PENALTIES, tight)
    for c, (l1, l2) in enumerate(PENALTIES):
        total = l1 + l2
        saga = LogisticRegression(
            solver="saga",
            C=1 / (len(X) * total),
            l1_ratio=l1 / total,
            tol=1e-12,
            max_iter=20_000,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            saga.fit(X, Y[:, 0])
        np.testing.assert_allclose(path.weights[:, c], saga.coef_[0], atol=1e-7)
        assert path.intercepts[c] == pytest.approx(saga.intercept_[0], abs=1e-7)


def test_does_not_depend_on_the_order_of_penalties_nor_on_blocks() -> None:
    X, Y = made(3000, 10)
    problem = a_problem(3000, 10)
    path = solve_path(X, Y, problem, PENALTIES, SOLVER)
    small = Optimal(kind="optimal", row_block=100, hessian_rows=500)
    other = solve_path(X, Y, problem, PENALTIES[::-1], small)
    np.testing.assert_allclose(path.weights, other.weights[:, ::-1], atol=1e-5)
    again = solve_path(X.copy(), Y, problem, PENALTIES, SOLVER)
    assert path.weights.tobytes() == again.weights.tobytes()


def test_hard_designs_still_come_to_their_optimum() -> None:
    """Columns twice over, one that is constant, one on another scale, a rare class and a Hessian
    of few rows."""
    X, _ = made(5000, 6, seed=4)
    X = np.hstack([X, X[:, :2] + 1e-6 * X[:, 2:4], np.zeros((5000, 1)), 5 * X[:, :1] ** 2])
    Y = (X[:, :1] > 2.3).astype(np.uint8)
    solver = Optimal(kind="optimal", hessian_rows=100, max_steps=400)
    path = solve_path(X, Y, whole(10), PENALTIES, solver)
    assert (path.kkt <= 1e-7).all()
    for c, (l1, l2) in enumerate(PENALTIES):
        w, b = path.weights[:, c], path.intercepts[c]
        assert violation(X, Y[:, 0], w, b, l1, l2) <= 1.001e-7


def test_is_below_a_long_proximal_descent() -> None:
    from plain import one_candidate

    X, Y = made(1000, 6, seed=5)
    path = solve_path(X, Y, whole(6), PENALTIES[:2], SOLVER)
    for c, (l1, l2) in enumerate(PENALTIES[:2]):
        w, b = one_candidate(X, Y[:, 0], whole(6), np.zeros(6), (l1, l2), 0.08, 500)
        best = objective(X, Y[:, 0], path.weights[:, c], path.intercepts[c], (l1, l2))
        assert best <= objective(X, Y[:, 0], w, b, (l1, l2)) + 1e-12


def test_says_how_far_it_came_when_steps_do_not_suffice() -> None:
    X, Y = made(3000, 10)
    path = solve_path(X, Y, whole(10), PENALTIES, Optimal(kind="optimal", max_steps=1))
    assert path.steps == 1 + len(PENALTIES)  # one together, one each alone
    assert (path.kkt > 1e-7).any()
    assert np.isfinite(path.kkt).all()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(150))
def test_random_problems_come_to_their_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d, classes = int(rng.integers(200, 4000)), int(rng.integers(1, 16)), int(rng.integers(1, 3))
    X, Y = made(n, max(d, 2), classes, seed)
    X = X * 10.0 ** rng.uniform(-1, 1, X.shape[1]) + rng.choice([0.0, 3.0])
    penalties = 10.0 ** rng.uniform(-5, -1, (4, 2))
    solver = Optimal(
        kind="optimal", hessian_rows=int(rng.integers(100, n + 100)), row_block=256, max_steps=200
    )
    problem = a_problem(n, X.shape[1], classes, int(rng.integers(3)))
    path = solve_path(X, Y, problem, penalties, solver)
    rows = kept_rows(problem, n)
    for c in range(4 * classes):
        l1, l2 = penalties[c // classes]
        w, b = path.weights[problem.columns, c], path.intercepts[c]
        seen = X[np.ix_(rows, np.flatnonzero(problem.columns))]
        assert violation(seen, Y[rows, c % classes], w, b, l1, l2) <= 1.001e-7
