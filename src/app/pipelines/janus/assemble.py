"""Both stages' first step: data, models and priors put together. What it imports it imports when it
runs."""

from kedro.pipeline import Node

from app.config.janus.cosmology import Cosmology, Rivals, models_of
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.datasets.observations.kinds import Observations
from app.pipelines.janus.posterior import Posterior


def assemble_posteriors(
    observations: Observations,
    cosmology: Cosmology,
    rivals: Rivals,
    likelihood: Likelihood,
    prior: Prior,
) -> dict[str, Posterior]:
    """Name -> posterior, of the studied model first, then of its rivals."""
    from app.pipelines.janus.assembly import posteriors_of

    return posteriors_of(models_of(cosmology, rivals), likelihood, prior, observations)


def assemble_node() -> Node:
    """One node of both stages: a whole run has it once."""
    choices = ["cosmology", "rivals", "likelihood", "prior"]
    return Node(
        assemble_posteriors,
        ["observations", *(f"params:{name}" for name in choices)],
        "posteriors",
        name="assemble_posteriors",
        tags=["sample", "report"],
    )
