"""Every figure of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from app.durable.run import DurableRun
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.on_data import on_data
from app.pipelines.janus.plots import chains, data, highz
from app.pipelines.janus.plots.style import COLOURS, styled
from app.pipelines.janus.posterior import Posterior

BAND_DRAWS = 400  # of the posterior, that bands are drawn from
OF_KIND = {"luminosities": highz.luminosity_plot, "ages": highz.ages_plot}

Json = Mapping[str, Any]


def every_plot(
    run: DurableRun,
    draws: Mapping[str, Draws],
    findings: Json,
    posteriors: Mapping[str, Posterior],
    seed: int,
) -> Path:
    """The folder they are in; those of an earlier report of the run are gone."""
    folder = run.folder / "plots"
    folder.mkdir(exist_ok=True)
    for old in (*folder.glob("*.pdf"), *folder.glob("*.png")):
        old.unlink()
    with styled():
        for number, (name, of_model) in enumerate(draws.items()):
            truth = posteriors[name].description.get("simulated_with", {})
            _of_model(folder, number, name, of_model, findings["models"][name], truth)
            run.advance((number + 1) / (len(draws) + 1))
        _of_data(folder, draws, findings, posteriors, seed)
        if rows := [row for row in findings["comparison"] if row["ln_b"] is not None]:
            data.evidence_plot(folder, rows)
    run.advance(1.0)
    return folder


def _of_model(
    folder: Path, number: int, name: str, draws: Draws, told: Json, truth: Mapping[str, float]
) -> None:
    chains.corner_plot(folder, name, draws, told["best"], COLOURS[number % len(COLOURS)], truth)
    if draws.is_chain:
        chains.trace_plot(folder, name, draws)
        tau = {key: row["tau"] for key, row in told["parameters"].items()}
        chains.autocorrelation_plot(folder, name, draws, tau)
    else:
        chains.weights_plot(folder, name, draws)


def _of_data(
    folder: Path,
    draws: Mapping[str, Draws],
    findings: Json,
    posteriors: Mapping[str, Posterior],
    seed: int,
) -> None:
    predicted: dict[str, dict[str, data.Prediction]] = {}
    for name, posterior in posteriors.items():
        side = on_data(posterior)
        if side is None:
            continue
        theta = draws[name].equally_weighted(BAND_DRAWS, np.random.default_rng(seed))
        for told in side.predictions(theta):
            predicted.setdefault(told["name"], {})[name] = told
    for part, by_model in predicted.items():
        kind = next(iter(by_model.values()))["kind"]
        OF_KIND.get(kind, data.fit_plot)(folder, part, by_model)
        checks = findings["predictive"][part]
        if checks:
            in_order = {name: checks[name] for name in by_model}
            data.predictive_plot(folder, part, in_order)
