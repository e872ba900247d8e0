"""The stage `report`: the submission, validated by reading it back; summary.json; report.html; the
checkpoint to be published."""

import logging
from pathlib import Path
from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.budget import Budget, Checkpointing
from app.config.vesuvius.segmentation import Judging
from app.config.vesuvius.training import Solver, Training
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.published import Published
from app.datasets.volume import Volume
from app.durable.checkpoint import MANIFEST
from app.durable.run import CHECKPOINTS, DurableRun
from app.errors import SuperiorError
from app.pipelines.vesuvius.grid import candidates
from app.pipelines.vesuvius.page.render import write_html
from app.pipelines.vesuvius.state import NOT_EXECUTED
from app.pipelines.vesuvius.story import Story
from app.pipelines.vesuvius.submission import SUBMISSION, validate_submission, write_submission
from app.pipelines.vesuvius.summary import findings_of, run_story, summary_of

log = logging.getLogger(__name__)

Json = dict[str, Any]


def package(
    run: DurableRun,
    masks: Arrays,
    scores: Json,
    volume_store: list[Volume],
    volumes: Volumes,
) -> tuple[Json, Path]:
    """`submission.zip` of the final masks; where the budget ended before all of them were made,
    the safe submission stays. What it holds, as JSON."""
    path, classes = run.folder / SUBMISSION, len(volumes.classes)
    tests = [volume for volume in volume_store if volume.role == "test"]
    with run.phase("package"):
        is_final = all(volume.name in masks.arrays for volume in tests)
        if is_final:
            named = [(volume.file_name, masks.arrays[volume.name]) for volume in tests]
            write_submission(path, named, classes)
        if not path.is_file():
            raise SuperiorError(
                "the budget was over before the first candidate could be handed in: there is no "
                f"{SUBMISSION}\n  the same command goes on from the last checkpoint, with a new "
                "budget; give it more (budget.total)"
            )
        expected = {volume.file_name: volume.image.shape for volume in tests}
        sha256 = validate_submission(path, expected, classes)
        run.event("FILE_DONE", stage="package", file=SUBMISSION, sha256=sha256, final=is_final)
        run.advance(1.0)
    told = {
        "file": SUBMISSION,
        "sha256": sha256,
        "bytes": path.stat().st_size,
        "volumes": sorted(expected),
        "of": "final masks" if is_final else "the safe submission made while training",
    }
    return told, path


def summarise(
    run: DurableRun,
    trained: Arrays,
    scores: Json,
    submission: Json,
    evidence: Json,
    budget: Budget,
    solver: Solver,
) -> tuple[Json, Story]:
    """summary.json; and what the journal tells, for the page."""
    story = run_story(run, solver)
    return summary_of(run, trained, scores, submission, evidence, budget, story), story


def write_report(
    run: DurableRun,
    summary: Json,
    rows: list[Json],
    scores: Json,
    forest: Json,
    masks: Arrays,
    volume_store: list[Volume],
    volumes: Volumes,
    judging: Judging,
    training: Training,
    story: Story,
    seed: int,
) -> str:
    """report.html."""
    tried = candidates(training.grid, seed)
    findings = findings_of(
        run,
        summary,
        rows,
        tried,
        (scores, forest),
        (masks, volume_store),
        (volumes, judging),
        story,
    )
    return write_html(findings)


def publish(run: DurableRun, trained: Arrays, checkpoint: Checkpointing) -> Published:
    """The newest checkpoint of the grid; nothing where nobody wants it published."""
    folder = run.folder / CHECKPOINTS
    files = sorted(folder.glob("*.ckpt"))
    if not checkpoint.publish or not files:
        return Published()
    told = {name: trained.about[name] for name in ("sha256", "epochs", "ended")}
    about = {"run_name": run.run_name, "run_id": run.run_id, "file": files[-1].name, **told}
    return Published([files[-1], folder / MANIFEST], about)


def require_distilled(evidence: Json, report: str) -> None:
    """Fails hard where distillation was asked for and no update was executed."""
    if evidence and not evidence["executed"]:
        raise SuperiorError(
            f"{NOT_EXECUTED}: no update of the student was executed; submission.zip is valid, of "
            "the best candidate\n  give the run more time (budget.total), or distillation=none"
        )


def create_pipeline() -> Pipeline:
    """From masks to what is handed in and read."""
    return Pipeline(
        [
            Node(
                package,
                ["run", "masks", "volume_scores", "volume_store", "params:volumes"],
                ["submission", "submission_file"],
                name="package",
            ),
            Node(
                summarise,
                [
                    "run",
                    "trained_model",
                    "volume_scores",
                    "submission",
                    "distillation_evidence",
                    "params:budget",
                    "params:solver",
                ],
                ["run_summary", "run_story"],
                name="summarise",
            ),
            Node(
                write_report,
                [
                    "run",
                    "run_summary",
                    "candidate_scores",
                    "volume_scores",
                    "forest_scores",
                    "masks",
                    "volume_store",
                    "params:volumes",
                    "params:judging",
                    "params:training",
                    "run_story",
                    "params:seed",
                ],
                "volumes_report",
                name="write_report",
            ),
            Node(
                publish,
                ["run", "trained_model", "params:checkpoint"],
                "published_checkpoint",
                name="publish",
            ),
            Node(
                require_distilled,
                ["distillation_evidence", "volumes_report"],
                None,
                name="require_distilled",
            ),
        ],
        tags="report",
    )
