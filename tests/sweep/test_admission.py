"""Admission: never more memory than there is, never a run that would wait for ever."""

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.scheduler import Scheduler
from app.errors import ConfigError
from app.sweep.admission import MARGIN, Admission, Measured
from app.sweep.ledger import RunState

CLASSES = {"light": 0.5, "medium": 1.5, "heavy": 6.0}


def run(name: str = "a", resource: str = "light", kind: str = "k", **told: Any) -> RunState:
    return RunState(
        run_id=name, position=0, key=name, repeat=0, seed=None, overrides=[f"x={name}"], axes={},
        kind=kind, resource=resource, families=[], **told,
    )  # fmt: skip


def admission(max_ram_gb: float = 8.0, slots: int = 4, **told: Any) -> Admission:
    return Admission(Scheduler.model_validate(told), slots, max_ram_gb, Measured())


@given(
    resources=st.lists(st.sampled_from(sorted(CLASSES)), min_size=1, max_size=30),
    max_ram_gb=st.floats(6.0, 20.0),
    slots=st.integers(1, 8),
    chance=st.randoms(use_true_random=False),
)
def test_what_is_admitted_is_never_more_than_there_is(
    resources: list[str], max_ram_gb: float, slots: int, chance: random.Random
) -> None:
    """Runs come and go in any order, and take at most what their class says."""
    admitted = admission(max_ram_gb, slots)
    waiting = [run(str(n), resource, kind=resource) for n, resource in enumerate(resources)]
    admitted.require_possible(waiting)
    inside: list[RunState] = []
    while waiting or inside:
        while waiting and admitted.fits(waiting[0]):
            inside.append(waiting.pop(0))
            admitted.admit(inside[-1])
        assert inside
        assert admitted.used_gb() <= max_ram_gb
        weights = sum(weight for weight, _ in admitted.admitted.values())
        assert weights <= slots or len(inside) == 1
        ended = inside.pop(chance.randrange(len(inside)))
        ended.status, ended.peak_gb = "ok", CLASSES[ended.resource] * chance.uniform(0.1, 1.0)
        admitted.release(ended)


def test_a_measured_peak_corrects_what_the_class_says() -> None:
    admitted = admission()
    admitted.release(run(status="ok", peak_gb=2.0))
    assert admitted.ram_gb(run("b")) == pytest.approx(2.0 * MARGIN)
    admitted.release(run("b", status="ok", peak_gb=1.0))  # the highest counts
    assert admitted.ram_gb(run("c")) == pytest.approx(2.0 * MARGIN)
    assert admitted.ram_gb(run("c", kind="other")) == 0.5


def test_a_run_that_was_not_measured_corrects_nothing() -> None:
    """It ended while no supervisor looked."""
    admitted = admission()
    admitted.release(run(status="ok", peak_gb=0.0, seconds=3.0))
    assert admitted.ram_gb(run("b")) == 0.5
    assert admitted.measured.q95_seconds("k") == 3.0


def test_a_run_with_cached_stages_is_not_the_first_measure_of_its_kind() -> None:
    admitted = admission()
    admitted.release(run(status="ok", peak_gb=0.1, cached_stages=["prepare"]))
    assert admitted.ram_gb(run("b")) == 0.5
    admitted.release(run(status="ok", peak_gb=2.0))
    assert admitted.ram_gb(run("b")) == pytest.approx(2.2)


def test_a_run_that_fits_only_without_the_margin_still_fits() -> None:
    admitted = admission(max_ram_gb=2.1)
    admitted.release(run(status="ok", peak_gb=2.0))
    admitted.require_possible([run("b")])
    assert admitted.ram_gb(run("b")) == 2.1


def test_a_run_that_can_never_fit_is_refused_with_its_class_or_its_measure() -> None:
    with pytest.raises(ConfigError, match=r"class heavy \(x=a\) needs 6.0 GB.*allows 4.0"):
        admission(max_ram_gb=4.0).require_possible([run(resource="heavy")])
    measured = admission(max_ram_gb=2.0)
    measured.release(run(status="ok", peak_gb=2.5))
    with pytest.raises(ConfigError, match=r"runs like x=b took 2.5 GB.*allows 2.0"):
        measured.require_possible([run("b")])
    measured.require_possible([run("c", status="failed")])  # it has ended


def test_a_hard_limit_is_the_most_a_run_is_admitted_with() -> None:
    assert admission(max_ram_per_run_gb=0.25).ram_gb(run()) == 0.25
    assert admission(max_ram_per_run_gb=2.0).ram_gb(run()) == 0.5


def test_after_a_backoff_a_run_is_admitted_with_all_it_may_take() -> None:
    admitted = admission(
        max_ram_per_run_gb=1.0, oom_policy="backoff", backoff="bigger_slot", backoff_factor=2
    )
    admitted.release(run(status="ok", peak_gb=0.1))  # others of its kind are small
    assert admitted.limit_gb(run("b", backoff=2)) == 4.0
    assert admitted.ram_gb(run("b", backoff=2)) == 4.0


def test_a_heavy_run_waits_for_its_weight_and_runs_alone_where_there_is_none() -> None:
    admitted = admission(max_ram_gb=20.0, slots=2)
    admitted.admit(run("a"))
    assert not admitted.fits(run("b", "heavy"))
    assert admitted.fits(run("c"))
    assert admission(slots=1).fits(run("d", "heavy"))


def test_a_run_that_would_not_end_in_time_is_not_started() -> None:
    admitted = admission()
    admitted.deadline = time.monotonic() + 100
    assert admitted.is_in_time(run())  # nothing is known of its kind
    for seconds in [10.0] * 19 + [200.0]:
        admitted.release(run(status="ok", peak_gb=0.1, seconds=seconds))
    assert admitted.measured.q95_seconds("k") == 200.0
    assert not admitted.is_in_time(run())
    assert admitted.is_in_time(run(kind="other"))
    admitted.deadline = time.monotonic() - 1
    assert not admitted.is_in_time(run(kind="other"))
