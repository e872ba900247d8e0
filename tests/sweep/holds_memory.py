"""A small process that leads a session, holds memory alone or with children, says so, and waits.

python holds_memory.py children NUMBER MEGABYTES     each child holds so much
python holds_memory.py share NUMBER MEGABYTES        held once, shared by so many forks
python holds_memory.py cap MEGABYTES                 100 MB more are allowed: can it hold these?
"""

import os
import signal
import sys

MB = 1_000_000


def children(number: int, megabytes: int) -> None:
    ready, tell = os.pipe()
    for _ in range(number):
        if os.fork() == 0:
            held = b"1" * (megabytes * MB)
            os.write(tell, b".")
            signal.pause()
            os._exit(len(held) > 0)
    for _ in range(number):
        os.read(ready, 1)


def main() -> None:
    what, *numbers = sys.argv[1:]
    said = "ready"
    held = b""
    if what == "children":
        children(int(numbers[0]), int(numbers[1]))
    elif what == "share":
        held = b"1" * (int(numbers[1]) * MB)
        children(int(numbers[0]), 0)
    elif what == "cap":
        from app.sweep.limits import GB, cap_data, resident_bytes

        cap_data((resident_bytes(os.getpid()) or 0) / GB + 0.1)
        try:
            held = b"1" * (int(numbers[0]) * MB)
            said = "held"
        except MemoryError:
            said = "refused"
    print(said, flush=True)
    signal.pause()
    del held


main()
