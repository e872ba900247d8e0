"""What to type after a run that did not converge: what goes on from its draws where more of them
are the remedy, and what begins anew where they are none."""

import math
from collections.abc import Mapping
from typing import Any

from app.config.janus.sampler import Convergence, Dynesty, Emcee, Importance, Nautilus, Sampler
from app.pipelines.janus.samplers.importance_look import LATE

Told = Mapping[str, Any]

GOES_ON = "the same command with {} goes on from here"
CUT = "goes on past it"  # of shortfalls' sentences: a prior that ends before the posterior does
ALONE = ("never moved", "acceptance of")  # walkers that more steps do not bring along
FEW = 50  # steps: in fewer a walker may stand still by chance
MISSED = "populations disagree"  # on ln Z: one of them has missed a mode
UNMOVED = ("the same in all draws", "have a weight of 0")
DLOGZ = 0.1  # less of it leaves the draws of dynesty as they are


def remedies(models: Mapping[str, Told], sampler: Sampler, convergence: Convergence) -> list[str]:
    """Sentences, of the models that did not converge."""
    short = [told for told in models.values() if not told["converged"]]
    found = dict.fromkeys(_of_model(told, short, sampler, convergence) for told in short)
    return [f"{said[0].upper()}{said[1:]}." for said in found if said]


def _of_model(told: Told, short: list[Told], sampler: Sampler, convergence: Convergence) -> str:
    unmet = " ".join(told["unmet"])
    if CUT in unmet:
        return ""  # its sentence says which prior is to be wider
    if told["ended"] == "deadline":
        return (
            "the same command goes on from here: give it a larger budget.total, or a later "
            "budget.deadline where that ended it"
        )
    chosen = sampler.root
    if isinstance(chosen, Emcee):
        return _of_emcee(unmet, short, chosen, convergence)
    if isinstance(chosen, Importance):
        return _of_importance(told, unmet, chosen, convergence)
    if any(words in unmet for words in UNMOVED):
        return (
            "more draws are no remedy: a narrower prior may be, or another sampler, "
            "sampler=importance run_name=ANOTHER"
        )
    if isinstance(chosen, Nautilus):
        return GOES_ON.format(f"sampler.n_eff={2 * chosen.n_eff}")
    if isinstance(chosen, Dynesty):
        return _of_dynesty(told, chosen)
    if not convergence.adaptive:
        return GOES_ON.format("convergence.adaptive=true")
    return "more nodes than these are too many: sampler=importance run_name=ANOTHER"


def _of_emcee(unmet: str, short: list[Told], chosen: Emcee, convergence: Convergence) -> str:
    if chosen.steps >= FEW and any(words in unmet for words in ALONE):
        return (
            "more steps are no remedy for walkers that stand still, or accept everything: "
            f"sampler.walkers={2 * chosen.walkers} run_name=ANOTHER, a wider prior, or another "
            "sampler, sampler=nautilus run_name=ANOTHER"
        )
    return GOES_ON.format(f"sampler.steps={_steps(short, chosen.steps, convergence)}")


def _steps(short: list[Told], steps: int, convergence: Convergence) -> int:
    """Twice as many; or, where tau tells that these are too few, twice what it asks for."""
    taus = [row["tau"] or 0.0 for told in short for row in told["parameters"].values()]
    asked = 2.0 * convergence.tau_multiple * max(taus)
    if asked <= 2 * steps:
        return 2 * steps
    unit = int(10.0 ** int(math.log10(asked)))
    return math.ceil(asked / unit) * unit


def _of_importance(told: Told, unmet: str, chosen: Importance, convergence: Convergence) -> str:
    if MISSED in unmet:
        return (
            "more draws are no remedy for populations that disagree: "
            f"sampler.populations={2 * chosen.populations} run_name=ANOTHER, or another sampler, "
            "sampler=nautilus run_name=ANOTHER"
        )
    k = told["pareto_k"]
    is_uneven = k is None or k > convergence.pareto_k
    may_learn = chosen.max_batches < LATE  # its proposal is taken up again in more of them
    if (is_uneven and not may_learn) or any(words in unmet for words in UNMOVED):
        return (
            "more draws are no remedy for weights that are so uneven: another sampler is, "
            "sampler=nautilus run_name=ANOTHER, or sampler=emcee run_name=ANOTHER"
        )
    return GOES_ON.format(f"sampler.max_batches={2 * chosen.max_batches}")


def _of_dynesty(told: Told, chosen: Dynesty) -> str:
    if told["ended"] == "plateau":
        return (
            "the live points are all as likely, and more of the same ends there again: "
            "sampler=importance run_name=ANOTHER"
        )
    if chosen.dlogz > DLOGZ:
        return GOES_ON.format(f"sampler.dlogz={DLOGZ:g}")
    return (
        f"a smaller dlogz is no remedy, more live points are: sampler.live_points="
        f"{2 * chosen.live_points} run_name=ANOTHER"
    )
