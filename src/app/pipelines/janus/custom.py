"""Functions that a user brings along: in a package that can be imported, or a `.py` file.

A user's module is run as it is. It is found or it is not: there is nothing to fall back to.
"""

import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from app.errors import ConfigError, nearest

Function = Callable[..., Any]

OF_FILES = "user_"  # begins the names of modules that were loaded from a file

NOT_OWN = ("site-packages", "<frozen", "/importlib/", str(Path(__file__).parent))  # files' paths

_executed: dict[str, bytes] = {}  # such a module -> its source


def load_function(module: str, name: str, key: str) -> Function:
    """The function `name` of a module of the user's.

    `module`: package.module, or the path of a .py file, from the working directory. `key`: that of
    `module` in the config, e.g. cosmology.log_prob_module; messages about the function name the
    key ..._function beside it. A file may import what lies beside it.

    Raises:
        ConfigError: there is no such module or function, or the module fails as it is imported.
    """
    found = _of_file(module, key) if module.endswith(".py") else _of_package(module, key)
    function = getattr(found, name, None)
    if callable(function):
        return function  # type: ignore[no-any-return]
    what = f"has no {name!r}" if function is None else f"has a {name!r} that is no function"
    own = [known for known, value in vars(found).items() if inspect.isfunction(value)]
    raise ConfigError(f"{_function_key(key)}={name}: {module} {what}{nearest(name, own)}")


def with_arguments(
    function: Function, arguments: Mapping[str, Any], positional: int, key: str
) -> Function:
    """The function with keywords it is to be called with; `positional`: how many more it gets.

    Raises:
        ConfigError: it cannot be called so.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # compiled ones need not tell theirs
        return partial(function, **arguments)
    try:
        signature.bind(*[None] * positional, **arguments)
    except TypeError as error:
        wrong = next((one for one in arguments if one not in signature.parameters), "")
        hint = nearest(wrong, list(signature.parameters)[positional:]) if wrong else ""
        raise ConfigError(
            f"{key}: {getattr(function, '__name__', 'the function')}{signature} is called with "
            f"{positional} values and {sorted(arguments)}: {error}{hint}"
        ) from error
    return partial(function, **arguments) if arguments else function


def source_digest(function: Function) -> str:
    """sha256 of the source files of a user's function: its module, and those modules of the same
    folder whose contents that one uses. What they read from other files is not in it.

    A module without a source file (compiled) is known by its name alone.
    """
    digest = hashlib.sha256()
    for module, path in sorted(_own_files(_module_name(function)).items()):
        digest.update(f"{module if path is None else path.name}\n".encode())
        if path is not None:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def own_module(function: Any) -> ModuleType | None:
    """The module of a function that was loaded from a `.py` file: no other process can import it by
    its name. None: that of a package."""
    name = _module_name(function)
    return sys.modules.get(name) if name.startswith(OF_FILES) else None


def place_of(error: BaseException) -> str:
    """` (FILE, line N)`: the last line of the user's code on the way to where it was raised; or
    empty."""
    if isinstance(error, SyntaxError):
        return ""  # it says so itself
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not any(part in one.filename for part in NOT_OWN)]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def _of_file(module: str, key: str) -> ModuleType:
    path = Path(module).expanduser().absolute()
    if not path.is_file():
        beside = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise ConfigError(f"{key}={module}: there is no file {path}{nearest(path.name, beside)}")
    name = f"{OF_FILES}{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"
    content = path.read_bytes()
    if name in sys.modules and _executed.get(name) == content:
        return sys.modules[name]  # what it loaded need not be loaded twice
    spec = spec_from_file_location(name, path)
    assert spec is not None  # a suffix of .py has a loader
    assert spec.loader is not None
    found = module_from_spec(spec)
    sys.modules[name] = found  # where dataclasses, and pickles of other processes, look it up
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)  # what lies beside it; last, so that it hides nothing
    try:
        spec.loader.exec_module(found)
    except (Exception, SystemExit) as error:  # the module's own code may fail in any way
        del sys.modules[name]
        raise _cannot_be_imported(module, key, error) from error
    _executed[name] = content
    return found


def _of_package(module: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise _cannot_be_imported(module, key, error) from error
        raise ConfigError(
            f"{key}={module}: there is no module {error.name!r}{_nearest_module(error.name)}\n"
            "  it must be installed, or in a folder of PYTHONPATH; or give the path of a .py file"
        ) from error
    except (Exception, SystemExit) as error:
        raise _cannot_be_imported(module, key, error) from error


def _cannot_be_imported(module: str, key: str, error: BaseException) -> ConfigError:
    return ConfigError(
        f"{key}={module}: the module fails as it is imported: {type(error).__name__}: {error}"
        f"{place_of(error)}"
    )


def _nearest_module(name: str) -> str:
    """`; did you mean ...?` among the modules of the package it would be in."""
    package, _, last = name.rpartition(".")
    folders = list(getattr(sys.modules.get(package), "__path__", [])) if package else sys.path
    from pkgutil import iter_modules  # only errors need it

    beside = {found.name for found in iter_modules(folders)}
    hint = nearest(last, beside)
    return hint if "did you mean" in hint or package else ""


def _function_key(key: str) -> str:
    return f"{key.removesuffix('module')}function" if key.endswith("module") else key


def _module_name(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _own_files(name: str) -> dict[str, Path | None]:
    """A module and those of its folder that it uses -> their source files."""
    first = _file_of(sys.modules.get(name))
    found = {name: first}
    if first is None:
        return found
    waiting = [name]
    while waiting:
        for used in _used_by(sys.modules[waiting.pop()]):
            path = _file_of(sys.modules.get(used))
            if used not in found and path is not None and path.is_relative_to(first.parent):
                found[used] = path
                waiting.append(used)
    return found


def _used_by(module: ModuleType) -> Iterator[str]:
    for value in list(vars(module).values()):
        used = value.__name__ if isinstance(value, ModuleType) else _module_of(value)
        if isinstance(used, str) and used in sys.modules:
            yield used


def _module_of(value: Any) -> str | None:
    is_defined = inspect.isfunction(value) or inspect.isclass(value)
    return getattr(value, "__module__", None) if is_defined else None


def _file_of(module: ModuleType | None) -> Path | None:
    if module is None:
        return None
    try:
        source = inspect.getsourcefile(module)
    except TypeError:  # built in
        return None
    return Path(source).absolute() if source and Path(source).is_file() else None
