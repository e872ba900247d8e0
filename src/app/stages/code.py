"""The code that runs: the project's sources, Python, and the packages installed.

Every source file counts, whether a node uses it or not: to know better would be to guess.
"""

import functools
import hashlib
import platform
import sys
from pathlib import Path

import app

SOURCES = (".py", ".html", ".j2", ".css")


ROOT = Path(app.__file__).parent


def has_changed() -> bool:
    """Whether a source file was edited, added or removed since this module was imported."""
    return _states() != _STATES


@functools.cache
def environment() -> list[str]:
    """Python, the kind of machine, and every installed package with its version: the names of
    their metadata folders say both, and cost a listing."""
    installed = {
        entry.name
        for place in sys.path
        if Path(place).is_dir()
        for entry in Path(place).glob("*.dist-info")
    }
    return [sys.version, platform.machine(), *sorted(installed)]


def _files() -> list[Path]:
    return sorted(file for file in ROOT.rglob("*") if file.suffix in SOURCES)


def _states() -> list[tuple[Path, int, int, int]]:
    states = ((file, file.stat()) for file in _files())
    return [(file, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for file, state in states]


def _digest() -> str:
    total = hashlib.blake2b(digest_size=16)
    for file in _files():
        name, content = file.relative_to(ROOT).as_posix().encode(), file.read_bytes()
        total.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return total.hexdigest()


# When this module is imported: a process that forks runs imports it before its sources can change.
_STATES = _states()
CODE = _digest()  # the hash of every source file of the project
