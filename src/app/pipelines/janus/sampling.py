"""Every model of a run sampled in turn, each durably."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Resources, Sampler, SamplingCheckpoint
from app.durable.run import DurableRun
from app.errors import ConfigError
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.estimates.limits import require_some_time, time_limit
from app.pipelines.janus.estimates.memory import require_memory
from app.pipelines.janus.flatness import flat_parameters
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.task import SamplingTask

SAMPLERS = {
    "emcee": "emcee_chain",
    "importance": "importance",
    "nautilus": "nautilus_run",
    "dynesty": "dynesty_run",
    "quadrature": "quadrature",
}
LIMITS = {"steps", "max_batches", "n_eff", "dlogz", "thin"}  # of the samplers; `thin` of exports

PACKAGES = {  # that draws go on with only as they were begun; a record tells of others by itself
    "emcee": ("numpy", "scipy", "emcee"),
    "importance": ("numpy", "scipy"),
    "nautilus": ("numpy",),
    "dynesty": ("numpy",),
    "quadrature": ("numpy", "scipy"),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sampling:
    """How each posterior is sampled."""

    run: DurableRun
    sampler: Sampler
    convergence: Convergence
    checkpoint: SamplingCheckpoint
    resources: Resources
    seed: int

    def of(self, posteriors: Mapping[str, Posterior]) -> dict[str, Draws]:
        """Name -> draws.

        Raises:
            ConfigError: a comparison on data that say nothing of a model's own parameters; a run
                that needs more than there is.
            ResumeError: an earlier run of this name had other choices.
        """
        require_memory(self.sampler, self.convergence, self.resources, posteriors)
        if len(posteriors) > 1:
            self._require_informative(posteriors)
        self._require_time(posteriors)
        self._tell_of_domains(posteriors)
        draws = {}
        for number, (name, posterior) in enumerate(posteriors.items()):
            self.run.event("SAMPLING_START", model=name, parameters=list(posterior.names))
            share = number / len(posteriors), (number + 1) / len(posteriors)
            draws[name] = self._sampled(name, posterior, share)
            self.run.event(
                "SAMPLING_DONE",
                model=name,
                ended=draws[name].ended,
                evaluations=draws[name].evaluations,
                ln_z=draws[name].ln_z,
            )
        return draws

    def _sampled(self, name: str, posterior: Posterior, share: tuple[float, float]) -> Draws:
        task = SamplingTask(
            posterior,
            self.convergence,
            self.checkpoint,
            self.run,
            name,
            self.seed,
            self.signature(posterior),
            share,
        )
        chosen = self.sampler.root
        module = import_module(f"app.pipelines.janus.samplers.{SAMPLERS[chosen.kind]}")
        sample: Callable[[SamplingTask, Any], Draws] = module.sample
        return sample(task, chosen)

    def signature(self, posterior: Posterior) -> dict[str, Any]:
        """All that must be the same for a checkpoint to be gone on from: not how long it goes on,
        which `LIMITS` and the targets of convergence say."""
        return {
            "posterior": posterior.identity,
            "parameters": list(posterior.names),
            "sampler": self.sampler.model_dump(mode="json", exclude=LIMITS),
            "seed": self.seed,
            **{package: version(package) for package in PACKAGES[self.sampler.root.kind]},
        }

    def _tell_of_domains(self, posteriors: Mapping[str, Posterior]) -> None:
        for name, posterior in posteriors.items():
            outside = posterior.description.get("share_outside_domain", 0.0)
            if outside > 0.0:
                log.warning(
                    "%s does not exist in %.2g of its prior, up to the highest redshift of these "
                    "data: the likelihood is 0 there",
                    name,
                    outside,
                )

    def _require_time(self, posteriors: Mapping[str, Posterior]) -> None:
        """Where there is a limit, and nothing was sampled yet."""
        if self._has_begun(posteriors):
            return
        require_some_time(self.run.governor)
        limit = time_limit(self.resources, self.run.governor.left_in_phase())
        if limit is None or self.resources.beyond:
            return
        from app.pipelines.janus.estimate import ends_in_order, require_time

        if ends_in_order(self.sampler, self.convergence):
            return
        require_time(posteriors, self.sampler, self.convergence, self.checkpoint, self.seed, limit)

    def _has_begun(self, posteriors: Mapping[str, Posterior]) -> bool:
        """A run that goes on was let begin; its rest is not its whole."""
        return any((self.run.folder / f"checkpoints-{name}").is_dir() for name in posteriors)

    def _require_informative(self, posteriors: Mapping[str, Posterior]) -> None:
        for name, posterior in posteriors.items():
            flat = flat_parameters(posterior, np.random.default_rng(self.seed))
            if flat:
                raise ConfigError(
                    f"the data do not depend on {', '.join(flat)} of {name}: a comparison of "
                    "models would only count parameters\n  fix it (prior.parameters."
                    f"{flat[0]}=VALUE), add data that do depend on it, or sample the model alone "
                    "(rivals=none), where it is reported as unconstrained"
                )
