"""An alarm cuts what is at work, once, and never the unwinding of something else."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from app.durable.alarm import Alarm, DeadlineReached
from app.durable.interrupt import Interrupted, interruptible


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_it_cuts_a_sleep_and_a_busy_loop() -> None:
    with pytest.raises(DeadlineReached), Alarm(0.02):
        time.sleep(10)
    with pytest.raises(DeadlineReached), Alarm(0.02):
        while True:
            pass


def test_no_except_exception_keeps_the_work_going() -> None:
    assert not issubclass(DeadlineReached, Exception)


def test_work_that_is_done_in_time_is_not_touched() -> None:
    with Alarm(10):
        pass
    with Alarm(float("inf")):
        pass


def test_a_deadline_that_has_passed_rings_as_the_body_begins() -> None:
    with pytest.raises(DeadlineReached), Alarm(-1.0):
        time.sleep(10)


def test_an_alarm_that_python_drops_rings_again() -> None:
    class Deaf:
        def __del__(self) -> None:
            time.sleep(0.03)  # what is raised in a destructor is printed and dropped

    told: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda told_of: told.append(told_of.exc_value))
        with pytest.raises(DeadlineReached), Alarm(0.01):
            deaf = Deaf()
            del deaf
            time.sleep(10)
    assert [type(error) for error in told] == [DeadlineReached]


def test_cleaning_up_after_the_alarm_is_not_cut() -> None:
    cleaned = []

    def work() -> None:
        try:
            time.sleep(10)
        finally:
            time.sleep(0.2)  # several more rings
            cleaned.append("all of it")

    with pytest.raises(DeadlineReached), Alarm(0.01):
        work()
    assert cleaned == ["all of it"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Interrupted])
def test_the_unwinding_of_a_signal_is_not_cut(stop: type[BaseException]) -> None:
    cleaned = []

    def work() -> None:
        try:
            raise stop
        finally:
            try:
                raise FileNotFoundError
            except FileNotFoundError:
                time.sleep(0.1)
            cleaned.append("all of it")

    with pytest.raises(stop), Alarm(0.02):
        work()
    assert cleaned == ["all of it"]


def test_sigterm_inside_an_alarm_ends_as_sigterm() -> None:
    with pytest.raises(Interrupted), interruptible(), Alarm(10):
        signal.raise_signal(signal.SIGTERM)


def test_who_goes_on_after_the_deadline_is_told_again() -> None:
    heard = 0
    with Alarm(0.01):
        for _ in range(3):
            try:
                time.sleep(10)
            except DeadlineReached:
                heard += 1
    assert heard == 3


def test_of_nested_alarms_the_earliest_rings_and_the_outer_one_is_set_again() -> None:
    with pytest.raises(DeadlineReached), Alarm(0.05), Alarm(10):
        time.sleep(10)
    with Alarm(0.15):
        with pytest.raises(DeadlineReached), Alarm(0.02):
            time.sleep(10)
        with pytest.raises(DeadlineReached):
            time.sleep(10)


def test_it_can_be_set_to_another_time() -> None:
    with Alarm(0.02) as alarm:
        alarm.reset(10)
        time.sleep(0.05)
        with pytest.raises(DeadlineReached):
            alarm.reset(0.01)
            time.sleep(10)


def test_leaving_at_the_moment_it_rings_leaves_nothing_set() -> None:
    """Thousands of contexts that end as their alarm rings: whatever is raised, none stays set."""
    outcomes = set()
    for number in range(2000):
        try:
            with Alarm(1e-6 * (number % 150)):
                sum(range(number % 40))
            outcomes.add("in time")
        except DeadlineReached:
            outcomes.add("cut")
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert "in time" in outcomes


def test_outside_the_main_thread_it_changes_nothing() -> None:
    handlers = []

    def work() -> None:
        with Alarm(0.01):
            time.sleep(0.03)
            handlers.append(signal.getsignal(signal.SIGALRM))

    before = signal.getsignal(signal.SIGALRM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]
