"""Workers: the same values whoever evaluates, and an end in order however it comes."""

import atexit
import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from opaque import failing_at_three, killed_at_three, rough

from app.config.janus.sampler import Workers
from app.durable.alarm import Alarm, DeadlineReached
from app.durable.run import DurableRun
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus.custom import load_function
from app.pipelines.janus.workers import Pool

THETA = np.random.default_rng(5).normal(size=(37, 2))
FROM_0_TO_7 = np.column_stack([np.arange(8.0), np.zeros(8)])


def workers(backend: str = "processes", options: dict[str, Any] | None = None) -> Workers:
    return Workers.model_validate({"backend": backend, "options": options or {}})


def evaluated(function: Any, count: int, theta: Any = THETA, config: Workers | None = None) -> Any:
    with Pool(function, count, config or workers(), names=("a", "b")) as pool:
        return pool(theta)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every test leaves no child behind, not even a dead one."""
    before = set(psutil.Process().children(recursive=True))
    yield
    until = time.monotonic() + 5.0
    while (left := _children() - before) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == set()


def _children() -> set[psutil.Process]:
    """But for loky's tracker of shared files, which ends with this process."""
    found = set()
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "resource_tracker" not in " ".join(one.cmdline()):
                found.add(one)
    return found


def test_one_two_and_three_give_the_same_bits() -> None:
    one = evaluated(rough, 1)
    assert np.array_equal(one, [rough(row) for row in THETA])
    for count in (2, 3):
        assert np.array_equal(one, evaluated(rough, count))


def test_two_are_processes_and_one_is_this() -> None:
    with Pool(lambda theta: float(os.getpid()), 2, workers()) as pool:
        pids = set(pool(THETA)) | set(pool(THETA))
        assert float(os.getpid()) not in pids
        assert len(pids) == 2
    assert set(evaluated(lambda theta: float(os.getpid()), 1)) == {float(os.getpid())}


def test_a_batch_may_be_small_or_empty() -> None:
    with Pool(failing_at_three, 3, workers()) as pool:
        assert pool(FROM_0_TO_7[:1]).tolist() == [0.0]
        assert pool(FROM_0_TO_7[:0]).shape == (0,)
        assert pool(FROM_0_TO_7[:2]).tolist() == [0.0, -1.0]


def test_minus_infinity_is_a_value() -> None:
    assert evaluated(lambda theta: -math.inf, 2).tolist() == [-math.inf] * len(THETA)


def test_integers_and_numpy_numbers_are_values() -> None:
    assert evaluated(lambda theta: 3, 1)[0] == 3.0
    assert evaluated(lambda theta: np.float32(0.5), 2)[0] == 0.5
    assert evaluated(lambda theta: np.array(2.0), 2)[0] == 2.0


def test_data_are_inherited_and_nothing_is_pickled() -> None:
    class Unpicklable:
        lock = threading.Lock()

        def __reduce__(self) -> Any:
            raise AssertionError("it was pickled")

    held, data = Unpicklable(), np.arange(50_000_000 // 8, dtype=np.float64)

    def function(theta: Any) -> float:
        with held.lock:
            return float(data[int(theta[0])])

    assert evaluated(function, 2, FROM_0_TO_7).tolist() == list(range(8))


def test_data_are_shared_memory() -> None:
    """What a fork that copied its data would need is not used."""
    data = np.ones(50_000_000 // 8)

    def private_mb(theta: Any) -> float:
        assert data.sum() == len(data)
        return float(psutil.Process().memory_full_info().uss) / 1e6

    assert evaluated(private_mb, 2, FROM_0_TO_7).max() < 40.0


def test_what_a_function_does_to_its_vector_stays_there() -> None:
    def function(theta: Any) -> float:
        theta[:] = 9.0
        return 0.0

    theta = FROM_0_TO_7.copy()
    for count in (1, 2):
        evaluated(function, count, theta)
        assert np.array_equal(theta, FROM_0_TO_7)


@pytest.mark.parametrize("count", [1, 2])
def test_an_exception_is_told_with_its_place_and_vector(count: int) -> None:
    with pytest.raises(SuperiorError) as failed:
        evaluated(failing_at_three, count, FROM_0_TO_7)
    said = str(failed.value)
    assert said.startswith("the log-probability raised ValueError: no such universe")
    assert "opaque.py, line " in said
    assert "\n  at a=3.0, b=0.0\n" in said


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "gave nan"),
        (math.inf, "gave inf"),
        (None, "gave None"),
        (np.zeros(1), r"an array of shape \(1,\)"),
        ((0.0, "blob"), "of type tuple"),
        ([[1.0], [1.0, 2.0]], "of type list"),
        ("0.5", "of type str"),
        (1j, "of type complex"),
        (True, "of type bool"),
    ],
)
def test_what_is_no_log_probability_is_refused(count: int, value: Any, words: str) -> None:
    with pytest.raises(SuperiorError, match=words) as failed:
        evaluated(lambda theta: value if theta[0] == 3.0 else 0.0, count, FROM_0_TO_7)
    assert "at a=3.0, b=0.0" in str(failed.value)


@pytest.mark.parametrize("count", [1, 2])
def test_a_function_that_exits_has_failed(count: int) -> None:
    with pytest.raises(SuperiorError, match="raised SystemExit: 3"):
        evaluated(lambda theta: sys.exit(3), count)


def test_a_killed_worker_is_told_with_its_vector() -> None:
    with pytest.raises(SuperiorError) as failed:
        evaluated(killed_at_three, 2, FROM_0_TO_7)
    said = str(failed.value)
    assert "was killed by SIGKILL" in said
    assert "n_workers" in said
    assert said.endswith("at a=3.0, b=0.0")


def test_a_worker_that_exits_is_told() -> None:
    with pytest.raises(SuperiorError, match="ended with exit code 7"):
        evaluated(lambda theta: os._exit(7), 2)


def test_a_worker_that_was_killed_between_batches_is_told() -> None:
    with Pool(lambda theta: float(os.getpid()), 2, workers()) as pool:
        os.kill(int(pool(THETA)[0]), signal.SIGKILL)
        with pytest.raises(SuperiorError, match="was killed by SIGKILL"):
            pool(THETA)


def test_after_a_failure_the_pool_works_again() -> None:
    with Pool(failing_at_three, 2, workers()) as pool:
        with pytest.raises(SuperiorError):
            pool(FROM_0_TO_7)
        assert pool(FROM_0_TO_7[:3]).tolist() == [0.0, -1.0, -2.0]


@pytest.mark.parametrize("backend", ["processes", "joblib"])
def test_a_deadline_ends_a_batch_and_the_next_one_is_right(backend: str) -> None:
    def function(theta: Any) -> float:
        if theta[1] == 1.0:
            time.sleep(60.0)
        return float(theta[0])

    started = time.monotonic()
    with Pool(function, 2, workers(backend)) as pool:
        with pytest.raises(DeadlineReached), Alarm(0.2):
            pool(FROM_0_TO_7 + np.array([0.0, 1.0]))
        assert pool(FROM_0_TO_7).tolist() == list(range(8))
    assert time.monotonic() - started < 45.0  # a minute, if it waited


def test_workers_run_nothing_of_the_parents_end(tmp_path: Path) -> None:
    def at_exit() -> None:
        (tmp_path / f"ended-{os.getpid()}").touch()

    atexit.register(at_exit)
    try:
        evaluated(lambda theta: 0.0, 2)
        with pytest.raises(SuperiorError):
            evaluated(killed_at_three, 2, FROM_0_TO_7)
    finally:
        atexit.unregister(at_exit)
    assert list(tmp_path.iterdir()) == []


def test_the_parents_journal_is_its_own(tmp_path: Path) -> None:
    with DurableRun(tmp_path, study="toy", run_name="a", phases={"p": 1.0}, beat_s=0.01) as run:
        with run.phase("p"), Pool(rough, 2, workers()) as pool:
            pool(THETA)
        with run.phase("p"), pytest.raises(SuperiorError):
            evaluated(killed_at_three, 2, FROM_0_TO_7)
    events = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert sum("EXEC_COMPLETE" in line for line in events) == 1
    with DurableRun(tmp_path, study="toy", run_name="a", phases={"p": 1.0}) as again:
        assert again.run_id == run.run_id  # its journal is whole


def test_one_process_says_that_a_backend_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    evaluated(rough, 1, THETA[:2], workers("joblib"))
    assert "workers=joblib is not used" in caplog.text


def test_what_a_function_prints_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    evaluated(lambda theta: print(f"at {theta[0]:g}") or 0.0, 2, FROM_0_TO_7)
    assert sorted(capfd.readouterr().out.split("\n"))[1:] == [f"at {k}" for k in range(8)]


def test_joblib_gives_the_same_bits_in_other_processes() -> None:
    assert np.array_equal(evaluated(rough, 1), evaluated(rough, 2, THETA, workers("joblib")))
    pids = evaluated(lambda theta: float(os.getpid()), 2, THETA, workers("joblib"))
    assert float(os.getpid()) not in pids


def test_joblib_is_sent_the_function_once() -> None:
    data = np.zeros(10)
    pickled = []

    class Data:
        def __reduce__(self) -> Any:
            pickled.append(1)
            return np.zeros, (10,)

    held = Data()
    with Pool(lambda theta: float(data[0]) if held is not None else 1.0, 2, workers("joblib")) as p:
        for _ in range(3):
            p(THETA)
    assert pickled == [1]


def test_joblib_tells_exceptions_and_killed_workers() -> None:
    with pytest.raises(SuperiorError, match=r"no such universe(?s:.*)at a=3\.0, b=0\.0"):
        evaluated(failing_at_three, 2, FROM_0_TO_7, workers("joblib"))
    with pytest.raises(SuperiorError, match="joblib: TerminatedWorkerError"):
        evaluated(killed_at_three, 2, FROM_0_TO_7, workers("joblib"))


def test_joblibs_threads_share_what_cannot_be_pickled() -> None:
    lock = threading.Lock()

    def function(theta: Any) -> float:
        with lock:
            return float(os.getpid())

    found = evaluated(function, 2, THETA, workers("joblib", {"backend": "threading"}))
    assert set(found) == {float(os.getpid())}


def test_joblib_refuses_what_cannot_be_pickled() -> None:
    lock = threading.Lock()
    with pytest.raises(ConfigError, match="workers=processes inherits it"):
        evaluated(lambda theta: float(lock.locked()), 2, THETA, workers("joblib"))


def test_a_users_file_reaches_joblib(tmp_path: Path) -> None:
    path = tmp_path / "of_user.py"
    path.write_text("SCALE = 3.0\ndef log_prob(theta):\n    return SCALE * theta[0]\n")
    function = load_function(str(path), "log_prob", "cosmology.log_prob_module")
    found = evaluated(function, 2, FROM_0_TO_7, workers("joblib"))
    assert found.tolist() == [3.0 * k for k in range(8)]


@pytest.mark.parametrize(
    ("backend", "options", "words"),
    [
        ("processes", {"n_jobs": 2}, "workers=processes has none"),
        ("joblib", {"n_jobs": 2}, "workers.options.n_jobs"),
        ("joblib", {"batchsize": 2}, "did you mean 'batch_size'"),
        ("joblib", {"backend": "lokey"}, "Invalid backend: lokey"),
        ("joblib", {"backend": "multiprocessing"}, "waits for ever"),
        ("ray", {"adress": "auto"}, "did you mean 'address'"),
    ],
)
def test_options_that_are_none_are_refused(backend: str, options: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        evaluated(rough, 2, THETA, workers(backend, options))


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One start of Ray, which takes seconds, for all it must do. It leaves no token behind: later
    clusters of the machine would ask for it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "of_user.py"
    path.write_text(
        "import os\nfrom opaque import failing_at_three, killed_at_three, rough\n"
        "def log_prob(theta):\n"
        "    if theta[0] == 3.0 and theta[1] == 1.0: return failing_at_three(theta)\n"
        "    if theta[0] == 3.0 and theta[1] == 2.0: return killed_at_three(theta)\n"
        "    if theta[1] == 4.0: return float(os.getpid())\n"
        "    return rough(theta)\n"
    )
    function = load_function(str(path), "log_prob", "cosmology.log_prob_module")
    handler = signal.getsignal(signal.SIGTERM)
    with Pool(function, 2, workers("ray"), names=("a", "b")) as pool:
        assert signal.getsignal(signal.SIGTERM) is handler
        assert np.array_equal(evaluated(rough, 1), pool(THETA))
        pids = set(pool(FROM_0_TO_7 * [1, 0] + [0, 4.0]))
        assert len(pids) == 2
        assert float(os.getpid()) not in pids
        with pytest.raises(SuperiorError, match=r"no such universe(?s:.*)at a=3\.0, b=1\.0"):
            pool(FROM_0_TO_7 + np.array([0.0, 1.0]))
        with pytest.raises(SuperiorError, match="an actor of Ray is lost"):
            pool(FROM_0_TO_7 + np.array([0.0, 2.0]))
        assert np.array_equal(evaluated(rough, 1), pool(THETA))
    assert not (tmp_path / ".ray").exists()
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert "RAY_AUTH_MODE" not in os.environ


@pytest.mark.parametrize(
    ("backend", "sent"),
    [
        ("processes", signal.SIGTERM),
        ("processes", signal.SIGKILL),
        ("joblib", signal.SIGTERM),  # after SIGKILL, joblib's own workers end their call first
        pytest.param(
            "ray", signal.SIGTERM, marks=[pytest.mark.slow, pytest.mark.xdist_group("ray")]
        ),
    ],
)
def test_the_end_of_the_parent_ends_workers_in_a_long_call(
    tmp_path: Path, backend: str, sent: signal.Signals
) -> None:
    parent = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("opaque.py")), str(tmp_path), backend]
    )
    try:
        until = time.monotonic() + 60.0
        while len(list(tmp_path.glob("called-*"))) < 2:
            assert time.monotonic() < until
            assert parent.poll() is None
            time.sleep(0.01)
        pids = [int(path.name.removeprefix("called-")) for path in tmp_path.glob("called-*")]
        sleeping = [psutil.Process(pid) for pid in pids]
        parent.send_signal(sent)
        assert parent.wait(timeout=20.0) == (143 if sent == signal.SIGTERM else -sent)
        _, alive = psutil.wait_procs(sleeping, timeout=20.0)  # their calls take a minute
        assert alive == []
    finally:
        parent.kill()
        parent.wait()
