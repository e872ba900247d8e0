"""Findings of a run that never was, for the page."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from app.config.vesuvius.segmentation import Judging
from app.pipelines.vesuvius.grid import Candidate
from app.pipelines.vesuvius.judging import judge
from app.pipelines.vesuvius.overlap import Truth
from app.pipelines.vesuvius.page.findings import (
    Distilled,
    Findings,
    JudgedVolume,
    Pictured,
    Spent,
    Tried,
)


def pictured(name: str, shape: tuple[int, int, int] = (12, 24, 26), seed: int = 0) -> Pictured:
    """Blobs, a mask that is right in most of them, a corner nobody labelled."""
    random = np.random.default_rng(seed)
    field = gaussian_filter(random.standard_normal(shape), 2.0)
    codes = (field > 0.02).astype(np.uint8)
    mask = (field + 0.01 * random.standard_normal(shape) > 0.02).astype(np.uint8)
    counted = np.ones(shape, dtype=bool)
    counted[:, :6, :6] = False
    return Pictured(name, field.astype(np.float32), mask, Truth(codes, counted))


def judged(volume: Pictured, with_forest: bool) -> JudgedVolume:
    assert volume.truth is not None
    scores = {
        name: one.to_json()
        for name, one in judge(volume.mask, volume.truth, ["surface"], Judging()).items()
    }
    return JudgedVolume(volume.name, scores, scores if with_forest else {})


def tried(n: int) -> list[Tried]:
    random = np.random.default_rng(1)
    found = []
    for index in range(n):
        l1, l2 = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)[index // 3 % 5], (1e-4, 1e-3, 1e-2)[index % 3]
        candidate = Candidate(index, index // 15, l1, l2, 0, seed=index)
        last = 0.30 + 8 * l1 + 0.01 * float(random.random())
        curve = [(10.0 * k, last + 0.4 * float(np.exp(-k / 3))) for k in range(1, 13)]
        measures = {
            "score": last - 0.4,
            "cross_entropy": last,
            "penalty": 0.01,
            "sparsity": 30 * l1,
            "threshold": 0.45,
            "f1": 0.9 - last / 10,
            "f_half": 0.88 - last / 10,
            "iou": 0.8 - last / 10,
        }
        found.append(Tried(candidate, measures, curve, same_as=0 if index == 4 else None))
    return found


def findings(**changes: Any) -> Findings:
    volumes = [pictured(f"scroll{number}", seed=number) for number in range(3)]
    whole = Findings(
        run_name="full",
        made="21 November 2026, 08:00",
        cause="deadline",
        fraction=1.0,
        classes=["surface"],
        beta=0.5,
        surface_tolerance=2.0,
        volumes=[judged(volume, with_forest=True) for volume in volumes],
        pictured=volumes,
        candidates=45,
        tried=tried(43),
        best=2,
        spent=Spent(
            phases={"discovery": 0.4, "load": 2.1, "features": 41.0, "train": 480.0, "segment": 21},
            shares={"compute": 0.991, "log": 0.0004, "I/O": 0.0086},
            progress=[(6.0 * k, min(1.0, 0.011 * k)) for k in range(92)],
            restarts=[110.0, 300.0],
            total_s=600.0,
            reserve_s=45.0,
            facts={"candidates per second": "0.28", "speed-up over the run before": "1.02"},
        ),
        distilled=Distilled(
            updates=312,
            losses=[(float(k), 0.4 + 0.3 * float(np.exp(-k / 60))) for k in range(312)],
            validation={"teacher": 0.951, "student before": 0.938, "student after": 0.946},
            events={"DISTILLATION_START": 1, "STUDENT_UPDATE": 312, "CHECKPOINT_WRITTEN": 3},
            checkpoints=[(1_763_712_000_000_000_000, "ab" * 64)],
        ),
        submission={"SHA-256": "cd" * 32, "volumes": "3", "bytes": "18,211"},
        provenance={"git": "0123abc", "final weights, SHA-256": "ef" * 32},
        config={"grid.meta_neurons": "3", "solver.kind": "reference"},
    )
    return replace(whole, **changes)
