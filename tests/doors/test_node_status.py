"""A run without a durable one tells `kedro status` how many of its nodes are done."""

from pathlib import Path

from app.config.compose import compose
from app.durable.status import read_status, state_now
from app.run import CONF, run


def test_a_run_leaves_its_status(tmp_path: Path) -> None:
    run(compose(["pipeline=prepare", "tracking=off", f"output_root={tmp_path}"], CONF))
    status = read_status(tmp_path / "reports/web1/ideology_global/status.json")
    assert (status.study, status.percent, state_now(status)) == ("ideo", 100.0, "finished")
    assert status.cursor["node"] == status.cursor["nodes"] > 10
