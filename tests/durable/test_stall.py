"""A heartbeat goes on while the loop is silent, and a long silence is a stall."""

import threading

from app.durable.stall import LEAST_S, TIMES_USUAL, Heartbeat, StallWatch


def test_silence_is_a_stall_after_a_while_and_told_again_when_it_has_doubled() -> None:
    watch = StallWatch(now=0.0)
    told = [second for second in range(1, 300) if watch.stalled(float(second))]
    assert told == [30, 60, 120, 240]
    watch.advanced(300.0)
    assert not watch.stalled(301.0)


def test_a_loop_of_long_steps_is_not_called_stalled() -> None:
    watch = StallWatch(now=0.0)
    for step in range(1, 10):
        watch.advanced(60.0 * step)
    assert watch.silence(540.0 + 4 * LEAST_S) == 4 * LEAST_S
    assert not watch.stalled(540.0 + 4 * LEAST_S)
    assert watch.stalled(540.0 + 60.0 * TIMES_USUAL)


def test_the_heart_beats_until_it_is_closed_and_survives_a_full_disk() -> None:
    beats = threading.Semaphore(0)

    def beat() -> None:
        beats.release()
        raise OSError(28, "No space left on device")

    with Heartbeat(beat, every_s=0.005):
        for _ in range(3):
            assert beats.acquire(timeout=10)
    while beats.acquire(blocking=False):
        pass
    assert not beats.acquire(timeout=0.03)
