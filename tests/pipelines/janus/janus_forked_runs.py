"""Runs of the study, each in a process of its own that is forked from one that has done all its
imports; a run may signal itself at a counted point of its work, or be signalled from outside.

    python janus_forked_runs.py LOG     a line of JSON on stdin for each run, one on stdout at its
                                        end; LOG has what the run said

    {"overrides": [...], "output": "a folder"}
    {..., "strike": {"point": "torn", "number": 7, "signal": 9}}       at the 7th such point
    {..., "after": {"seconds": 0.3, "signal": 15}}      from outside, counted from its first event
    {..., "to_nodes": [...]}                            as `kedro run --to-nodes`

    {"code": -9, "seconds": 1.3, "latency": 0.02, "counts": {"evaluation": 120, ...}}

`latency`: from a signal from outside to the end. `counts`: points passed, and `rows` evaluated; not
of a killed process.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

STUDY = ("study=janus", "tracking=off")
WARM = ("pipeline=janus.sample", "rivals=none", "likelihood.parts.simulated.count=20")
WARM_SAMPLERS = (
    ("sampler=quadrature", "sampler.nodes=8"),
    ("sampler=dynesty", "sampler.live_points=20", "sampler.dlogz=5"),
    ("sampler=nautilus", "sampler.live_points=50", "sampler.n_eff=100", "sampler.networks=1"),
    ("sampler=importance", "sampler.batch=64", "convergence.ess=10", "convergence.ln_z_sd=1"),
    ("sampler=emcee", "sampler.walkers=4", "sampler.steps=20"),
)


def main() -> None:
    warm()
    log = Path(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(forked(json.loads(line), log)), flush=True)


def warm() -> None:
    """Small runs here: their children have all that they imported."""
    from app.run import make_ready

    make_ready()
    with contextlib.redirect_stdout(sys.stderr):
        for sampler in WARM_SAMPLERS:
            with tempfile.TemporaryDirectory() as folder:
                run_once({"overrides": [*WARM, *sampler], "output": folder}, Counter())


def forked(told: dict[str, Any], log: Path) -> dict[str, Any]:
    begun, ended = log.with_suffix(".begun"), log.with_suffix(".counts")
    begun.unlink(missing_ok=True)
    ended.unlink(missing_ok=True)
    with contextlib.suppress(Exception):  # what is wrong with a config is for the run to say
        composed(tuple(told["overrides"]), told["output"])
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        in_the_child(told, log, begun, ended)
    struck = None
    if "after" in told:
        struck = signalled(pid, begun, told["after"])
    _, status = os.waitpid(pid, 0)
    at = time.monotonic()
    return {
        "code": os.waitstatus_to_exitcode(status),
        "pid": pid,
        "seconds": at - began,
        "latency": None if struck is None else at - struck,
        "counts": json.loads(ended.read_text()) if ended.exists() else {},
    }


def in_the_child(told: dict[str, Any], log: Path, begun: Path, ended: Path) -> None:
    """Never returns."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((null, 0), (output, 1), (output, 2)):
        os.dup2(ours, theirs)
    counts: Counter[str] = Counter()
    code = 0
    try:
        watch_points(counts, told.get("strike"), begun)
        run_once(told, counts)
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    ended.write_text(json.dumps(counts))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def signalled(pid: int, begun: Path, after: dict[str, Any]) -> float:
    """Sends the signal so many seconds after the run's sampling began; when that was."""
    while not begun.exists():
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return time.monotonic()
        time.sleep(0.001)
    time.sleep(after["seconds"])
    os.kill(pid, after["signal"])
    return time.monotonic()


@lru_cache(maxsize=64)
def composed(overrides: tuple[str, ...], output: str) -> Any:
    """Composed once for all runs of a campaign, before they are forked: half of their time."""
    from app.config.compose import compose
    from app.run import CONF

    return compose([*STUDY, f"output_root={output}", *overrides], CONF)


def run_once(told: dict[str, Any], counts: Counter[str]) -> None:
    from app.console import errors_on_one_screen
    from app.run import Selection, run

    with errors_on_one_screen():
        config = composed(tuple(told["overrides"]), told["output"])
        nodes = told.get("to_nodes")
        run(config, Selection(filters={"to_nodes": nodes}) if nodes else None)


def watch_points(counts: Counter[str], strike: dict[str, Any] | None, begun: Path) -> None:
    """Counts where a run can be struck: before an evaluation, after an event, after a record, in
    the middle of a write, before the disk is waited for, before a file takes its place."""
    from app.durable.run import DurableRun
    from app.pipelines.janus.posterior import Posterior
    from app.pipelines.janus.samplers.chain_file import ChainFile

    def passed(point: str, before: Any = None) -> None:
        counts[point] += 1
        if strike and strike["point"] == point and strike["number"] == counts[point]:
            if before is not None:
                before()
            os.kill(os.getpid(), signal.Signals(strike["signal"]))

    both, event, append = Posterior.both, DurableRun.event, ChainFile.append
    pwrite, fsync, replace, write_bytes = os.pwrite, os.fsync, os.replace, Path.write_bytes

    @wraps(both)
    def counted_both(self: Posterior, theta: Any) -> Any:
        passed("evaluation")
        asked = self.evaluations
        found = both(self, theta)
        counts["rows"] += self.evaluations - asked
        counts["most rows"] = max(counts["most rows"], self.evaluations - asked)
        return found

    @wraps(event)
    def counted_event(self: DurableRun, name: str, **fields: Any) -> None:
        event(self, name, **fields)
        if name == "SAMPLING_START":
            begun.touch()
        passed("event")

    @wraps(append)
    def counted_append(self: ChainFile, record: Any) -> None:
        append(self, record)
        passed("record")

    @wraps(pwrite)
    def torn_pwrite(file: int, content: Any, place: int) -> int:
        passed("torn", lambda: pwrite(file, content[: len(content) // 2], place))
        return pwrite(file, content, place)

    @wraps(write_bytes)
    def torn_write_bytes(self: Path, content: Any) -> int:
        passed("torn", lambda: write_bytes(self, content[: len(content) // 2]))
        return write_bytes(self, content)

    @wraps(fsync)
    def counted_fsync(file: int) -> None:
        passed("flush")
        fsync(file)

    @wraps(replace)
    def counted_replace(source: Any, target: Any) -> None:
        passed("rename")
        replace(source, target)

    Posterior.both = counted_both  # type: ignore[method-assign]
    DurableRun.event = counted_event  # type: ignore[method-assign]
    ChainFile.append = counted_append  # type: ignore[method-assign]
    Path.write_bytes = torn_write_bytes  # type: ignore[method-assign,assignment]
    os.pwrite, os.fsync, os.replace = torn_pwrite, counted_fsync, counted_replace


if __name__ == "__main__":
    main()
