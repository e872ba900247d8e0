"""Workers of joblib, on this machine. Those that are processes are sent the function once: it is
pickled to a file, which each of them reads when it is first asked."""

import inspect
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.errors import ConfigError, MissingExtraError, nearest
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom import own_module
from app.pipelines.janus.evaluation import (
    ANY_ROW,
    Answer,
    Function,
    RowError,
    answer,
    joined,
    libraries,
    one_thread,
    pieces,
)

OPTIONS = "workers.options"
OURS = ("self", "n_jobs", "return_as", "backend_kwargs")  # the last: joblib ignores what is wrong


class JoblibWorkers:
    """`count` workers; `options`: of joblib.Parallel."""

    def __init__(self, function: Function, count: int, options: Mapping[str, Any]) -> None:
        try:
            import joblib
        except ImportError as error:
            raise MissingExtraError(
                "workers=joblib needs joblib\n  pip install 'superior[sampling]'"
            ) from error
        _check(options, joblib.Parallel)
        self._count, self._delayed = count, joblib.delayed
        self._shared, self._libraries = _Shared(function), libraries()
        try:
            self._parallel = joblib.Parallel(n_jobs=count, **options)
            self._parallel.__enter__()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{OPTIONS}: joblib.Parallel refuses them: {error}") from error
        try:
            if not getattr(self._parallel._backend, "supports_sharedmem", False):
                self._shared.write()
        except BaseException:
            self.close()
            raise

    def values(self, theta: Array) -> Array:
        from joblib.externals.loky.process_executor import BrokenProcessPool

        parts = pieces(len(theta), self._count)
        ask = self._delayed(self._shared)
        try:
            with one_thread(self._libraries):  # for those that are threads of this process
                answers = self._parallel(ask(theta[first:end]) for first, end in parts)
        except (BrokenProcessPool, TimeoutError) as error:  # a worker was killed; options.timeout
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            raise RowError(
                ANY_ROW, f"has no value at one of {len(theta)} vectors: joblib: {said}"
            ) from error
        return joined(answers, parts)

    def close(self) -> None:
        try:
            self._parallel._backend.abort_everything(ensure_ready=False)  # else idle for minutes
            self._parallel.__exit__(None, None, None)
        finally:
            self._shared.remove()


class _Shared:
    """The function itself where threads share it; where it is sent, a reference to its file."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._folder: Path | None = None

    def __call__(self, theta: Array) -> Answer:
        return answer(self._function, theta)

    def write(self) -> None:
        self._folder = _pickled(self._function)

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        assert self._folder is not None
        return _from_file, (str(self._folder / "function"),)

    def remove(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


@lru_cache(maxsize=1)
def _from_file(path: str) -> _Shared:
    """In a process of joblib's, which does nothing else."""
    import pickle

    with Path(path).open("rb") as file:
        function = pickle.load(file)
    libraries().limit(limits=1)
    return _Shared(function)


def _pickled(function: Function) -> Path:
    import cloudpickle

    module = own_module(function)
    if module is not None:  # others cannot import it
        cloudpickle.register_pickle_by_value(module)
    folder = Path(tempfile.mkdtemp(prefix="superior-joblib-"))
    try:
        (folder / "function").write_bytes(cloudpickle.dumps(function))
    except Exception as error:  # objects may refuse in any way
        shutil.rmtree(folder, ignore_errors=True)
        raise ConfigError(
            f"workers=joblib: the function, or what it holds, cannot be sent to another process: "
            f"{type(error).__name__}: {error}\n  workers=processes inherits it"
        ) from error
    return folder


def _check(options: Mapping[str, Any], parallel: Any) -> None:
    known = set(inspect.signature(parallel).parameters) - set(OURS)
    for key in options:
        if key not in known:
            raise ConfigError(
                f"{OPTIONS}.{key}: joblib.Parallel has no such argument that is yours to choose"
                f"{nearest(key, known)}"
            )
    if options.get("backend") == "multiprocessing":
        raise ConfigError(
            f"{OPTIONS}.backend=multiprocessing waits for ever for a worker that was killed; "
            "use loky (the default) or threading"
        )
