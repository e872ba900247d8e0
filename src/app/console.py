"""How a command ends: an error is one message on one screen, with its exit code."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.durable.interrupt import Interrupted, interruptible, received
from app.errors import SuperiorError, causes

STOPPED = "stopped; what was finished is kept"
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}  # the libraries that write do not name the file


@contextmanager
def errors_on_one_screen() -> Iterator[None]:
    """Ends the process with the message and exit code of a `SuperiorError` raised inside, however
    deeply Kedro has wrapped it, or with 130 or 143 after a signal; failures nobody foresaw keep
    their traceback."""
    try:
        with interruptible():
            yield
    except (KeyboardInterrupt, Interrupted) as stopped:
        _end(STOPPED, getattr(stopped, "exit_code", 130))
    except Exception as error:
        if (name := received()) is not None:  # a library took the interrupt for a failure
            _end(STOPPED, 128 + signal.Signals[name])
        for cause in causes(error):
            if isinstance(cause, SuperiorError):
                _end(f"error: {cause}", cause.exit_code)
            if isinstance(cause, OSError) and cause.filename is not None:
                _end(f"error: {cause.filename}: {cause.strerror}", 1)
            if isinstance(cause, OSError) and cause.errno in _DISK:
                where = str(error).strip().partition("\n")[0]
                _end(
                    f"error: {os.strerror(cause.errno)}: {where}\n  make room, or write elsewhere "
                    "with output_root=...; what was saved before is whole",
                    1,
                )
        raise


def _end(message: str, code: int) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"superior: {message}\n")
    sys.exit(code)
