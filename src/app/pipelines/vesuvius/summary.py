"""What a run found and what it took: summary.json, and the findings that the page shows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.config.budget import Budget
from app.config.durations import seconds_of
from app.config.vesuvius.segmentation import Judging
from app.config.vesuvius.training import Reference, Solver
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import Volume
from app.durable.journal import read_events
from app.durable.run import JOURNAL, DurableRun
from app.pipelines.vesuvius.grid import Candidate
from app.pipelines.vesuvius.overlap import truth_of
from app.pipelines.vesuvius.page.findings import (
    Distilled,
    Findings,
    JudgedVolume,
    Pictured,
    Spent,
    Tried,
)
from app.pipelines.vesuvius.state import METRICS
from app.pipelines.vesuvius.story import Story, story_of

Json = dict[str, Any]


def summary_of(
    run: DurableRun,
    trained: Arrays,
    scores: Json,
    submission: Json,
    evidence: Json,
    budget: Budget,
    story: Story,
) -> Json:
    """`results` follow from config and data alone; the rest tells of this run's time."""
    distilled = {name: value for name, value in evidence.items() if name != "checkpoints"}
    governor = run.governor
    total = seconds_of(budget.total) if budget.total else None
    return {
        "run": run.run_name,
        "run_id": run.run_id,
        "results": {
            "best_candidate": trained.about["best_candidate"],
            "model_sha256": trained.about["sha256"],
            "model": {name: trained.about[name] for name in ("kept", "kind")},
            "submission": submission,
            "test": scores["test"],
            "validation": scores["validation"],
            "volumes": scores["volumes"],
            "distillation": distilled,
        },
        "training": {"ended": trained.about["ended"], "epochs": trained.about["epochs"]},
        "progress": {
            "percent": round(100.0 * run.progress.shown, 3),
            "phases": {
                name: round(100.0 * done, 3) for name, done in run.progress.fractions.items()
            },
        },
        "time": {"seconds": story.seconds, "phases": story.phases_s, "shares": run.shares()},
        "budget": {
            "total_s": total,
            "spent_s": governor.spent(),
            "deadline_reached": run.deadline_reached,
        },
    }


def findings_of(
    run: DurableRun,
    summary: Json,
    rows: Sequence[Json],
    tried: Sequence[Candidate],
    judged: tuple[Json, Json],
    shown: tuple[Arrays, Sequence[Volume]],
    told: tuple[Volumes, Judging],
    story: Story,
) -> Findings:
    """Everything on the page. `judged`: scores of the model and of the forest ({}: there is none;
    or why it was skipped); `shown`: masks and volumes."""
    volumes, judging = told
    masks, store = shown
    results, training = summary["results"], summary["training"]
    return Findings(
        run_name=run.run_name,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        cause="deadline" if training["ended"] == "deadline" else "complete",
        fraction=summary["progress"]["percent"] / 100.0,
        classes=list(volumes.classes),
        beta=judging.beta,
        surface_tolerance=judging.surface_tolerance,
        volumes=_judged(*judged),
        pictured=pictured(masks.arrays, store, volumes),
        candidates=len(tried),
        tried=_tried(rows, tried, story),
        best=results["best_candidate"]["index"],
        spent=Spent(
            phases={
                name: summary["time"]["phases"][name]
                for name in run.progress.fractions
                if name in summary["time"]["phases"]
            },
            shares=summary["time"]["shares"],
            progress=story.progress,
            restarts=story.restarts,
            total_s=summary["budget"]["total_s"],
            reserve_s=sum(run.governor.measured_s().values()),
        ),
        distilled=_distilled(results["distillation"], story),
        submission=_handed_in(results["submission"]),
        warnings=[judged[1]["skipped"]] if "skipped" in judged[1] else [],
        provenance={
            "model": "the {kept}, {kind}".format(**results["model"]),
            "model, SHA-256": results["model_sha256"],
            "epochs": str(training["epochs"]),
            "training ended by": training["ended"],
        },
    )


def run_story(run: DurableRun, solver: Solver) -> Story:
    """What the journal tells so far."""
    max_iter = solver.root.max_iter if isinstance(solver.root, Reference) else 1
    return story_of(read_events(run.folder / JOURNAL), max_iter)


def _handed_in(submission: Json) -> dict[str, str]:
    return {
        "SHA-256": submission["sha256"],
        "bytes": f"{submission['bytes']:,}",
        "volumes": ", ".join(submission["volumes"]),
        "of": submission["of"],
    }


def _judged(scores: Json, forest: Json) -> list[JudgedVolume]:
    beside = {told["volume"]: told["scores"] for told in forest.get("volumes", [])}
    return [
        JudgedVolume(told["volume"], told["scores"], beside.get(told["volume"], {}))
        for told in scores["volumes"]
        if told["role"] == "test"
    ]


def pictured(
    masks: Mapping[str, np.ndarray], store: Sequence[Volume], volumes: Volumes
) -> list[Pictured]:
    """The test volumes that have a mask, by name, beside their truth."""
    return [
        Pictured(
            volume.name,
            volume.image,
            masks[volume.name],
            truth_of(volume.labels, volumes.classes, volumes.ignore)
            if volume.labels is not None
            else None,
        )
        for volume in store
        if volume.role == "test" and volume.name in masks
    ]


def _tried(rows: Sequence[Json], tried: Sequence[Candidate], story: Story) -> list[Tried]:
    return [
        Tried(
            tried[row["step"]],
            {name: row[name] for name in METRICS},
            story.curve(row["step"]),
        )
        for row in rows
    ]


def _distilled(evidence: Json, story: Story) -> Distilled | None:
    if not evidence:
        return None
    names = [
        name
        for name in story.counts
        if name.startswith(("DISTILLATION", "TEACHER", "STUDENT", "BATCH", "LOSS"))
    ]
    f1 = {"candidate": evidence["candidate"]["f1"]}
    if "student" in evidence:
        f1 |= {"student": evidence["student"]["f1"], "teacher": evidence["teacher"]["f1"]}
    return Distilled(
        updates=evidence["updates"],
        losses=[(float(at), loss) for at, loss in enumerate(evidence["losses"], start=1)],
        validation=f1,
        events={name: story.counts[name] for name in sorted(names)},
    )
