"""What a training goes on from: its own checkpoint, of the same config and data, and no other."""

import shutil
from pathlib import Path

import pytest
from study_runs import Runs, events, folder_of, handed_in, read_json

pytestmark = pytest.mark.xdist_group("vesuvius_runs")

MUTATED = {  # override -> the field that is named
    "training.grid.l1=[1.0e-4,1.0e-3,2.0e-2]": "training.grid.l1",
    "training.grid.l2=[1.0e-4]": "training.grid.l2",
    "training.grid.meta_neurons=3": "training.grid.meta_neurons",
    "training.grid.column_share=0.7": "training.grid.column_share",
    "training.grid.init_scale=0.02": "training.grid.init_scale",
    "training.stopping.epochs=3": "training.stopping.epochs",
    "training.prune_quantile=0.3": "training.prune_quantile",
    "training.thresholds=[0.3,0.6,0.01]": "training.thresholds",
    "solver.step=0.07": "solver.step",
    "solver.max_iter=41": "solver.max_iter",
    "solver.dtype=float32": "solver.dtype",
    "search=coarse_to_fine": "search.kind",
    "design.square=false": "design.square",
    "features.scales=[1.0,2.5]": "features",
    "sampling.rows_per_volume=999": "data.train_features",
    "volumes.source.noise=0.8": "data.train_features",
    "seed=7": "seed",
    "distillation.temperature=3.0": "distillation.temperature",
}
RESULTS = ("submission.zip", "summary.json", "candidates.json", "model/weights.npy")


@pytest.fixture(scope="module")
def finished(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("finished")
    assert runs(output).code == 0
    return output


@pytest.mark.slow
@pytest.mark.parametrize(("mutated", "named"), MUTATED.items(), ids=MUTATED.values())
def test_a_checkpoint_of_another_run_is_refused(
    runs: Runs, finished: Path, mutated: str, named: str
) -> None:
    """Nothing that was handed in before is touched."""
    folder = folder_of(finished)
    before = {name: (folder / name).read_bytes() for name in RESULTS}
    ended = runs(finished, mutated)
    assert ended.code == 8, ended.said
    assert "RESUME_INCOMPATIBLE" in ended.said
    assert named in ended.said
    assert "Traceback" not in ended.said
    assert before == {name: (folder / name).read_bytes() for name in RESULTS}
    assert read_json(folder / "status.json")["state"] == "failed"


def test_what_changes_no_result_refuses_nothing(
    runs: Runs, undisturbed: Path, tmp_path: Path
) -> None:
    """The same choices in another order and form, another folder, checkpoints more seldom."""
    killed = runs(tmp_path / "here", "seed=42", "solver.step=0.08", kill_at=70)
    assert killed.code == -9
    (tmp_path / "here").rename(tmp_path / "there")
    again = runs(
        tmp_path / "there",
        "solver.step=8e-2",
        "training.grid.l2=[0.0001,0.01]",
        "seed=42",
        "checkpoint.every=7",
        "checkpoint.generations=3",
        "budget.total=1h",
    )
    assert again.code == 0, again.said
    assert handed_in(tmp_path / "there") == handed_in(undisturbed)


def test_a_damaged_checkpoint_leaves_the_one_before(
    runs: Runs, undisturbed: Path, tmp_path: Path
) -> None:
    assert runs(tmp_path, kill_at=100, saved=True).code == -9
    *_, newest = sorted((folder_of(tmp_path) / "checkpoints").glob("*.ckpt"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    ended = runs(tmp_path)
    assert ended.code == 0, ended.said
    (resumed, *_) = events(tmp_path, "RESUME_OK")
    assert [told for told in resumed["refused"] if f"{newest.name} was not used" in told]
    assert handed_in(tmp_path) == handed_in(undisturbed)


def test_nothing_but_damaged_checkpoints_is_said(runs: Runs, tmp_path: Path) -> None:
    assert runs(tmp_path, kill_at=100, saved=True).code == -9
    files = list((folder_of(tmp_path) / "checkpoints").glob("*.ckpt"))
    for file in files:
        file.write_bytes(file.read_bytes()[:-9])
    ended = runs(tmp_path)
    assert ended.code == 8
    assert "every checkpoint is damaged; move them away to begin anew" in ended.said
    assert ended.said.count(".ckpt was not used") == len(files) >= 2


def test_resume_false_keeps_the_earlier_run(runs: Runs, finished: Path, tmp_path: Path) -> None:
    """Under another name, whole; the new one begins anew, with a config of its own."""
    output = tmp_path / "out"
    shutil.copytree(finished, output)
    before = handed_in(output)
    ended = runs(output, "checkpoint.resume=false", "solver.max_iter=10", "distillation=none")
    assert ended.code == 0, ended.said
    (kept,) = [path for path in folder_of(output).parent.iterdir() if path.name != "demo"]
    assert handed_in(output, kept.name) == before
    assert handed_in(output)["model_sha256"] != before["model_sha256"]
