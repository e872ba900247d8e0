"""A small Hydra program whose runs do what their config says, and tell a file outside the sweep
when they start and when they end: who starts a run twice is seen there.

    +x=1,2,3 '+behave={x2:hang}'        run 2 hangs, the others return 2 * x
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from app.console import errors_on_one_screen

HOLD = """
import signal, sys
held = b"1" * int(sys.argv[1])
print("held", flush=True)
signal.pause()
"""


def tell(what: str, x: int) -> None:
    """One line to the file outside the sweep."""
    line = f"{what} {HydraConfig.get().job.id} {x} {os.getpid()}\n"
    file = os.open(os.environ["TRACE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line.encode())
    os.close(file)


def meet(*pids: int) -> None:
    """Waits until the test reads which processes this run has: it is then in the middle of it."""
    with open(os.environ["MEETING"], "w") as meeting:
        meeting.write(json.dumps([os.getpid(), *pids]) + "\n")


def starts_before(x: int) -> int:
    told = Path(os.environ["TRACE"]).read_text().splitlines()
    return sum(line.startswith("start ") and line.split()[2] == str(x) for line in told) - 1


def hang(cfg: DictConfig) -> None:
    meet()
    while True:
        signal.pause()


def deaf(cfg: DictConfig) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(cfg)


def with_children(cfg: DictConfig) -> None:
    """Hangs with a child it executed, one it forked, and one that left its session."""
    executed = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    forked = _fork(lambda: None)
    strayed = _fork(os.setsid)
    meet(executed.pid, forked, strayed)
    signal.pause()


def strays(cfg: DictConfig) -> None:
    """Ends well and leaves processes behind, at once: nobody had time to look at them."""
    with open(os.environ["MEETING"], "w") as meeting:
        executed = subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True
        )
        meeting.write(json.dumps([executed.pid, _fork(lambda: None), _fork(os.setsid)]) + "\n")


def daemon(cfg: DictConfig) -> None:
    """Hangs while a process it is no longer the parent of holds memory."""
    reads, writes = os.pipe()
    if os.fork() == 0:
        os.setsid()
        held = [_fork(lambda: bytearray(b"1") * 80_000_000) for _ in range(2)]
        os.write(writes, json.dumps(held).encode())
        os._exit(0)
    meet(*json.loads(os.read(reads, 99)))
    signal.pause()


def _fork(does: Callable[[], object]) -> int:
    ready, tell_ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        kept = does()
        os.write(tell_ready, b".")
        signal.pause()
        os._exit(int(kept is None))
    os.read(ready, 1)
    os.close(ready)
    os.close(tell_ready)
    return pid


def fail(cfg: DictConfig) -> None:
    raise ValueError(f"x is {cfg.x}")


def abort(cfg: DictConfig) -> None:
    os.abort()


def mute(cfg: DictConfig) -> None:
    print("the last words", file=sys.stderr, flush=True)
    os._exit(3)


def polars_abort(cfg: DictConfig) -> None:
    print("memory allocation of 8000000000 bytes failed", file=sys.stderr, flush=True)
    os.abort()


def die_once(cfg: DictConfig) -> None:
    if not starts_before(cfg.x):
        os.kill(os.getpid(), signal.SIGKILL)


def die(cfg: DictConfig) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def allocate(cfg: DictConfig) -> None:
    """Takes memory until it is refused: `cfg.mb` at most."""
    held = []
    for _ in range(cfg.get("mb", 1000)):
        held.append(bytearray(b"1") * 1_000_000)


def allocate_elsewhere(cfg: DictConfig) -> None:
    """Its children hold together what none of them holds alone."""
    child = [sys.executable, "-c", HOLD, str(cfg.get("mb", 100) * 1_000_000)]
    children = [subprocess.Popen(child, stdout=subprocess.PIPE) for _ in range(4)]
    for child in children:
        child.stdout.readline()
    signal.pause()


def share(cfg: DictConfig) -> None:
    """Its forks share one block of memory, which is there once."""
    held = bytearray(b"1") * 80_000_000
    forks = [_fork(lambda: None) for _ in range(4)]
    time.sleep(0.15)  # the watchdog is to look at them
    for pid in forks:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    held.clear()


def no_memory_by_errno(cfg: DictConfig) -> None:
    raise OSError(12, "Cannot allocate memory")


def no_memory_by_torch(cfg: DictConfig) -> None:
    raise RuntimeError(
        "[enforce fail at alloc_cpu.cpp:114] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 4000000000 bytes. Error code 12 (Cannot allocate memory)"
    )


def low(cfg: DictConfig) -> None:
    told = {
        "do": "metrics",
        "model": "m",
        "family": "sklearn",
        "values": {"accuracy": 0.4, "macro_f1": 0.3},
    }
    with open(os.environ["SUPERIOR_RECORD"], "a") as record:
        record.write(json.dumps(told) + "\n")


def full_disk(cfg: DictConfig) -> None:
    """What this process writes from here on finds no room."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def unpicklable(cfg: DictConfig) -> object:
    return lambda: None


@hydra.main(version_base="1.3", config_path=None)
def run(cfg: DictConfig) -> object:
    tell("start", cfg.x)
    does = cfg.get("behave", {}).get(f"x{cfg.x}")
    returned = globals()[does](cfg) if does else None
    tell("end", cfg.x)
    return returned if returned is not None else 2 * cfg.x


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with errors_on_one_screen():
        run()


if __name__ == "__main__":
    main()
