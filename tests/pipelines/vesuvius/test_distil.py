from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain import rows, sigmoid

from app.config.vesuvius.features import Design
from app.config.vesuvius.training import Distillation, Grid, Search, Solver, Training
from app.datasets.arrays import Arrays, ArraysDataset
from app.durable.alarm import DeadlineReached
from app.durable.run import DurableRun
from app.pipelines.vesuvius.distil import PHASE, Distilling, scores_of_logits
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.quadratic import QuadraticModel
from app.pipelines.vesuvius.rows import Rows, Samples
from app.pipelines.vesuvius.student import order, student_update
from app.pipelines.vesuvius.task import GridTask
from app.pipelines.vesuvius.whole_training import KINDS, model_of

UPDATE = "app.pipelines.vesuvius.distil.student_update"
CONFIG = Distillation(teacher_rows=1500, batch_rows=300, epochs=3)  # 6 batches an epoch
TRAINING = Training(grid=Grid(meta_neurons=1, l1=[1e-3], l2=[1e-3]), thresholds=(0.05, 0.95, 0.01))


def crossed(n: int, seed: int) -> Rows:
    """A target that follows from a product of two features, which no linear model can tell."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    logit = np.stack([4 * x[:, 0] * x[:, 1] + x[:, 2], x[:, 3] - x[:, 0] * x[:, 2]], axis=1)
    target = (rng.random((n, 2)) < sigmoid(logit - 1)).astype(np.uint8)
    return rows(x, target, ["a", "b", "c", "gradient of a"])


def samples_of() -> Samples:
    return Samples(crossed(1500, 1), crossed(800, 2), crossed(200, 3).features)


def distilling(run: DurableRun, config: Distillation) -> Distilling:
    samples = samples_of()
    solver, search = (
        Solver.model_validate({"kind": "optimal"}),
        Search.model_validate({"kind": "full"}),
    )
    task = GridTask.of(samples, Design(), TRAINING, solver, search, seed=0)
    rng = np.random.default_rng(4)
    weights = 0.1 * rng.standard_normal((len(task.design.columns), 2))
    model = LinearModel(weights, np.zeros(2), np.full(2, 0.5), task.design, task.classes)
    return Distilling(task, samples, model, config, run, seed=7)


def a_run(folder: Path) -> DurableRun:
    return DurableRun(folder, study="toy", run_name="a", phases={PHASE: 1.0})


def distilled(folder: Path, config: Distillation = CONFIG) -> Distilling:
    with a_run(folder) as run, run.phase(PHASE):
        taught = distilling(run, config)
        taught.go_on({"data": "a"})
        return taught


def test_measures_of_logits_are_scikit_learns() -> None:
    from sklearn.metrics import f1_score, fbeta_score, jaccard_score, log_loss

    rng = np.random.default_rng(0)
    z = rng.standard_normal((500, 2)) * 2
    Y = (rng.random((500, 2)) < sigmoid(z - [[1.0, 2.0]])).astype(np.uint8)
    thresholds, told = scores_of_logits(z, Y, (0.05, 0.95, 0.01))
    found = sigmoid(z) >= thresholds
    mean: dict[str, float] = {
        "f1": np.mean([f1_score(y, p) for y, p in zip(Y.T, found.T, strict=True)]),
        "f_half": np.mean([fbeta_score(y, p, beta=0.5) for y, p in zip(Y.T, found.T, strict=True)]),
        "iou": np.mean([jaccard_score(y, p) for y, p in zip(Y.T, found.T, strict=True)]),
        "cross_entropy": np.mean(
            [log_loss(y, p) for y, p in zip(Y.T, sigmoid(z).T, strict=True)],
        ),
    }
    assert {name: told[name] for name in mean} == pytest.approx(mean, rel=1e-9)
    gain = 0.20 * mean["f1"] + 0.15 * mean["f_half"] + 0.10 * mean["iou"]
    assert told["score"] == pytest.approx(mean["cross_entropy"] + 0.02 - gain, rel=1e-9)
    assert told["sparsity"] == told["penalty"] == 0.0
    for k, y in enumerate(Y.T):  # no other threshold is better

        def worth(t: float, k: int = k, y: np.ndarray = y) -> float:
            p = sigmoid(z[:, k]) >= t
            return float(
                0.20 * f1_score(y, p)
                + 0.15 * fbeta_score(y, p, beta=0.5)
                + 0.10 * jaccard_score(y, p)
            )

        assert worth(thresholds[k]) >= max(map(worth, np.arange(5, 96) / 100)) - 1e-12


def test_the_teacher_is_the_model_where_it_may_be_and_scores_best(tmp_path: Path) -> None:
    taught = distilled(tmp_path, CONFIG.model_copy(update={"deploy": "best"}))
    model, evidence = taught.judged()
    assert isinstance(model, QuadraticModel)
    assert evidence["kept"] == "teacher"
    by_name = {name: evidence[name] for name in ("candidate", "student", "teacher")}
    assert all(set(told) == set(by_name["candidate"]) for told in by_name.values())
    assert min(by_name, key=lambda name: by_name[name]["score"]) == "teacher"
    held = samples_of().validation
    p = model.probabilities(np.ascontiguousarray(held.features.T)).T
    said, there = p >= model.thresholds, held.target > 0
    f1 = 2 * (said & there).sum(0) / (said.sum(0) + there.sum(0))
    assert evidence["teacher"]["f1"] == pytest.approx(f1.mean(), abs=1e-9)


def test_by_default_the_model_is_linear(tmp_path: Path) -> None:
    model, evidence = distilled(tmp_path).judged()
    assert isinstance(model, LinearModel)
    assert evidence["kept"] == "student"
    assert evidence["teacher"]["score"] < evidence["student"]["score"]


@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_a_kept_model_is_rebuilt_as_what_it_was(tmp_path: Path, kind: str) -> None:
    deploy = "best" if kind == "quadratic" else "student"
    model, _ = distilled(tmp_path, CONFIG.model_copy(update={"deploy": deploy})).judged()
    store = ArraysDataset(str(tmp_path / "model"))
    store.save(Arrays(model.arrays(), {"kind": kind, "model": model.to_json()}))
    again = model_of(store.load())
    assert type(again) is KINDS[kind] is type(model)
    assert again.sha256() == model.sha256()


def test_an_epochs_rows_are_ordered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def counted(n: int, epoch: int, seed: int) -> np.ndarray:
        drawn.append(epoch)
        return order(n, epoch, seed)

    monkeypatch.setattr("app.pipelines.vesuvius.distil.order", counted)
    assert distilled(tmp_path).updates == 18
    assert drawn == [0, 1, 2]


@pytest.mark.parametrize("stop", [1, 4, 6, 11])
def test_one_that_is_stopped_in_an_epoch_goes_on_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    whole = distilled(tmp_path / "whole").learning
    updates = 0

    def stopped(*args: Any) -> Any:
        nonlocal updates
        updates += 1
        if updates > stop:
            raise DeadlineReached
        return student_update(*args)

    monkeypatch.setattr(UPDATE, stopped)
    assert distilled(tmp_path / "stopped").updates == stop
    monkeypatch.undo()
    gone_on = distilled(tmp_path / "stopped").learning
    assert whole is not None
    assert gone_on is not None
    assert gone_on.losses.tobytes() == whole.losses.tobytes()
    for name, array in whole.student.arrays().items():
        assert gone_on.student.arrays()[name].tobytes() == array.tobytes()
