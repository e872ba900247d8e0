"""A training: the grid, then distillation; a safe submission after the first candidate."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from app.config.budget import Checkpointing
from app.config.vesuvius.features import Design
from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.training import Distillation, Search, Solver, Training
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import FeatureVolume
from app.datasets.volume_store import array_digest
from app.durable.governor import ENDLESS
from app.durable.run import DurableRun
from app.pipelines.vesuvius.distil import PHASE, Distilling, Model
from app.pipelines.vesuvius.fit import GridFit
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.quadratic import QuadraticModel
from app.pipelines.vesuvius.rows import samples_of
from app.pipelines.vesuvius.safe import SafeSubmission
from app.pipelines.vesuvius.state import ARRAYS, METRICS, TrainingState
from app.pipelines.vesuvius.task import GridTask
from app.pipelines.vesuvius.teacher import Teacher
from app.pipelines.vesuvius.whole_volumes import HowToSegment

IMPORTED = "imported"  # folder of a run: what checkpoint.resume_from named
KINDS: dict[str, type[LinearModel] | type[QuadraticModel]] = {
    "linear": LinearModel,
    "quadratic": QuadraticModel,
}

log = logging.getLogger(__name__)


def trained(
    run: DurableRun,
    kept: Arrays,
    feature_maps: list[FeatureVolume],
    volumes: Volumes,
    segmentation: Segmentation,
    judging: Judging,
    design: Design,
    training: Training,
    solver: Solver,
    search: Search,
    distillation: Distillation,
    checkpoint: Checkpointing,
    seed: int,
) -> tuple[Arrays, list[dict[str, Any]], dict[str, Any]]:
    """The final model; the last scores of every candidate; the evidence of the distillation."""
    from threadpoolctl import threadpool_limits

    samples = samples_of(kept)
    with threadpool_limits(1):  # two BLAS threads on two cores can be slower, and sum otherwise
        with run.phase("train_fit", open_ended=training.stopping.epochs == 0):
            task = GridTask.of(samples, design, training, solver, search, seed)
            signature = signature_of(kept, task, design, seed)
            loaded = run.resume(signature, published=imported_of(run))
            state = TrainingState.of(loaded.snapshot) if loaded else task.first_state()
            how = HowToSegment(volumes, segmentation, judging)
            teachers: list[Teacher] = []

            def rehearse(model: LinearModel) -> None:
                taught = Distilling(task, samples, model, distillation, run, seed)
                teachers.append(taught.rehearse())

            unknown = distillation.enabled and PHASE not in run.governor.measured_s()
            is_limited = unknown and run.governor.left() < ENDLESS
            safe = SafeSubmission(run, feature_maps, how, rehearse if is_limited else None)
            fit = GridFit(task, state, run, checkpoint.every, safe)
            ended = fit.go_on()
            state, best = fit.state, task.model(fit.state)
            log.info("training ended: %s", ended)
        model: Model = best
        evidence: dict[str, Any] = {}
        if distillation.enabled:
            with run.phase(PHASE):
                taught = Distilling(task, samples, best, distillation, run, seed, *teachers)
                taught.go_on(
                    {
                        "grid": signature,
                        "distillation": distillation.model_dump(mode="json", exclude={"deploy"}),
                        "model": best.sha256(),
                    }
                )
                model, evidence = taught.judged()
    about = {
        "best_candidate": told_candidate(task, state),
        "ended": ended,
        "epochs": state.epoch,
        "sha256": model.sha256(),
        "kind": next(kind for kind, of in KINDS.items() if isinstance(model, of)),
        "kept": evidence.get("kept", "candidate"),
        "model": model.to_json(),
    }
    return Arrays(model.arrays(), about), candidate_rows(task, state), evidence


def imported_of(run: DurableRun) -> Path | None:
    """The folder of a published checkpoint that was fetched to go on from."""
    folder = run.folder / IMPORTED
    return folder if any(folder.glob("*.ckpt")) else None


def model_of(trained: Arrays) -> Model:
    """The model that `trained` gave."""
    return KINDS[trained.about["kind"]].of(trained.arrays, trained.about["model"])


def signature_of(kept: Arrays, task: GridTask, design: Design, seed: int) -> dict[str, Any]:
    """All that must be the same for a checkpoint to be gone on from."""
    return {
        "data": {name: array_digest(array) for name, array in kept.arrays.items()},
        "features": list(task.design.names),
        "classes": list(task.classes),
        "rows": len(task.X),
        "columns": list(task.design.columns),
        "design": design.model_dump(mode="json"),
        "training": task.training.model_dump(mode="json"),
        "solver": task.solver.model_dump(mode="json"),
        "search": task.search.model_dump(mode="json"),
        "seed": seed,
        "state": list(ARRAYS),
        "numpy": np.__version__,
    }


def told_candidate(task: GridTask, state: TrainingState) -> dict[str, Any]:
    """The best candidate: its penalties, when it was found, its score."""
    if state.best_candidate < 0:
        return {"index": None, "told": "the deadline came before the first candidate was done"}
    best = task.candidates[state.best_candidate]
    return {
        "index": best.index,
        "meta_neuron": best.meta_neuron,
        "repeat": best.repeat,
        "l1": best.l1,
        "l2": best.l2,
        "epoch": state.best_epoch,
        "score": state.best_score,
    }


def candidate_rows(task: GridTask, state: TrainingState) -> list[dict[str, Any]]:
    """Each candidate that was scored, with the scores it had last; one that is the same fit as
    another has those of the other."""
    rows: list[dict[str, Any]] = []
    for each in task.candidates:
        scores: Mapping[str, float] = dict(
            zip(METRICS, state.scores[task.same_as[each.index]].tolist(), strict=True)
        )
        if np.isnan(scores["score"]):
            continue
        penalties = {"meta_neuron": each.meta_neuron, "l1": each.l1, "l2": each.l2}
        rows.append({"step": each.index, **penalties, "repeat": each.repeat, **scores})
    return rows
