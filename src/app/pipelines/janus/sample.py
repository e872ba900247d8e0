"""The stage `sample`: draws from the posterior of every model. What it imports it imports when it
runs."""

from kedro.pipeline import Node, Pipeline

from app.config.janus.sampler import (
    Convergence,
    Resources,
    Sampler,
    SamplingCheckpoint,
    Workers,
)
from app.datasets.arrays import Arrays
from app.durable.run import DurableRun
from app.pipelines.janus.assemble import assemble_node
from app.pipelines.janus.posterior import Posterior


def sample_models(
    run: DurableRun,
    posteriors: dict[str, Posterior],
    n_workers: int,
    workers: Workers,
    sampler: Sampler,
    convergence: Convergence,
    checkpoint: SamplingCheckpoint,
    resources: Resources,
    seed: int,
) -> Arrays:
    """Draws from the posterior of each model (`draws.packed`)."""
    from app.pipelines.janus.at_work import at_work
    from app.pipelines.janus.draws import packed
    from app.pipelines.janus.rejections import counted
    from app.pipelines.janus.sampling import Sampling

    sampling = Sampling(run, sampler, convergence, checkpoint, resources, seed)
    with run.phase("sample"), at_work(posteriors, n_workers, workers, run.folder) as working:
        return packed(counted(sampling.of(working), working))


def create_pipeline() -> Pipeline:
    """From observations to draws."""
    how = ["n_workers", "workers", "sampler", "convergence", "checkpoint", "resources", "seed"]
    return Pipeline(
        [
            assemble_node(),
            Node(
                sample_models,
                ["janus_run", "posteriors", *(f"params:{name}" for name in how)],
                "posterior_draws",
                name="sample_models",
                tags="sample",
            ),
        ]
    )
