"""Posteriors at work: an opaque function is evaluated by as many processes as the run has."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from app.config.janus.sampler import Workers
from app.pipelines.janus.custom_posterior import OfFunction
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.rejections import FILE, Rejections
from app.pipelines.janus.workers import Pool

log = logging.getLogger(__name__)


@contextmanager
def at_work(
    posteriors: Mapping[str, Posterior],
    n_workers: int,
    workers: Workers,
    folder: Path | None = None,
) -> Iterator[dict[str, Posterior]]:
    """The same posteriors, with the same values; inside, `n_workers` processes evaluate those of
    opaque functions. `folder`: the run's, where vectors without a value are kept."""
    with ExitStack() as stack:
        yield {
            name: _rejecting(_at_work(posterior, n_workers, workers, stack), name, folder, stack)
            for name, posterior in posteriors.items()
        }


def _at_work(posterior: Posterior, n_workers: int, workers: Workers, stack: ExitStack) -> Posterior:
    own = posterior.log_likelihood_of
    if not isinstance(own, OfFunction) or own.user.is_vectorised:
        if n_workers > 1:
            log.warning(
                "n_workers=%d is not used: the likelihood of %s is vectorised, and evaluated in "
                "this process",
                n_workers,
                posterior.description["model"],
            )
        return posterior
    user = own.user
    pool = Pool(user.of_a_vector, n_workers, workers, names=user.names, subject=user.subject)
    return replace(
        posterior,
        log_likelihood_of=own.evaluated_by(stack.enter_context(pool)),
        description={**posterior.description, "workers": n_workers},
    )


def _rejecting(posterior: Posterior, name: str, folder: Path | None, stack: ExitStack) -> Posterior:
    own = posterior.log_likelihood_of
    if not isinstance(own, OfFunction) or not own.user.rejects:
        return posterior
    marked = own.user.marked if own.user.is_vectorised else own.evaluated
    path = None if folder is None else folder / "sampling" / name / FILE
    goes_on = folder is not None and (folder / f"checkpoints-{name}").is_dir()
    rejections = Rejections(marked, own.user, path, goes_on)
    stack.callback(rejections.tell)
    return replace(posterior, log_likelihood_of=own.evaluated_by(rejections))
