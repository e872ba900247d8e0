"""Finding, checking and calling the hooks of `superior.analysis`."""

import importlib
import inspect
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from app.errors import ConfigError, SuperiorError, nearest
from app.sweep.finished import FinishedSweep

Hook = Callable[..., list[Path] | None]
Hooks = Mapping[str, Mapping[str, Any] | None]
TARGET = "_target_"
REPORT = "app.sweep.analysis.report_markdown"

log = logging.getLogger(__name__)


def check_hooks(analysis: Hooks) -> None:
    """Finds every hook and compares its arguments with the function's.

    Raises:
        ConfigError: there is no such function, or it does not take such arguments; before a sweep
            starts this costs nothing, after its end it costs the analysis.
    """
    for name, config in analysis.items():
        if config is not None:
            _hook(name, config)


def run_hooks(sweep: FinishedSweep, analysis: Hooks) -> list[str]:
    """Calls the hooks in their order, the Markdown report last, since it shows what the others
    made. A hook that fails costs the others nothing.

    Adds to `sweep.files` what they wrote; returns what failed, which is in `sweep.problems` too.
    """
    wanted = [(name, config) for name, config in analysis.items() if config is not None]
    for name, config in sorted(wanted, key=lambda item: item[1].get(TARGET) == REPORT):
        try:
            hook, arguments = _hook(name, config)
            sweep.files += _written(sweep.folder, hook(sweep, **arguments))
        except Exception as error:  # a user's code may fail in any way; the tables are there
            told = str(error) if isinstance(error, SuperiorError) else _where(error)
            sweep.problems.append(f"superior.analysis.{name}: {told}")
            log.debug("superior.analysis.%s", name, exc_info=True)
    return sweep.problems


def _hook(name: str, config: Mapping[str, Any]) -> tuple[Hook, dict[str, Any]]:
    arguments = {str(key): value for key, value in config.items() if key != TARGET}
    hook = _function(name, str(config.get(TARGET, "")))
    try:
        signature = inspect.signature(hook)
        signature.bind(None, **arguments)
    except TypeError as error:
        known = [key for key in list(signature.parameters)[1:] if key not in arguments]
        wrong = next((key for key in arguments if key not in signature.parameters), "")
        hint = nearest(wrong, known) if wrong else ""
        raise ConfigError(f"superior.analysis.{name}: {config[TARGET]}: {error}{hint}") from error
    for key, value in arguments.items():
        _check_type(f"superior.analysis.{name}.{key}", hook, key, value)
    return hook, arguments


def _function(name: str, target: str) -> Hook:
    """The function at a dotted path."""
    key = f"superior.analysis.{name}.{TARGET}"
    module_name, _, attribute = target.rpartition(".")
    if not module_name:
        raise ConfigError(f"{key}={target}: write the function as module.function")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module's own code may fail in any way
        raise ConfigError(
            f"{key}={target}: the module cannot be imported ({_where(error)})\n  it must be "
            "installed, or in a folder of PYTHONPATH"
        ) from error
    hook = getattr(module, attribute, None)
    if not callable(hook):
        what = "has no" if hook is None else "cannot call its"
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise ConfigError(
            f"{key}={target}: {module_name} {what} {attribute!r}{nearest(attribute, known)}"
        )
    found: Hook = hook
    return found


def _check_type(key: str, hook: Hook, name: str, value: Any) -> None:
    """Compares a value with the annotation of the argument, where there is one to read."""
    try:
        hints = get_type_hints(hook, include_extras=True)
    except (NameError, TypeError):  # names that are imported for type checkers only
        return
    if name not in hints:
        return
    try:
        TypeAdapter(hints[name]).validate_python(value)
    except ValidationError as error:
        raise ConfigError(f"{key}={value!r}: {error.errors()[0]['msg']}") from error


def _written(folder: Path, files: Any) -> list[Path]:
    if files is None:
        return []
    paths = [folder / path for path in files]
    if absent := [path for path in paths if not path.is_file()]:
        raise ConfigError(
            f"the hook returned {absent[0]}, which is no file; it returns what it wrote"
        )
    return paths


def _where(error: BaseException) -> str:
    """The error on one line, with the last line of code it passed."""
    told = " ".join(f"{type(error).__name__}: {error}".split())
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename if trace is not None else "<"
    if trace is None or file.startswith("<"):  # within the import system
        return told
    return f"{told} ({Path(file).name}, line {trace.tb_lineno})"
