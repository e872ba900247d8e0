"""What a run was asked for, as its nodes hand it on."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import Workers
from app.datasets.observations.kinds import Observations
from app.pipelines.janus.posterior import Posterior


@dataclass(frozen=True)
class Choices:
    """Models, the studied one first, and what they are compared on."""

    models: dict[str, Cosmology]
    likelihood: Likelihood
    prior: Prior
    n_workers: int = 1
    workers: Workers = field(default_factory=Workers)

    @contextmanager
    def posteriors(self, observations: Observations) -> Iterator[dict[str, Posterior]]:
        """Name -> posterior of each model, with its workers at work inside."""
        from app.pipelines.janus.assembly import posterior_of

        with ExitStack() as open_ones:
            yield {
                name: open_ones.enter_context(
                    posterior_of(
                        cosmology,
                        self.likelihood,
                        self.prior,
                        observations,
                        self.n_workers,
                        self.workers,
                        list(self.models.values()),
                    )
                )
                for name, cosmology in self.models.items()
            }
