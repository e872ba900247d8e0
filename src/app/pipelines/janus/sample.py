"""The stage `sample`: from observations to draws from the posterior of every model. What it imports
it imports when it runs."""

from kedro.pipeline import Node, Pipeline

from app.config.janus.cosmology import Cosmology, Rivals, models_of
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import (
    Convergence,
    Resources,
    Sampler,
    SamplingCheckpoint,
    Workers,
)
from app.datasets.arrays import Arrays
from app.datasets.observations.kinds import Observations
from app.durable.run import DurableRun
from app.pipelines.janus.choices import Choices

MODELS = ["cosmology", "rivals", "likelihood", "prior"]


def sample_models(
    run: DurableRun,
    observations: Observations,
    cosmology: Cosmology,
    rivals: Rivals,
    likelihood: Likelihood,
    prior: Prior,
    n_workers: int,
    workers: Workers,
    sampler: Sampler,
    convergence: Convergence,
    checkpoint: SamplingCheckpoint,
    resources: Resources,
    seed: int,
) -> Arrays:
    """Draws from the posterior of each model (`draws.packed`)."""
    from app.pipelines.janus.draws import packed
    from app.pipelines.janus.sampling import Sampling

    models = models_of(cosmology, rivals)
    sampling = Sampling(run, sampler, convergence, checkpoint, resources, seed)
    with (
        run.phase("sample"),
        Choices(models, likelihood, prior, n_workers, workers).posteriors(observations) as found,
    ):
        return packed(sampling.of(found))


def create_pipeline() -> Pipeline:
    """From observations to draws."""
    how = ["n_workers", "workers", "sampler", "convergence", "checkpoint", "resources", "seed"]
    return Pipeline(
        [
            Node(
                sample_models,
                ["janus_run", "observations", *(f"params:{name}" for name in [*MODELS, *how])],
                "posterior_draws",
                name="sample_models",
            )
        ],
        tags="sample",
    )
