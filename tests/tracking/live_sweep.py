"""A supervisor of a hand-made sweep, in a process that tests can kill.

    python live_sweep.py PROJECT RUN_FOLDER END      END: finish | sigkill | sigkill_with_child

Its writer has recorded the first run by then, and not the second.
"""

import os
import signal
import sys
from pathlib import Path

import psutil
from sweeps import HandMadeSweep

from app.config.tracking import Tracking
from app.tracking.sweep_files import is_recorded, read_marker
from app.tracking.sweep_recording import SweepWriter


def main(project: Path, run_folder: Path, end: str) -> None:
    sweep = HandMadeSweep(project, run_folder)
    with sweep.begin(2) as ledger:
        own = psutil.Process()
        sweep.supervise(ledger, own.pid, own.create_time())
        tracking = Tracking(experiment="sweeps", uri=sweep.uri)
        writer = SweepWriter(sweep.folder, tracking, project)
        sweep.run(ledger, "r0")
        writer.poke()
        assert set(writer.pages(60)) == {"r0"}
        assert set(read_marker(sweep.folder)["pages"]) == {"r0"}
        assert not is_recorded(sweep.folder, tracking, project)
        sweep.run(ledger, "r1", "failed")
        if end == "sigkill_with_child" and os.fork() == 0:  # it holds all pipes
            os.close(ledger.journal._file)
            os.close(1)
            assert writer._process is not None
            psutil.Process(writer._process.pid).wait(60)
            os._exit(0)
        if end.startswith("sigkill"):
            os.kill(os.getpid(), signal.SIGKILL)
        ledger.append("stopped", reason="finished")
    outcome = writer.finish(60)
    assert outcome.errors == [], outcome.errors


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
