"""The plan: each run once, known ones as they were, and what is refused before anything starts."""

from collections.abc import Sequence

import pytest
from omegaconf import DictConfig, OmegaConf

from app.config.superior import Superior
from app.errors import ConfigError
from app.sweep.application import Application
from app.sweep.ledger import SweepState
from app.sweep.plan import Configs, Plan, axes_of, make_plan, seeded, without_own

HYDRA = {"hydra": {"overrides": {"task": []}}}


def compose(overrides: Sequence[str]) -> DictConfig:
    """A config of four keys: `silent` changes no value."""
    config = OmegaConf.create({"x": 0, "y": 0, "seed": 7} | HYDRA)
    told = [item for item in overrides if not item.startswith("silent=")]
    config.merge_with_dotlist(told)
    config.hydra.overrides.task = list(overrides)
    return config


def planned(
    jobs: Sequence[Sequence[str]],
    settings: Superior | None = None,
    state: SweepState | None = None,
    is_unchanged: bool = False,
) -> Plan:
    settings = settings or Superior()
    configs = Configs(compose, Application())
    return make_plan(jobs, 0, state or SweepState(), settings, configs, is_unchanged)


def after(*plans: Plan) -> SweepState:
    state = SweepState(exp_id="e")
    for plan in plans:
        state.runs.update({run.run_id: run for run in plan.new})
    return state


def test_runs_are_named_by_their_config_and_repeat() -> None:
    plan = planned([["x=1"], ["x=2"]], Superior(repeats=2))
    first, again, *_ = plan.runs
    assert (first.run_id, again.run_id) == (f"{first.key[:12]}_r0", f"{first.key[:12]}_r1")
    assert plan.by_job[0] == [first.run_id, again.run_id]
    assert len({run.run_id for run in plan.runs}) == 4
    assert [run.axes for run in plan.runs[::2]] == [{"x": "1"}, {"x": "2"}]


def test_known_runs_are_not_planned_again_nor_composed_while_the_files_are_unchanged() -> None:
    first = planned([["x=1"], ["x=2"]])
    second = planned([["x=1"], ["x=2"], ["x=3"]], state=after(first), is_unchanged=True)
    assert second.composed == 1
    assert [run.axes["x"] for run in second.new] == ["3"]
    third = planned([["x=1"], ["x=2"]], state=after(first), is_unchanged=False)
    assert (third.composed, third.new) == (2, [])


def test_no_two_runs_have_one_position_also_when_values_come_before_known_ones() -> None:
    first = planned([["x=2"], ["x=3"]], Superior(repeats=2))
    second = planned([["x=1"], ["x=2"], ["x=3"]], Superior(repeats=3), after(first))
    positions = [run.position for run in after(first, second).runs.values()]
    assert sorted(positions) == list(range(9))


def test_the_position_begins_at_the_first_job_of_a_batch() -> None:
    configs = Configs(compose, Application())
    plan = make_plan([["x=1"], ["x=2"]], 4, SweepState(), Superior(), configs, False)
    assert [run.position for run in plan.runs] == [4, 5]


@pytest.mark.parametrize("second", [["x=1"], ["x=1", "silent=2"], ["x=1", "y=0"]])
def test_two_runs_of_one_config_are_refused(second: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"same config: x=1 and x=1"):
        planned([["x=1"], second])


def test_a_run_that_has_become_another_is_refused() -> None:
    state = after(planned([["x=1"]]))
    next(iter(state.runs.values())).key = "another"
    with pytest.raises(ConfigError, match=r"exp_id=e holds another experiment: x=1"):
        planned([["x=1"]], state=state)


def test_another_seed_strategy_under_one_name_is_refused() -> None:
    state = after(planned([["x=1"]], Superior(repeats=2)))
    with pytest.raises(ConfigError, match=r"repeat 1, was planned with seed 7 and has \d+ now"):
        planned([["x=1"]], Superior(repeats=2, seed_strategy="per_repeat"), state)


def test_keys_of_the_sweep_itself_are_no_axes() -> None:
    assert without_own([["x=1", "superior.parallel=2"]]) == [["x=1"]]
    with pytest.raises(ConfigError, match=r"superior\.repeats: an axis of runs cannot be"):
        without_own([["superior.repeats=1"], ["superior.repeats=2"]])


def test_axes_are_the_keys_whose_values_differ() -> None:
    assert axes_of([["x=1", "+y=1"], ["x=2", "+y=1"]]) == ["x"]


def test_a_repeat_has_its_seed_and_a_backoff_its_values_in_the_config_and_the_overrides() -> None:
    run = planned([["x=8"]], Superior(seed_strategy="per_run")).runs[0]
    run.changes = [{"x": 4}, {"x": 2}]
    config = seeded(compose(["x=8"]), run)
    assert (config.x, config.seed) == (2, run.seed)
    assert list(config.hydra.overrides.task) == ["x=8", f"++seed={run.seed}", "++x=2"]
