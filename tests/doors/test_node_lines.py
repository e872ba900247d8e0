"""What a run prints: a line a node, and the path of its report."""

import logging
from pathlib import Path

import pytest
from whole_run import corpus, mine, two_classes, whole_run


def test_each_node_has_its_line_and_the_last_one_is_the_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine.xml").write_text(corpus(two_classes()), encoding="utf-8")
    with caplog.at_level(logging.INFO, logger="app"):
        whole_run(tmp_path / "out", "models=[check]", *mine(tmp_path / "mine.xml"))
    lines = [line for line in caplog.messages if line.startswith("[")]
    assert "identify" in lines[0]
    assert [int(line[1:3]) for line in lines] == list(range(1, len(lines) + 1))
    (report,) = [line for line in caplog.messages if line.startswith("report: ")]
    assert Path(report.removeprefix("report: ")).is_file()
