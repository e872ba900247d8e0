"""A run without a durable one tells `kedro status` how many nodes are done, while it runs."""

from pathlib import Path

import pytest

from app.config.compose import compose
from app.durable.status import Status, read_status, state_now
from app.node_status import NodeStatus
from app.run import CONF, run


def test_a_run_tells_its_status_and_takes_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Status] = []
    before = NodeStatus._write

    def written(self: NodeStatus) -> None:
        before(self)
        told.append(read_status(tmp_path / "running/web1-ideology_global/status.json"))

    monkeypatch.setattr(NodeStatus, "_write", written)
    run(compose(["pipeline=prepare", "tracking=off", f"output_root={tmp_path}"], CONF))
    assert {(each.study, state_now(each)) for each in told} == {("ideo", "running")}
    assert [each.percent for each in told] == sorted(each.percent for each in told)
    assert told[-1].cursor == {"node": 12, "nodes": 13}
    assert not (tmp_path / "running").exists() or not any((tmp_path / "running").iterdir())
