from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain import rows

from app.config.vesuvius.features import Design, Features, Sampling
from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.training import Training
from app.config.vesuvius.volumes import DemoSource, Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import FeatureVolume, Volume
from app.datasets.volume_demo import demo_volume
from app.durable.governor import Governor
from app.durable.journal import read_events
from app.durable.run import JOURNAL, DurableRun
from app.pipelines.vesuvius import stages
from app.pipelines.vesuvius.design import fit_design
from app.pipelines.vesuvius.evaluate import judge_forest, segment_volumes, volume_metrics
from app.pipelines.vesuvius.features import features_of
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.rows import samples_to_arrays
from app.pipelines.vesuvius.sampling import sample

PHASES = {"segment": 1.0, "forest": 1.0, "package": 1.0}
SOURCE = DemoSource(kind="demo", count=3, shape=(12, 24, 24))
VOLUMES = Volumes(name="demo", source=SOURCE, classes={"surface": 1}, ignore=[2])
SEED = 0


@pytest.fixture(scope="module")
def maps() -> list[FeatureVolume]:
    made = [demo_volume(SOURCE, number, SEED) for number in range(1, 4)]
    return [
        features_of(
            Volume(role, role, each.image, each.labels, f"{role}.tif"), Features(scales=[1.0])
        )
        for role, each in zip(("train", "validation", "test"), made, strict=True)
    ]


@pytest.fixture(scope="module")
def samples(maps: list[FeatureVolume]) -> Arrays:
    few = Sampling(rows_per_volume=400, validation_rows=400, unlabelled_rows=0)
    return samples_to_arrays(sample(maps, VOLUMES, few, SEED))


def forest_scores(
    run: DurableRun, samples: Arrays, maps: list[FeatureVolume], judging: Judging
) -> dict[str, Any]:
    how = (VOLUMES, Segmentation(), judging, Training())
    return judge_forest(run, samples, maps, {"test": {}}, *how, SEED)


def out_of_time(folder: Path) -> DurableRun:
    governor = Governor(0.0)
    return DurableRun(folder, study="toy", run_name="a", phases=PHASES, governor=governor)


def trained(samples: Arrays) -> Arrays:
    names = list(samples.about["names"])
    made = rows(samples.arrays["train_features"], samples.arrays["train_target"], names)
    design = fit_design(made, Design())
    weights = np.zeros((len(design.columns), 1))
    weights[0] = 1.0
    model = LinearModel(weights, np.zeros(1), np.full(1, 0.5), design, ("surface",))
    return Arrays(model.arrays(), {"kind": "linear", "model": model.to_json()})


def test_nobody_asked_for_a_forest(
    tmp_path: Path, samples: Arrays, maps: list[FeatureVolume]
) -> None:
    with DurableRun(tmp_path, study="toy", run_name="a", phases=PHASES) as run:
        assert forest_scores(run, samples, maps, Judging()) == {}
        assert "forest" not in run.governor.phases_s()


def test_the_forest_has_a_phase_and_judges_the_test_volumes(
    tmp_path: Path, samples: Arrays, maps: list[FeatureVolume]
) -> None:
    with DurableRun(tmp_path, study="toy", run_name="a", phases=PHASES) as run:
        found = forest_scores(run, samples, maps, Judging(forest=True, forest_rows=200))
        assert run.progress.fractions["forest"] == 1.0
    assert [told["volume"] for told in found["volumes"]] == ["test"]
    assert 0.0 < found["test"]["dice"] <= 1.0
    assert volume_metrics({"test": {"dice": 0.5}}, found)["volumes/random_forest"] == found["test"]


def test_a_forest_there_is_no_time_for_is_told_and_left_out(
    tmp_path: Path, samples: Arrays, maps: list[FeatureVolume], caplog: pytest.LogCaptureFixture
) -> None:
    with out_of_time(tmp_path) as run:
        found = forest_scores(run, samples, maps, Judging(forest=True))
        assert run.progress.fractions["forest"] < 1.0
    assert set(found) == {"skipped"}
    assert "0 of 1 test volumes" in found["skipped"]
    assert found["skipped"] in caplog.text
    told = [each for each in read_events(tmp_path / JOURNAL) if each["event"] == "FOREST_SKIPPED"]
    assert [(each["done"], each["volumes"]) for each in told] == [(0, 1)]
    assert list(volume_metrics({"test": {"dice": 0.5}}, found)) == ["volumes/logistic"]


def test_volumes_there_is_no_time_for_are_told(
    tmp_path: Path, samples: Arrays, maps: list[FeatureVolume], caplog: pytest.LogCaptureFixture
) -> None:
    with out_of_time(tmp_path) as run:
        masks, told = segment_volumes(
            run, trained(samples), maps, VOLUMES, Segmentation(), Judging()
        )
        assert run.progress.fractions["segment"] < 1.0
    assert (dict(masks.arrays), told["complete"], told["test"]) == ({}, False, {})
    assert "0 of 2 volumes were segmented" in caplog.text


def test_all_held_out_volumes_are_segmented(
    tmp_path: Path, samples: Arrays, maps: list[FeatureVolume]
) -> None:
    with DurableRun(tmp_path, study="toy", run_name="a", phases=PHASES) as run:
        masks, told = segment_volumes(
            run, trained(samples), maps, VOLUMES, Segmentation(), Judging()
        )
    assert sorted(masks.arrays) == ["test", "validation"]
    assert told["complete"]
    assert told["test"]["dice"] > 0.0


def test_the_forest_comes_after_the_masks_and_before_the_package() -> None:
    whole = sum(stages().values())
    names = [node.name for node in whole.nodes]
    wanted = ["train_model", "segment_volumes", "judge_forest", "package"]
    assert sorted(wanted, key=names.index) == wanted
