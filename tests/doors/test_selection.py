"""What `kedro run` selects must exist and be able to start; else one message says what would."""

from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from test_doors import BIN, run
from whole_run import SVM

from app.errors import ConfigError
from app.selection import require_nodes

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"node_names": ("split_document",)}, "--nodes=split_document: no such node"),
        ({"from_nodes": ["score_model"]}, "did you mean 'score_models'"),
        ({"tags": ("preparee",)}, "did you mean 'prepare'"),
        ({"to_outputs": ["trainn"]}, "no such dataset in this pipeline; did you mean 'train'"),
        ({"namespaces": ["x"]}, "no such namespace"),
        ({"tags": ("prepare",), "node_names": ("score_models",)}, "no node of this pipeline"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_names_that_select_nothing_are_refused(filters: dict[str, list[str]], said: str) -> None:
    bootstrap_project(PROJECT)
    with pytest.raises(ConfigError) as refused:
        require_nodes(pipelines["ideo"], filters)
    assert said in str(refused.value)


def test_nodes_that_read_what_is_only_in_memory_name_those_they_need(tmp_path: Path) -> None:
    params = ",".join([*SVM, "tracking=off", f"output_root={tmp_path}"])
    refused = run(str(BIN / "kedro"), "run", "--from-nodes=score_models", "--params", params)
    assert refused.returncode == 2
    assert "never in files: " in refused.stderr
    assert "predict_baselines" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("option", ["--runner=Foo", "--runner=ParallelRunner", "--env=nowhere"])
def test_runners_and_environments_that_cannot_run_are_refused(option: str) -> None:
    refused = run(str(BIN / "kedro"), "run", option, "--params", "models=[check],tracking=off")
    assert refused.returncode == 2
    assert option in refused.stderr
    assert "Traceback" not in refused.stderr
