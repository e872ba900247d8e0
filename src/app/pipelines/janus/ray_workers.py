"""Actors of a Ray cluster, each of which holds the function and what it has; it is put into Ray's
store once."""

import inspect
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from app.errors import ConfigError, MissingExtraError, SuperiorError, nearest
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom import own_module
from app.pipelines.janus.evaluation import (
    Answer,
    Function,
    RowError,
    answer,
    joined,
    libraries,
    pieces,
)

OPTIONS = "workers.options"
OURS = ("ignore_reinit_error", "local_mode", "job_config", "kwargs")
AUTHENTICATION = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
START_S = 60.0  # an actor on a machine that is awake needs two or three


class RayWorkers:
    """`count` actors; `options`: of ray.init. Without an address, a Ray of this process's own."""

    def __init__(self, function: Function, count: int, options: Mapping[str, Any]) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(
                "workers=ray needs Ray\n  pip install 'superior[ray]'"
            ) from error
        self._ray, self._function, self._count = ray, function, count
        self._actors: list[Any] = []
        self._is_ours = not ray.is_initialized()
        self._environment: dict[str, str | None] = {}  # as it was before a Ray of our own
        try:
            self._connect(count, options)
            self._held = self._put()
            self._start()
        except BaseException:
            self.close()
            raise

    def values(self, theta: Array) -> Array:
        if not self._actors:  # an interrupted batch took them along
            self._start()
        try:
            return self._evaluated(theta)
        except BaseException:  # they would do what nobody waits for before the next batch
            self._end_actors()
            raise

    def close(self) -> None:
        self._end_actors()
        if self._is_ours:
            self._ray.shutdown()
        for name, value in self._environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self._environment.clear()

    def _evaluated(self, theta: Array) -> Array:
        parts = pieces(len(theta), self._count)
        asked = [
            self._actors[number % self._count].answer.remote(theta[first:end])
            for number, (first, end) in enumerate(parts)
        ]
        answers: list[Answer] = []
        for (first, end), reference in zip(parts, asked, strict=True):
            try:
                answers.append(_result(reference))
            except self._ray.exceptions.RayError as error:
                said = str(error).strip().splitlines()[0]
                raise RowError(
                    first,
                    f"has no value at this vector, or one of the {end - first - 1} after it: an "
                    f"actor of Ray is lost: {said}",
                ) from error
        return joined(answers, parts)

    def _end_actors(self) -> None:
        actors, self._actors = self._actors, []
        for actor in actors:
            self._ray.kill(actor)

    def _connect(self, count: int, options: Mapping[str, Any]) -> None:
        known = set(inspect.signature(self._ray.init).parameters) - set(OURS)
        for key in options:
            if key not in known:
                raise ConfigError(f"{OPTIONS}.{key}: ray.init has no such{nearest(key, known)}")
        if self._is_ours:
            of_own = {}
            if not options.get("address"):
                of_own = {"num_cpus": count, "include_dashboard": False}
                self._have_own_token()
            self._init({"log_to_driver": False, **of_own, **options})
        cores = self._ray.cluster_resources().get("CPU", 0.0)
        if cores < count:
            raise ConfigError(f"n_workers={count}: the Ray cluster has {cores:g} cores")

    def _have_own_token(self) -> None:
        """A Ray of our own keeps strangers out by a token. Left alone it would write one to
        ~/.ray/, and clusters that are started later on this machine would ask for it."""
        if os.environ.keys().isdisjoint(AUTHENTICATION):
            self._environment = dict.fromkeys(AUTHENTICATION)
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)

    def _init(self, options: Mapping[str, Any]) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(logging_level=logging.WARNING, **options)
        except ConnectionError as error:
            raise ConfigError(
                f"{OPTIONS}.address={options.get('address')}: no Ray cluster answers there: {error}"
            ) from error
        except (ValueError, TypeError, RuntimeError) as error:
            raise ConfigError(f"{OPTIONS}: ray.init refuses them: {error}") from error
        finally:
            if is_main:
                signal.signal(signal.SIGTERM, before)  # Ray has put its own there

    def _put(self) -> Any:
        module = own_module(self._function)
        if module is not None:  # actors cannot import it
            self._ray.cloudpickle.register_pickle_by_value(module)
        try:
            return self._ray.put(_Held(self._function))
        except TypeError as error:
            raise ConfigError(
                f"workers=ray: the function, or what it holds, cannot be sent to another process: "
                f"{error}\n  workers=processes inherits it"
            ) from error

    def _start(self) -> None:
        make = self._ray.remote(num_cpus=1)(_Actor)
        self._actors = [make.remote(sys.path) for _ in range(self._count)]
        try:
            for ready in [actor.hold.remote(self._held) for actor in self._actors]:
                _result(ready, START_S)
        except (self._ray.exceptions.RayError, TimeoutError) as error:
            said = (str(error) or f"not in {START_S:g} s").strip().splitlines()[-1]
            raise SuperiorError(f"workers=ray: the actors do not start: {said}") from error


def _result(reference: Any, seconds: float | None = None) -> Any:
    """Not by ray.get or ray.wait: they turn an exception of a signal's handler into a SystemError
    that is none of a signal."""
    return reference.future().result(seconds)


class _Held:
    """Keeps Ray from taking the function for a remote one of its own."""

    def __init__(self, function: Function) -> None:
        self.function = function


class _Actor:
    """In a process of Ray's, which does nothing else."""

    def __init__(self, path: list[str]) -> None:
        sys.path += [folder for folder in path if folder not in sys.path]

    def hold(self, held: _Held) -> None:
        """What it imports is looked for where this run's process does."""
        self._function = held.function
        libraries().limit(limits=1)

    def answer(self, theta: Array) -> Answer:
        return answer(self._function, theta)
