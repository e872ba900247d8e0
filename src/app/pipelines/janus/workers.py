"""Who evaluates an opaque log-probability: this process, forks of it, joblib, or Ray.

The values are the same, bit by bit, whoever does.
"""

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from app.config.janus.sampler import Workers
from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.evaluation import Evaluator, Function, InThisProcess, RowError, told

log = logging.getLogger(__name__)


class Pool:
    """The values of `function` at many parameter vectors.

    `function`: one vector (d,) -> a log-probability, finite or -inf. `count`: processes; with one,
    this process evaluates, whatever the backend. `names` of the parameters and `subject`, what the
    function is called, are for messages. Open it in the main thread, before the sampling.

        with Pool(log_prob, 8, Workers()) as pool:
            pool(theta)    # (w, d) -> (w,)
    """

    def __init__(
        self,
        function: Function,
        count: int,
        config: Workers,
        *,
        names: Sequence[str] = (),
        subject: str = "the log-probability",
    ) -> None:
        self._function, self._count, self._config = function, count, config
        self._names, self._subject = names, subject
        self._evaluator: Evaluator | None = None

    def __enter__(self) -> Self:
        self._evaluator = _evaluator(self._function, self._count, self._config)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        evaluator, self._evaluator = self._evaluator, None
        if evaluator is not None:
            evaluator.close()

    def __call__(self, theta: Array) -> Array:
        """(w,), in the order of the rows.

        Raises:
            SuperiorError: the function fails at a vector, or gives no log-probability there; or
                the process that evaluates it is killed.
        """
        if self._evaluator is None:
            raise ValueError("the pool is not open: use it as a context")
        try:
            return self._evaluator.values(theta)
        except RowError as error:
            raise told(error, theta, self._names, self._subject) from error


def _evaluator(function: Function, count: int, config: Workers) -> Evaluator:
    if config.options and config.backend == "processes":
        raise ConfigError(
            f"workers.options: {', '.join(config.options)}: workers=processes has none; joblib and "
            "ray have"
        )
    if count == 1:
        if config.backend != "processes":
            log.warning("workers=%s is not used: n_workers=1 is this process", config.backend)
        return InThisProcess(function)
    if config.backend == "joblib":
        from app.pipelines.janus.joblib_workers import JoblibWorkers

        return JoblibWorkers(function, count, config.options)
    if config.backend == "ray":
        from app.pipelines.janus.ray_workers import RayWorkers

        return RayWorkers(function, count, config.options)
    from app.pipelines.janus.forked_workers import ForkedWorkers

    return ForkedWorkers(function, count)
