"""A whole run, model by model: what it takes, and whether that is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.config.durations import seconds_of
from app.config.janus.tree import StudyConfig
from app.datasets.observations.dataset import read
from app.pipelines.janus.assembly import posteriors_of
from app.pipelines.janus.at_work import at_work
from app.pipelines.janus.estimate import estimated
from app.pipelines.janus.estimates.cost import Cost, batch_of, cost_of
from app.pipelines.janus.estimates.limits import time_limit
from app.pipelines.janus.estimates.memory import GB, bytes_of, memory_of, room_bytes
from app.pipelines.janus.estimates.reporting import report_s
from app.pipelines.janus.posterior import Posterior

Json = dict[str, Any]

STARTING_S = 5.0  # Python, Kedro, the catalog
WORTH = 1.15  # times as fast as one process: less is not worth the others


def estimate_of(config: StudyConfig, folder: Path, tell: Callable[[str], None]) -> Json:
    """models: name -> `Estimate`, parameters, likelihood (part -> how it is computed), workers;
    sampling_s, report_s, total_s, total_most_s; memory_bytes, memory_room_bytes; time_limit_s;
    fits_memory, fits_time (None: there is no limit).

    `folder`: of the run; nothing is written there. `tell` is given a line now and then.

    Raises:
        SuperiorError: what the run would say before it samples.
    """
    sampler, convergence = config.sampler, config.convergence
    observations = read(config.likelihood, Path(config.data_root), config.seed)
    models: Json = {}
    posteriors = posteriors_of(config.models(), config.likelihood, config.prior, observations)
    with at_work(posteriors, config.n_workers, config.workers) as working:
        for name, posterior in working.items():
            tell(f"measuring {name}: its likelihood, and {sampler.root.kind} for a moment")
            found = estimated(posterior, sampler, convergence, config.checkpoint, config.seed)
            models[name] = {
                "parameters": list(posterior.names),
                "likelihood": methods(posterior),
                "workers": _workers(config, posterior, posteriors[name], tell),
                **vars(found),
            }
        memory = memory_of(sampler, convergence, posteriors)
        draws = sum(bytes_of(sampler, convergence, own.ndim) for own in posteriors.values())
    sampling, most = (
        sum(one[key] for one in models.values()) for key in ("seconds", "seconds_most")
    )
    costs = {name: Cost(one["per_evaluation_s"], 1) for name, one in models.items()}
    report, report_from = report_s(folder, config, posteriors, costs, draws / GB)
    budget = config.budget.total
    limit = time_limit(config.resources, seconds_of(budget) if budget else float("inf"))
    room, room_from = room_bytes(config.resources)
    total = STARTING_S + sampling + report
    return {
        "run": config.name,
        "sampler": sampler.root.kind,
        "models": models,
        "sampling_s": sampling,
        "report_s": report,
        "report_from": report_from,
        "total_s": total,
        "total_most_s": total + most - sampling,
        "memory_bytes": memory.peak,
        "memory_room_bytes": int(room),
        "memory_room": room_from,
        "time_limit_s": limit[0] if limit else None,
        "time_limit": limit[1] if limit else None,
        "fits_memory": memory.peak <= room,
        "fits_time": total <= limit[0] if limit else None,
    }


def methods(posterior: Posterior) -> Json:
    """Part -> method: compressed, dense, or opaque; nodes and measured_error (in chi2) where it has
    them."""
    parts = posterior.description.get("likelihood")
    if parts is None:
        return {"log_prob": {"method": "opaque"}}
    told = ("method", "nodes", "measured_error")
    return {name: {key: part[key] for key in told if key in part} for name, part in parts.items()}


def _workers(
    config: StudyConfig,
    posterior: Posterior,
    alone: Posterior,
    tell: Callable[[str], None],
) -> Json | None:
    """One process against those asked for, measured; None where there is one anyway."""
    count = int(posterior.description.get("workers", 1))
    if count == 1:
        return None
    tell(f"measuring 1 process against {count}")
    batch = batch_of(config.sampler.root)
    one = cost_of(alone, batch, config.seed)
    several = cost_of(posterior, batch, config.seed, least=2 * count)
    speedup = one.each_s / several.each_s
    said = f"{count} workers evaluate {speedup:.2f} times as fast as one process"
    if speedup < WORTH:
        said += ", which is not worth them: n_workers=1 does as well"
        if one.each_s < 1e-3:
            said += "; handing a vector over takes as long as evaluating it"
    return {"count": count, "one_s": one.each_s, "each_s": several.each_s, "told": said}
