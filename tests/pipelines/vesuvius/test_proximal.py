import numpy as np
import pytest
from plain import kept_rows, made, objective, one_candidate, sigmoid

from app.config.vesuvius.training import Grid, Reference
from app.errors import SuperiorError
from app.pipelines.vesuvius import logistic
from app.pipelines.vesuvius.grid import candidates, problems
from app.pipelines.vesuvius.proximal import batch_of, first_weights, iterate, losses

GRID = Grid(meta_neurons=3, l1=[1e-3, 1e-2], l2=[1e-3, 1e-1], column_share=0.7, init_scale=0.3)


def fitted(X, Y, tried, of, solver, dtype="float64"):
    batch = batch_of(tried, of)
    W, b = first_weights(tried, of, dtype)
    for _ in range(solver.max_iter):
        W, b, moves = iterate(X, Y, W, b, batch, solver)
    return W, b, moves


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("row_block", [64, 97, 4096])
def test_a_batch_is_one_candidate_at_a_time(classes: int, row_block: int) -> None:
    X, Y = made(700, 10, classes)
    tried = candidates(GRID, seed=5)
    of = problems(GRID, tried, 700, 10, classes)
    solver = Reference(kind="reference", row_block=row_block)
    W, b, _ = fitted(X, Y, tried, of, solver)
    for c, each in enumerate(tried):
        problem = of[each.meta_neuron, each.repeat]
        for k in range(classes):
            first, penalties = problem.weights[:, k], (each.l1, each.l2)
            w, intercept = one_candidate(X, Y[:, k], problem, first, penalties, 0.08, 120)
            np.testing.assert_allclose(W[:, c * classes + k], w, rtol=0, atol=1e-12)
            assert b[c * classes + k] == pytest.approx(intercept, abs=1e-12)


def test_rows_left_out_and_columns_not_seen_have_no_say_at_all() -> None:
    X, Y = made(600, 8)
    tried = candidates(GRID, seed=1)
    of = problems(GRID, tried, 600, 8, 1)
    solver = Reference(kind="reference", row_block=100)
    before = fitted(X, Y, tried, of, solver)[0]
    other = X.copy()
    first, last = of[1, 0].left_out
    other[first:last] *= -3.0
    other[:, ~of[1, 0].columns] += 7.0
    after = fitted(other, Y, tried, of, Reference(kind="reference", row_block=100, step=0.001))[0]
    own = [each.index for each in tried if each.meta_neuron == 1]
    assert (before[~of[1, 0].columns][:, own] == 0).all()
    assert (after[~of[1, 0].columns][:, own] == 0).all()
    other[:, ~of[1, 0].columns] -= 7.0  # only the left-out rows differ now
    after = fitted(other, Y, tried, of, solver)[0]
    np.testing.assert_array_equal(before[:, own], after[:, own])
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_iteration_can_be_gone_on_from_to_the_bit(dtype: str) -> None:
    X, Y = made(500, 12, 2)
    X = X.astype(dtype)
    tried = candidates(GRID, seed=2)
    of = problems(GRID, tried, 500, 12, 2)
    solver = Reference(kind="reference", max_iter=30, dtype=dtype, row_block=128)
    W, b, moves = fitted(X, Y, tried, of, solver, dtype)
    again, again_b = first_weights(tried, of, dtype)
    for _ in range(solver.max_iter):
        again, again_b = (
            np.frombuffer(a.tobytes(), dtype).reshape(a.shape) for a in (again, again_b)
        )
        again, again_b, again_moves = iterate(
            X.copy(), Y.copy(), again, again_b, batch_of(tried, of), solver
        )
    assert W.dtype == b.dtype == dtype
    assert W.tobytes() == again.tobytes()
    assert b.tobytes() == again_b.tobytes()
    assert moves.tobytes() == again_moves.tobytes()


def test_the_order_of_weights_in_memory_does_not_matter() -> None:
    X, Y = made(500, 12, 2)
    tried = candidates(GRID, seed=2)
    of = problems(GRID, tried, 500, 12, 2)
    W, b = first_weights(tried, of)
    solver, batch = Reference(kind="reference"), batch_of(tried, of)
    found = iterate(X, Y, W, b, batch, solver)
    other = iterate(X, Y, np.asfortranarray(W), b, batch, solver)
    assert all(a.tobytes() == o.tobytes() for a, o in zip(found, other, strict=True))


def test_float32_goes_the_same_way() -> None:
    X, Y = made(2000, 10)
    tried = candidates(GRID, seed=3)
    of = problems(GRID, tried, 2000, 10, 1)
    double = fitted(X, Y, tried, of, Reference(kind="reference"))[0]
    solver = Reference(kind="reference", dtype="float32")
    single = fitted(X.astype("f4"), Y, tried, of, solver, "float32")[0]
    np.testing.assert_allclose(single, double, atol=2e-5)


def test_losses_are_the_objective_and_fall() -> None:
    X, Y = made(800, 6)
    tried = candidates(GRID, seed=4)
    of = problems(GRID, tried, 800, 6, 1)
    batch = batch_of(tried, of)
    W, b = first_weights(tried, of)
    before = sum(losses(X, Y, W, b, batch, row_block=200))
    W, b, _ = fitted(X, Y, tried, of, Reference(kind="reference", max_iter=20))
    cross_entropy, penalty = losses(X, Y, W, b, batch, row_block=200)
    assert (cross_entropy + penalty < before).all()
    for c, each in enumerate(tried):
        rows = kept_rows(of[each.meta_neuron, 0], 800)
        expected = objective(X[rows], Y[rows, 0], W[:, c], b[c], (each.l1, each.l2))
        assert cross_entropy[c] + penalty[c] == pytest.approx(expected, abs=1e-12)


def test_moves_are_the_largest_of_each_candidate() -> None:
    X, Y = made(300, 5, 2)
    tried = candidates(GRID, seed=4)
    of = problems(GRID, tried, 300, 5, 2)
    W, b = first_weights(tried, of)
    new_W, new_b, moves = iterate(X, Y, W, b, batch_of(tried, of), Reference(kind="reference"))
    both = np.abs(np.vstack([new_W - W, new_b - b]))
    np.testing.assert_array_equal(moves, both.reshape(6, -1, 2).max(axis=(0, 2)))


def test_a_step_that_diverges_is_refused() -> None:
    X, Y = made(300, 5)
    tried = candidates(GRID, seed=4)
    of = problems(GRID, tried, 300, 5, 1)
    with pytest.raises(SuperiorError, match=r"solver\.step=1e\+200 is too large"):
        fitted(X * 1e150, Y, tried, of, Reference(kind="reference", step=1e200))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-15), ("float32", 2e-7)])
def test_the_fast_sigmoid(dtype: str, tolerance: float) -> None:
    z = np.concatenate([np.linspace(-40, 40, 9001), [-1e30, -np.inf, 0.0, np.inf, 1e30]])
    z = z.astype(dtype)[:, None]
    found = z.copy()
    logistic.probabilities(found, np.zeros(1, dtype))
    with np.errstate(over="ignore"):
        expected = sigmoid(z.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=4 * tolerance, atol=1e-37)
    lost = np.full((1, 1), np.nan, dtype)
    logistic.probabilities(lost, np.zeros(1, dtype))
    assert np.isnan(lost).all()


def test_cross_entropy_of_many_rows_far_from_the_truth() -> None:
    z = np.linspace(-600, 600, 5000)[:, None]
    y = (np.arange(5000) % 2).astype(np.uint8)[:, None]
    total = np.zeros(1)
    left_out = np.array([[100, 200]])
    logistic.cross_entropy(z, np.zeros(1), y, 0, left_out, total)
    each = np.delete(logistic.cross_entropies(z, y), np.arange(100, 200))
    assert total[0] == pytest.approx(each.sum(), rel=1e-13)
