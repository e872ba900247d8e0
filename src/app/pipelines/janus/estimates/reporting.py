"""What comes after sampling: an assessment, by what it asks of the likelihood, and figures."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from app.config.janus.tree import StudyConfig
from app.durable.profile import PROFILE, read_profile
from app.pipelines.janus import best_fit, flatness, information, newton, predictive
from app.pipelines.janus.config_digest import config_digest
from app.pipelines.janus.estimates.cost import Cost, possible_draws
from app.pipelines.janus.on_data import data_of, on_data
from app.pipelines.janus.plots.every import BAND_DRAWS
from app.pipelines.janus.posterior import Posterior

Json = dict[str, Any]

# measured: imports and the page; other figures of a model; a panel of its corner plot; exports,
# diagnostics and figures of its draws
STARTING_S, OF_MODEL_S, OF_PANEL_S, OF_GB_S = 4.0, 0.5, 0.07, 40.0
PHASES = ("assess", "export", "plots")
ROUNDS = 6  # of Newton's method from each start
ROWS = 64  # vectors that the sides of the data are timed with


def report_s(
    folder: Path,
    config: StudyConfig,
    posteriors: Mapping[str, Posterior],
    costs: Mapping[str, Cost],
    gb: float,
) -> tuple[float, str]:
    """Seconds of the phases after sampling, and where they are from: the newest run in `folder` or
    beside it of the same data, models and sampler, or else what one evaluation takes. `gb`: of
    draws, at most."""
    alike = _of_a_run_alike(folder, config, posteriors)
    if alike is not None:
        return alike, "the newest run of these models, data and sampler"
    seconds = STARTING_S + OF_GB_S * gb
    for name, posterior in posteriors.items():
        panels = posterior.ndim * (posterior.ndim + 1) / 2
        seconds += OF_MODEL_S + OF_PANEL_S * panels
        seconds += assessment_s(posterior, costs[name], config.seed)
    return seconds, "the measured cost of the likelihood, and figures as elsewhere"


def evaluations(ndim: int) -> int:
    """Of the likelihood, by the assessment of a model: of the search for its best fit, and of the
    parameters that the data say nothing of."""
    pairs = ndim * (ndim - 1) // 2
    each_round = 1 + 4 * ndim + 2 * pairs + len(newton.DAMPINGS)
    return best_fit.STARTS * ROUNDS * each_round + flatness.DRAWS * (ndim + 1)


def assessment_s(posterior: Posterior, cost: Cost, seed: int) -> float:
    """Seconds of the evaluations that a report makes; of a user's own log-probability it makes
    none."""
    data, side = data_of(posterior), on_data(posterior)
    if data is None or side is None:
        return 0.0
    theta = np.resize(possible_draws(posterior, seed), (ROWS, posterior.ndim))
    seconds = evaluations(posterior.ndim) * cost.each_s
    for draws, asked in (
        (information.MOST, data.pointwise),
        (predictive.DRAWS, data.chi2),
        (BAND_DRAWS, side.predictions),
    ):
        began = time.perf_counter()
        asked(theta)
        seconds += draws / ROWS * (time.perf_counter() - began)
    return seconds


def _of_a_run_alike(
    folder: Path, config: StudyConfig, posteriors: Mapping[str, Posterior]
) -> float | None:
    asked = config_digest(config.cosmology, config.likelihood, config.prior, config.sampler)
    data = next(iter(posteriors.values())).identity.get("data") or ""
    found = []
    for path in folder.parent.glob(f"*/{PROFILE}"):
        summary, profile = _summary(path.with_name("summary.json")), read_profile(path)
        if summary is None or profile is None:
            continue
        phases = profile["phases"]
        is_whole = all(phases.get(name, {}).get("reached", 0.0) >= 1.0 for name in PHASES)
        hashes = summary["hashes"]
        is_alike = (
            [summary["model"], *summary["rivals"]] == list(posteriors)
            and hashes.get("config") == asked
            and hashes.get("data") == data
        )
        if is_whole and is_alike:
            seconds = sum(float(phases[name]["seconds"]) for name in PHASES)
            found.append((path.parent == folder, path.stat().st_mtime_ns, seconds))
    return max(found)[2] if found else None


def _summary(path: Path) -> Json | None:
    """None where there is none that says what it is of."""
    try:
        summary = json.loads(path.read_bytes())
        summary["model"], summary["rivals"], summary["hashes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(summary)
