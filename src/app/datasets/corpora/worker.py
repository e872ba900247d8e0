"""A process that reads its share of a corpus's tasks: `python -m app.datasets.corpora.worker`.

It is told what to read on stdin and answers on stdout, each answer a length and its `marshal` form
(plain lists, strings and bytes, the same interpreter on both sides). Nothing is imported here but
the standard library and lxml.
"""

import marshal
import os
import signal
import struct
import sys
from typing import Any

from app.datasets.corpora.rows import Batch
from app.datasets.corpora.source import Source
from app.datasets.corpora.tasks import TaskReader, tasks
from app.errors import SuperiorError

LENGTH = struct.Struct("<Q")


def main() -> None:
    """Reads tasks number `share`, `share + of`, ... and answers in that order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; its end closes the pipe
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print is not a message
    described, tokenizer, share, of = marshal.load(sys.stdin.buffer)
    source = Source(*described)

    def say(*message: Any) -> None:
        data = marshal.dumps(message)
        out.write(LENGTH.pack(len(data)))
        out.write(data)
        out.flush()

    try:
        reader = TaskReader(source, tokenizer)
        for number, task in enumerate(tasks(source)):
            if number % of != share:
                continue
            for part in reader.read(task):
                say("batch" if isinstance(part, Batch) else "ends", *part)
            say("done")
    except SuperiorError as error:
        say("error", type(error).__name__, str(error))
    except BrokenPipeError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # the parent is gone, nobody listens


if __name__ == "__main__":
    main()
