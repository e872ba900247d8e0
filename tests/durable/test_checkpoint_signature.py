"""A checkpoint of another run is refused with each field named; the same run is never refused."""

import copy
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.durable.checkpoint import Checkpoints, Snapshot
from app.errors import ResumeError


class Solver(StrEnum):
    REFERENCE = "reference"


SIGNATURE: dict[str, Any] = {
    "study": "vesuvius",
    "config": "a1b2",
    "seed": 7,
    "rows": {"train": 960_000, "validation": 100_000},
    "features": {"shape": [64, 3], "names": ["gaussian s=1", "gaussian s=2"], "key": "c3d4"},
    "grid": {"meta_neurons": 9, "l1": [1e-4, 1e-2], "l2": [1e-4], "leave_out": True},
    "solver": {"kind": "reference", "step": 0.08, "dtype": "float64"},
    "data": {"volumes": {"scroll1": "9f9f", "scroll2": "8e8e"}},
    "model": "linear",
    "distillation": None,
}

Change = Callable[[dict[str, Any]], Any]
CHANGES: list[tuple[str, Change]] = [
    ("study", lambda s: s.update(study="other")),
    ("config", lambda s: s.update(config="a1b3")),
    ("seed", lambda s: s.update(seed=8)),
    ("rows.train", lambda s: s["rows"].update(train=959_999)),
    ("features.shape", lambda s: s["features"].update(shape=[3, 64])),
    ("features.names", lambda s: s["features"].update(names=["gaussian s=2", "gaussian s=1"])),
    ("features.key", lambda s: s["features"].pop("key")),
    ("grid.meta_neurons", lambda s: s["grid"].update(meta_neurons="9")),
    ("grid.l1", lambda s: s["grid"].update(l1=[1e-4, np.nextafter(1e-2, 1)])),
    ("grid.l2", lambda s: s["grid"].update(l2=[1e-4, 1e-4])),
    ("grid.leave_out", lambda s: s["grid"].update(leave_out=1)),
    ("grid.repeats", lambda s: s["grid"].update(repeats=1)),
    ("solver.kind", lambda s: s["solver"].update(kind="optimal")),
    ("solver.dtype", lambda s: s["solver"].update(dtype="float32")),
    ("data.volumes.scroll2", lambda s: s["data"]["volumes"].update(scroll2="8e8f")),
    ("model", lambda s: s.update(model=["linear"])),
    ("distillation", lambda s: s.update(distillation={"epochs": 3})),
    ("distillation", lambda s: s.update(distillation=False)),
]


def same(changes: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    changed = copy.deepcopy(SIGNATURE)
    changes(changed)
    return changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Checkpoints(tmp_path, SIGNATURE, "run").save(Snapshot({"iter": 3}, {}, {}))
    return tmp_path


@pytest.mark.parametrize(("field", "change"), CHANGES)
def test_each_changed_field_is_refused_by_its_name(
    field: str, change: Change, folder: Path
) -> None:
    with pytest.raises(ResumeError, match="RESUME_INCOMPATIBLE") as refused:
        Checkpoints(folder, same(change), "run").load()
    lines = str(refused.value).splitlines()[1:]
    assert [line.strip().partition(":")[0] for line in lines] == [field]
    assert "in the checkpoint" in lines[0]
    assert "in this run" in lines[0]


def test_all_that_differ_are_named_with_both_values(folder: Path) -> None:
    def change(s: dict[str, Any]) -> None:
        s["seed"] = 8
        s["solver"]["step"] = 0.1
        s["rows"] = {}

    with pytest.raises(ResumeError) as refused:
        Checkpoints(folder, same(change), "run").load()
    text = str(refused.value)
    assert "seed: 7 in the checkpoint, 8 in this run" in text
    assert "solver.step: 0.08 in the checkpoint, 0.1 in this run" in text
    assert "rows: {'train': 960000, 'validation': 100000} in the checkpoint, {} in" in text


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return value


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(seed=7.0),
        lambda s: s.update(seed=np.int64(7)),
        lambda s: s["features"].update(shape=(64, 3)),
        lambda s: s["features"].update(shape=np.array([64, 3])),
        lambda s: s["solver"].update(step=np.float64(0.08)),
        lambda s: s["solver"].update(kind=Solver.REFERENCE),
        lambda s: s["grid"].update(leave_out=np.bool_(True)),
        lambda s: s.update({"grid": reversed_keys(s.pop("grid"))}),
    ],
)
def test_the_same_in_other_kinds_is_not_refused(change: Change, folder: Path) -> None:
    assert Checkpoints(folder, same(change), "another run of it").load() is not None
    assert Checkpoints(folder, reversed_keys(same(change)), "run").load() is not None


def test_a_nan_equals_itself(tmp_path: Path) -> None:
    told = {"limit": float("nan"), "to": [float("inf")]}
    Checkpoints(tmp_path, told, "run").save(Snapshot({}, {}, {}))
    assert Checkpoints(tmp_path, dict(told), "run").load() is not None


def test_an_older_checkpoint_that_fits_is_not_used_behind_a_newer_one_that_does_not(
    folder: Path,
) -> None:
    changed = same(lambda s: s.update(seed=8))
    Checkpoints(folder, changed, "run").save(Snapshot({"iter": 4}, {}, {}))
    with pytest.raises(ResumeError, match="seed: 8 in the checkpoint, 7"):
        Checkpoints(folder, SIGNATURE, "run").load()
