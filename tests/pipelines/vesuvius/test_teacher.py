import numpy as np
import pytest
from plain import rows, sigmoid

from app.config.vesuvius.features import Design
from app.config.vesuvius.training import Distillation
from app.errors import SuperiorError
from app.pipelines.vesuvius.design import StandardDesign, fit_design
from app.pipelines.vesuvius.rows import Rows
from app.pipelines.vesuvius.student import Lesson, Student, order, student_update
from app.pipelines.vesuvius.teacher import Teacher, fit_teacher, soft_targets

CONFIG = Distillation(teacher_rows=3000)


def crossed(n: int = 4000, classes: int = 1, seed: int = 0) -> tuple[Rows, StandardDesign]:
    """A target that follows from a product of two features, which no linear model can tell."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4)) * [1, 2, 3, 1] + [0, 5, 100, 0]
    z = (x - x.mean(0)) / x.std(0)
    logit = np.stack([3 * z[:, 0] * z[:, 1] + z[:, 2], z[:, 3] - z[:, 0] ** 2], axis=1)
    target = (rng.random((n, 2)) < sigmoid(logit)).astype(np.uint8)[:, :classes]
    made = rows(x, target, ["a", "b", "c", "gradient of a"])
    return made, fit_design(made, Design())


@pytest.mark.parametrize("classes", [1, 2])
def test_the_teacher_is_scikit_learns_on_all_products(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    made, design = crossed(3000, classes)
    teacher = fit_teacher(made, design, CONFIG)
    x = made.features.astype(np.float64)
    z = StandardScaler().fit_transform(x)
    P = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(z))
    assert teacher.weights.shape == (14, classes)
    for k in range(classes):
        theirs = LogisticRegression(C=1 / (3000 * CONFIG.teacher_l2), tol=1e-10, max_iter=2000)
        theirs.fit(P, made.target[:, k])
        found = teacher.logits(made.features)[:, k]
        np.testing.assert_allclose(found, theirs.decision_function(P), atol=2e-3)


def test_the_teacher_learns_from_as_many_rows_as_it_may() -> None:
    made, design = crossed(4000)
    few = fit_teacher(made, design, Distillation(teacher_rows=500))
    assert not np.allclose(few.weights, fit_teacher(made, design, CONFIG).weights, atol=1e-2)


def test_a_teacher_that_is_not_at_its_optimum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pipelines.vesuvius.teacher.NEWTON_STEPS", 1)
    with pytest.raises(SuperiorError, match=r"distillation\.teacher_l2"):
        fit_teacher(*crossed(), CONFIG)


@pytest.mark.parametrize("teacher_l2", [0.0, 1e-3])
def test_features_that_repeat_one_another_and_a_target_without_doubt(teacher_l2: float) -> None:
    x = np.random.default_rng(0).standard_normal((500, 3))
    x = np.hstack([x, x, x[:, :1] + 1e-4 * x[:, 1:2]])
    made = rows(x, (x[:, :1] > 0).astype(np.uint8), list("abcdefg"))
    config = Distillation(teacher_l2=teacher_l2)
    teacher = fit_teacher(made, fit_design(made, Design()), config)
    assert ((teacher.logits(made.features) > 0) == made.target).mean() > 0.98


def test_a_warmer_teacher_is_less_sure() -> None:
    made, design = crossed()
    teacher = fit_teacher(made, design, CONFIG)
    cold, warm = (soft_targets(teacher, made.features, t) for t in (1.0, 4.0))
    assert cold.dtype == np.float32
    assert (np.abs(warm - 0.5) <= np.abs(cold - 0.5)).all()
    np.testing.assert_allclose(cold, sigmoid(teacher.logits(made.features)), atol=1e-6)
    again = Teacher.of(teacher.arrays(), design)
    assert soft_targets(again, made.features, 4.0).tobytes() == warm.tobytes()


def a_lesson(n: int = 40, seed: int = 0) -> Lesson:
    rng = np.random.default_rng(seed)
    return Lesson(
        X=rng.standard_normal((n, 3)),
        soft=rng.random((n, 2)),
        hard=(rng.random((n, 2)) < 0.5).astype(np.uint8),
        labelled=rng.random(n) < 0.5,
    )


def plain_loss(weights: np.ndarray, lesson: Lesson, config: Distillation) -> float:
    total = 0.0
    T, share = config.temperature, config.soft_share
    for x, soft, hard, known in zip(
        lesson.X, lesson.soft, lesson.hard, lesson.labelled, strict=True
    ):
        for k in range(2):
            z = x @ weights[:-1, k] + weights[-1, k]
            p, q = sigmoid(z / T), sigmoid(z)
            total -= share * T**2 * (soft[k] * np.log(p) + (1 - soft[k]) * np.log(1 - p))
            if known:
                total -= (1 - share) * (hard[k] * np.log(q) + (1 - hard[k]) * np.log(1 - q))
    return total / (2 * len(lesson.X))


def test_the_students_loss_and_its_gradient() -> None:
    rng = np.random.default_rng(1)
    V, lesson = rng.standard_normal((4, 2)), a_lesson()
    student, loss = student_update(Student.beginning(V[:-1], V[-1]), lesson, CONFIG)
    assert loss == pytest.approx(plain_loss(V, lesson, CONFIG), rel=1e-12)
    slope = np.empty_like(V)
    for at in np.ndindex(V.shape):
        e = np.zeros_like(V)
        e[at] = 1e-6
        rise = plain_loss(V + e, lesson, CONFIG) - plain_loss(V - e, lesson, CONFIG)
        slope[at] = rise / 2e-6
    np.testing.assert_allclose(student.first / 0.1, 2 * slope, atol=1e-7)  # sum over the 2 classes
    np.testing.assert_allclose(
        np.vstack([student.weights, student.intercept]), V - CONFIG.step * np.sign(slope), atol=1e-4
    )


def test_updates_are_those_of_torchs_adam() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra: pip install superior[hf]")
    V = np.random.default_rng(2).standard_normal((4, 2))
    student = Student.beginning(V[:-1], V[-1])
    theirs = torch.tensor(V, requires_grad=True)
    adam = torch.optim.Adam([theirs], lr=CONFIG.step)
    fall = torch.optim.lr_scheduler.LambdaLR(adam, lambda updates: (updates + 1) ** -0.5)
    for number in range(20):
        lesson = a_lesson(seed=number)
        student, _ = student_update(student, lesson, CONFIG)
        X1 = torch.tensor(np.hstack([lesson.X, np.ones((40, 1))]))
        z, T = X1 @ theirs, CONFIG.temperature
        ce = torch.nn.functional.binary_cross_entropy_with_logits
        soft = ce(z / T, torch.tensor(lesson.soft), reduction="none") * T**2 * CONFIG.soft_share
        hard = ce(z, torch.tensor(lesson.hard.astype(float)), reduction="none")
        known = torch.tensor(lesson.labelled.astype(float))[:, None]
        loss = (soft + (1 - CONFIG.soft_share) * known * hard).sum() / 40
        adam.zero_grad()
        loss.backward()
        adam.step()
        fall.step()
    found = np.vstack([student.weights, student.intercept])
    np.testing.assert_allclose(found, theirs.detach().numpy(), atol=1e-9)
    assert student.updates == 20


def test_a_student_is_gone_on_with_to_the_bit() -> None:
    V = np.random.default_rng(3).standard_normal((4, 2))
    whole = kept = Student.beginning(V[:-1], V[-1])
    for number in range(10):
        whole, loss = student_update(whole, a_lesson(seed=number), CONFIG)
        copies = {name: array.copy() for name, array in kept.arrays().items()}
        kept, same = student_update(Student.of(copies), a_lesson(seed=number), CONFIG)
        assert loss == same
    assert all(whole.arrays()[name].tobytes() == kept.arrays()[name].tobytes() for name in copies)


def plain_ce(z: np.ndarray, target: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, z) - target * z))


def test_the_student_comes_closer_to_its_teacher() -> None:
    made, design = crossed(6000, seed=4)
    made.target[:] = (made.features[:, 2:3] + made.features[:, 1:2] ** 2 / 10 > 103).astype("u1")
    teacher = fit_teacher(made, design, CONFIG)
    soft, X = soft_targets(teacher, made.features, CONFIG.temperature), design.matrix(made.features)
    student = Student.beginning(np.zeros((X.shape[1], 1)), np.zeros(1))
    config = Distillation(teacher_rows=3000, step=0.2)
    losses = []
    for epoch in range(8):
        rows_of = order(6000, epoch, seed=0)
        for start in range(0, 6000, 256):
            at = rows_of[start : start + 256]
            lesson = Lesson(X[at], soft[at], made.target[at], np.ones(len(at), bool))
            student, loss = student_update(student, lesson, config)
            losses.append(loss)
    least = plain_ce(teacher.logits(made.features) / CONFIG.temperature, soft)
    ours = plain_ce((X @ student.weights + student.intercept) / CONFIG.temperature, soft)
    first = plain_ce(np.zeros_like(soft), soft)
    assert ours - least < 0.25 * (first - least)
    assert np.mean(losses[-20:]) < np.mean(losses[:3])
    agrees = ((X @ student.weights + student.intercept) > 0) == (teacher.logits(made.features) > 0)
    assert agrees.mean() > 0.95


def test_a_loss_that_is_no_number_is_refused() -> None:
    student = Student.beginning(np.full((3, 2), np.inf), np.zeros(2))
    with pytest.raises(SuperiorError, match=r"distillation\.step"), np.errstate(invalid="ignore"):
        student_update(student, a_lesson(), CONFIG)


def test_each_epoch_goes_through_all_rows_in_its_own_order() -> None:
    first, second = order(1000, 0, seed=3), order(1000, 1, seed=3)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert first.tolist() != second.tolist()
    assert first.tolist() == order(1000, 0, seed=3).tolist()
