"""The stage `report`: what the draws say, their exports, figures, summary.json, report.html. What
it imports it imports when it runs."""

from pathlib import Path
from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import Convergence, Sampler
from app.datasets.arrays import Arrays
from app.datasets.observations.kinds import Observations
from app.durable.run import DurableRun
from app.pipelines.janus.assemble import assemble_node
from app.pipelines.janus.posterior import Posterior

Json = dict[str, Any]


def assess_models(
    run: DurableRun,
    draws: Arrays,
    posteriors: dict[str, Posterior],
    sampler: Sampler,
    convergence: Convergence,
    seed: int,
) -> tuple[Json, Json]:
    """What the draws say of every model; and the numbers of it that runs are compared by."""
    from app.pipelines.janus.assess import assessed
    from app.pipelines.janus.assessing import Assessing
    from app.pipelines.janus.draws import unpacked
    from app.pipelines.janus.metrics import metrics_of
    from app.pipelines.janus.predictive import predictive_checks

    found = unpacked(draws)
    with run.phase("assess"):
        work = Assessing(run, found, posteriors, (sampler, convergence, seed))
        told = assessed(
            found, posteriors, sampler, convergence, seed, once=work.once, done=work.done
        )
        told["predictive"] = predictive_checks(found, posteriors, seed)
        run.advance(1.0)
    return told, metrics_of(told)


def export_chains(run: DurableRun, draws: Arrays, seed: int) -> Path:
    """<model>.h5, which emcee's HDFBackend opens, and <model>.nc, which ArviZ does."""
    import numpy as np

    from app.pipelines.janus import hdf, netcdf
    from app.pipelines.janus.draws import unpacked

    folder = run.folder / "chains"
    folder.mkdir(exist_ok=True)
    with run.phase("export"), run.io():
        for name, of_model in unpacked(draws).items():
            hdf.write(folder / f"{name}.h5", of_model, np.random.default_rng(seed))
            netcdf.write(folder / f"{name}.nc", of_model, np.random.default_rng(seed))
        run.advance(1.0)
    return folder


def draw_plots(
    run: DurableRun,
    draws: Arrays,
    findings: Json,
    posteriors: dict[str, Posterior],
    seed: int,
) -> Path:
    """Every figure, as PDF and as PNG."""
    from app.pipelines.janus.draws import unpacked
    from app.pipelines.janus.plots.every import every_plot

    with run.phase("plots"):
        return every_plot(run, unpacked(draws), findings, posteriors, seed)


def summarise(
    run: DurableRun,
    findings: Json,
    observations: Observations,
    cosmology: Cosmology,
    likelihood: Likelihood,
    prior: Prior,
    sampler: Sampler,
) -> Json:
    """summary.json."""
    from app.datasets.observations.kinds import LightCurves, Supernovae
    from app.pipelines.janus.config_digest import config_digest
    from app.pipelines.janus.summary import summary_of

    config = config_digest(cosmology, likelihood, prior, sampler)
    told = summary_of(
        run.run_name,
        findings,
        sampler.root.kind,
        likelihood.offset,
        any(isinstance(one, Supernovae | LightCurves) for one in observations.sets),
        {**observations.files, "data": findings["data_sha256"] or "", "config": config},
        observations.count,
    )
    told["conventions"] += [
        f"{one} and {other} share {', '.join(shared)}: the supernovae of these surveys count twice "
        "(likelihood.overlap=true)."
        for one, other, shared in likelihood.overlaps()
    ]
    return told


def report_page(
    run: DurableRun, summary: Json, plots: Path, sampler: Sampler, convergence: Convergence
) -> str:
    """report.html."""
    from app.pipelines.janus.page.render import write_html

    return write_html(summary, plots, sampler, convergence)


def create_pipeline() -> Pipeline:
    """From draws to the report."""
    return Pipeline(
        [
            assemble_node(),
            Node(
                assess_models,
                [
                    *("janus_run", "posterior_draws", "posteriors"),
                    *("params:sampler", "params:convergence", "params:seed"),
                ],
                ["findings", "posterior_metrics"],
                name="assess_models",
            ),
            Node(
                export_chains,
                ["janus_run", "posterior_draws", "params:seed"],
                "chains",
                name="export_chains",
            ),
            Node(
                draw_plots,
                ["janus_run", "posterior_draws", "findings", "posteriors", "params:seed"],
                "plots",
                name="draw_plots",
            ),
            Node(
                summarise,
                [
                    *("janus_run", "findings", "observations", "params:cosmology"),
                    *("params:likelihood", "params:prior", "params:sampler"),
                ],
                "posterior_summary",
                name="summarise_posterior",
            ),
            Node(
                report_page,
                [
                    *("janus_run", "posterior_summary", "plots"),
                    *("params:sampler", "params:convergence"),
                ],
                "posterior_report",
                name="posterior_report",
            ),
        ],
        tags="report",
    )
