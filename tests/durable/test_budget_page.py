"""The example of docs/durable_budget.md does what the page says, and the page names every key."""

import re
from pathlib import Path

import numpy as np
import pytest

from app.durable.status import Status, read_status

PAGE = (Path(__file__).parents[2] / "docs" / "durable_budget.md").read_text(encoding="utf-8")


def test_the_example_runs_and_a_second_start_finds_it_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for _ in range(2):
        exec(compile(code, "durable_budget.md", "exec"), {})
    assert np.load("data/steps/weights.npy").tolist() == [100.0] * 3
    assert read_status(Path("data/steps/status.json")).state == "finished"


def test_every_key_of_a_status_is_explained() -> None:
    table = PAGE[PAGE.index("### status.json") :]
    assert [key for key in Status.model_fields if not re.search(rf"\b{key}\b", table)] == []
