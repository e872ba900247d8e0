"""What the page says of its findings in sentences and figures."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from app.pipelines.vesuvius.judging import MEANS
from app.pipelines.vesuvius.page.findings import Findings, JudgedVolume, Score, Tried
from app.sweep.words import duration

ENDS = {
    "complete": "Training came to its end.",
    "deadline": "The deadline came before the end of training; the best model so far was kept.",
    "interrupted": "The run was stopped before the end of training.",
    "failed": "The run failed before the end of training.",
}
COLUMNS = (
    *("dice", "iou", "f_beta", "precision", "recall"),
    *("surface_dice", "voi_split", "voi_merge", "topology", "combined"),
)

Row = dict[str, Any]


def headline(it: Findings) -> str:
    """The result in one or two sentences."""
    end = ENDS.get(it.cause, f"Training ended: {it.cause}.")
    means = means_of(it.volumes)
    if not means:
        return f"{end} No test volume has labels to be judged by."
    told = f"Dice {means['dice']:.3f} on {counted(len(it.volumes), 'test volume')}"
    forest = forest_means_of(it.volumes)
    if forest:
        told += f", beside {forest['dice']:.3f} of a random forest on the same features"
    return f"{told}. {end}"


def tiles(it: Findings) -> list[Row]:
    """The figures one looks for first: what, value, detail."""
    means, spent = means_of(it.volumes), it.spent
    tiles = []
    if means:
        about = f"IoU {means['iou']:.3f}, F{it.beta:g} {means['f_beta']:.3f}"
        tiles += [tile("Dice", f"{means['dice']:.3f}", about)]
        about = (
            f"SurfaceDice {means['surface_dice']:.3f}, VOI score {means['voi_score']:.3f}, "
            f"topology {means['topology']:.3f}"
        )
        tiles += [tile("Surface score", f"{means['combined']:.3f}", about)]
    told = f"{len(it.tried)} of {it.candidates} candidates compared"
    tiles += [tile("Work done", f"{it.fraction:.1%}", told)]
    told = "no budget was set"
    if spent.total_s:
        told = f"{spent.seconds / spent.total_s:.1%} of a budget of {duration(spent.total_s)}"
    return [*tiles, tile("Time", duration(spent.seconds), told)]


def tile(what: str, value: str, detail: str) -> Row:
    return {"what": what, "value": value, "detail": detail}


def warnings(it: Findings) -> list[str]:
    """What a reader should know before believing the page."""
    found = list(it.warnings)
    if it.spent.total_s and it.spent.seconds > it.spent.total_s:
        over = duration(it.spent.seconds - it.spent.total_s)
        found.append(f"The run took {over} more than its budget.")
    if it.distilled is not None and not it.distilled.updates:
        found.append("The student was never updated: nothing was distilled.")
    if len(it.tried) < it.candidates:
        found.append(
            f"{it.candidates - len(it.tried)} of {counted(it.candidates, 'candidate')} "
            "were not compared: there may be a better one among them."
        )
    return found


def ranked(it: Findings) -> list[Tried]:
    """Candidates, the best score (lowest) first."""
    return sorted(it.tried, key=lambda one: (one.measures["score"], one.candidate.index))


def means_of(volumes: Iterable[JudgedVolume]) -> dict[str, float]:
    """The mean of each score over volumes and their classes; {} where none was judged."""
    return _means(scores for volume in volumes for scores in volume.scores.values())


def forest_means_of(volumes: Iterable[JudgedVolume]) -> dict[str, float]:
    """The same of the forest; {} where there is none."""
    return _means(scores for volume in volumes for scores in volume.forest.values())


def score_table(it: Findings) -> list[Row]:
    """Rows of (volume, class, [(score, the forest's or None) of each column]); means first."""
    rows = []
    for name in it.classes:
        ours = [volume.scores[name] for volume in it.volumes if name in volume.scores]
        theirs = [volume.forest[name] for volume in it.volumes if name in volume.forest]
        rows.append(_row("mean", name, _means(ours), _means(theirs)))
    for volume in it.volumes:
        for name, scores in volume.scores.items():
            rows.append(_row(volume.name, name, scores, volume.forest.get(name, {})))
    return rows


def _row(volume: str, name: str, scores: Score, forest: Score) -> Row:
    return {
        "volume": volume,
        "class": name,
        "cells": [(scores.get(column), forest.get(column)) for column in COLUMNS],
    }


def _means(scores: Iterable[Score]) -> dict[str, float]:
    known = list(scores)
    return {name: float(np.mean([one[name] for one in known])) for name in MEANS if known}


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
