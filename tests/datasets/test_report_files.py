"""Files of a report: text, a folder of plots, one file a model."""

from pathlib import Path

import pytest
from kedro.framework.context.context import _convert_paths_to_absolute_posix
from kedro.io import DatasetError

from app.datasets.per_model import PerModelDataset
from app.datasets.text import TextDataset
from app.datasets.text_folder import TextFolderDataset


def test_text_survives_as_written(tmp_path: Path) -> None:
    dataset = TextDataset(str(tmp_path / "reports" / "report.md"))
    dataset.save("été\r\n<b>\n")
    assert (tmp_path / "reports" / "report.md").read_bytes() == "été\r\n<b>\n".encode()
    assert dataset.exists()
    assert dataset.filepath == tmp_path / "reports" / "report.md"
    dataset.save("new")
    assert dataset.load() == "new"
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["report.md"]


def test_plots_of_an_earlier_save_do_not_stay(tmp_path: Path) -> None:
    dataset = TextFolderDataset(str(tmp_path / "plots"))
    dataset.save({"scores": "<svg/>", "confusion_old": "<svg/>"})
    dataset.save({"scores": "<svg></svg>"})
    assert dataset.load() == {"scores": "<svg></svg>"}


def test_one_file_a_model(tmp_path: Path) -> None:
    dataset = PerModelDataset(str(tmp_path), "metrics.json")
    dataset.save({"sklearn/svm": {"b": 1.5, "a": "é"}, "spacy/cnn": {"a": None}})
    assert dataset.load() == {"sklearn/svm": {"b": 1.5, "a": "é"}, "spacy/cnn": {"a": None}}
    written = (tmp_path / "sklearn" / "svm" / "metrics.json").read_text("utf-8")
    assert written == '{\n  "a": "é",\n  "b": 1.5\n}\n'


def test_kedro_leaves_the_name_alone(tmp_path: Path) -> None:
    """Kedro makes absolute paths of relative ones under the keys it knows; with such a key every
    model wrote one file of the project's folder, and rows carried another model's numbers."""
    options = {"type": "app.datasets.per_model.PerModelDataset", "name": "metrics.json"}
    catalog = {"metrics": {**options, "folder": "reports"}}
    converted = _convert_paths_to_absolute_posix(project_path=tmp_path, conf_dictionary=catalog)
    assert converted["metrics"]["name"] == "metrics.json"


def test_text_files_and_files_by_field(tmp_path: Path) -> None:
    reports = PerModelDataset(str(tmp_path), "classification_report.txt")
    reports.save({"sklearn/svm": "precision\n"})
    assert reports.load() == {"sklearn/svm": "precision\n"}
    fields = PerModelDataset(str(tmp_path), "metrics_by_{}.json")
    fields.save({"sklearn/svm/party": {"field": "party"}, "sklearn/svm/gender": {}})
    assert fields.path_of("sklearn/svm/party").is_file()
    assert fields.load() == {"sklearn/svm/gender": {}, "sklearn/svm/party": {"field": "party"}}


def test_a_metric_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not JSON compliant"):
        PerModelDataset(str(tmp_path), "metrics.json").save({"a/b": {"accuracy": float("nan")}})
    assert not list(tmp_path.rglob("*.json"))
