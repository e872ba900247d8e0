"""Models of the same data against the first of them, in numbers and in words.

Evidence by the scale of Trotta (2008, Contemporary Physics 49:71): |ln B| of 1, 2.5 and 5. BIC by
that of Kass & Raftery (1995): differences of 6 and 10.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.errors import ConfigError

LN_B_WORDS = ((5.0, "strong"), (2.5, "moderate"), (1.0, "weak"))
BIC_WORDS = ((10.0, "very strong"), (6.0, "strong"))
INCONCLUSIVE = "inconclusive"
CRITERIA = ("aic", "aicc", "bic", "dic", "waic")


@dataclass(frozen=True)
class Compared:
    """One model's result. `data`: JSON, what the data are and how they are compared with it:
    equal for models that can be compared. `flat`: parameters of its own that the likelihood does
    not depend on; `unconstrained`: that the data say nothing of, flat or not; `undecided`: of which
    there are too few draws to tell. `of_covariance`: those that the covariance of the data depends
    on, at the best fit."""

    criteria: Mapping[str, Any]  # information.criteria
    ln_z: float | None
    ln_z_sd: float | None
    converged: bool
    data: Any
    flat: Sequence[str] = ()
    unconstrained: Sequence[str] = ()
    undecided: Sequence[str] = ()
    of_covariance: Mapping[str, float] = field(default_factory=dict)


def compare(results: Mapping[str, Compared]) -> list[dict[str, Any]]:
    """JSON rows, in the order given: model, converged, k, chi2_min, chi2_dof, ln_z, ln_z_sd,
    delta_deviance, delta_chi2, delta_aic, delta_aicc, delta_bic, delta_dic, delta_waic, ln_b,
    ln_b_sd, uninformed, verdict.

    Each delta is the model's less the first one's, ln_b = ln Z(model) - ln Z(first). None: not
    defined for one of the two. The deviance is -2 ln L at the best fit; delta_chi2 is the same
    number where the covariance is, and None where it is not. `uninformed`: why BIC does not count
    for this model, "" where it does: every parameter costs it ln n, whether data depend on it or
    not, while ln Z does not change for one that they say nothing of.

    Raises:
        ConfigError: models of different data; a likelihood that is flat in a model's parameters.
    """
    _require_comparable(results)
    first = next(iter(results))
    return [_row(name, result, first, results[first]) for name, result in results.items()]


def preferred(rows: Sequence[Mapping[str, Any]]) -> tuple[str | None, str]:
    """The model of the highest evidence, else of the lowest BIC, and how it stands against the next
    one, and against the first, in sentences; no name where the two best are alike, or the draws do
    not allow to tell."""
    doubtful = [row["model"] for row in rows if not row["converged"]]
    if doubtful:
        return None, f"No model is preferred: {' and '.join(doubtful)} did not converge."
    if all(row["ln_z"] is not None for row in rows):
        ranked, over = sorted(rows, key=lambda row: -row["ln_z"]), _over_by_evidence
    elif uninformed := _joined(row["uninformed"] for row in rows):
        return None, f"No model is preferred: ln Z is not known of all of them, and {uninformed}."
    elif all(row["delta_bic"] is not None for row in rows):
        ranked, over = sorted(rows, key=lambda row: row["delta_bic"]), _over_by_bic
    else:
        return None, "No model is preferred: neither ln Z nor BIC is known of all of them."
    best, second = ranked[:2]
    is_clear, said = over(best, second)
    if rows[0]["model"] not in (best["model"], second["model"]):
        said += f" {over(best, rows[0])[1]}"
    return best["model"] if is_clear else None, said


def _over_by_evidence(best: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[bool, str]:
    ln_b, sd = best["ln_z"] - other["ln_z"], _error(best["ln_z_sd"], other["ln_z_sd"])
    size = f"ln B = {ln_b:.3f}" + (f" ± {sd:.3f}" if sd is not None else "")
    return _over(_evidence(ln_b, sd, best["model"], other["model"]), best, other, size)


def _over_by_bic(best: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[bool, str]:
    difference = other["delta_bic"] - best["delta_bic"]
    told = _by_bic(-difference, best["model"], other["model"])
    return _over(told, best, other, f"ΔBIC = {difference:.2f}")


def _over(
    told: str, best: Mapping[str, Any], other: Mapping[str, Any], size: str
) -> tuple[bool, str]:
    if told == INCONCLUSIVE:
        return False, f"{best['model']} and {other['model']} describe the data alike ({size})."
    return True, f"{told[0].upper()}{told[1:]} over {other['model']} ({size})."


def _require_comparable(results: Mapping[str, Compared]) -> None:
    first, *others = results
    for other in others:
        if results[other].data != results[first].data:
            raise ConfigError(
                f"{other} and {first} cannot be compared: they were fitted to different data, or "
                "in different ways\n  sample both with the same likelihood"
            )
    for name, result in results.items():
        if len(results) > 1 and result.flat:
            raise ConfigError(
                f"{name} cannot be compared: the data do not depend on its "
                f"{', '.join(result.flat)}, so that only parameters would be counted\n  fix "
                "them, or add data that depend on them"
            )


def _row(name: str, result: Compared, first: str, reference: Compared) -> dict[str, Any]:
    own, base = result.criteria, reference.criteria
    ln_b = _difference(result.ln_z, reference.ln_z)
    ln_b_sd = _error(result.ln_z_sd, reference.ln_z_sd) if ln_b is not None else None
    half = _difference(base["ln_l_max"], own["ln_l_max"])
    row = {
        "model": name,
        "converged": result.converged,
        "k": own["k"],
        "chi2_min": own["chi2_min"],
        "chi2_dof": own["chi2_dof"],
        "ln_z": result.ln_z,
        "ln_z_sd": result.ln_z_sd,
        "delta_deviance": None if half is None else 2.0 * half,
        "delta_chi2": None,
    }
    if result.of_covariance == reference.of_covariance:
        row["delta_chi2"] = _difference(own["chi2_min"], base["chi2_min"])
    row |= {f"delta_{key}": _difference(own[key], base[key]) for key in CRITERIA}
    row |= {"ln_b": ln_b, "ln_b_sd": ln_b_sd}
    row |= {"uninformed": _uninformed(name, result), "verdict": ""}
    if name == first:
        return row | {"ln_b_sd": None if ln_b is None else 0.0}
    if not (result.converged and reference.converged):
        return row | {"verdict": "none: not converged"}
    if ln_b is not None:
        return row | {"verdict": _evidence(ln_b, ln_b_sd, name, first)}
    if uninformed := _joined([_uninformed(first, reference), row["uninformed"]]):
        return row | {"verdict": f"none: {uninformed}"}
    if row["delta_bic"] is not None:
        return row | {"verdict": _by_bic(row["delta_bic"], name, first)}
    return row


def _uninformed(name: str, result: Compared) -> str:
    said = []
    if result.unconstrained:
        said.append(f"the data say nothing of {', '.join(result.unconstrained)} ({name})")
    if result.undecided:
        said.append(f"the draws are too few for {', '.join(result.undecided)} ({name})")
    return _joined(said)


def _joined(said: Iterable[str]) -> str:
    return ", ".join(filter(None, said))


def _difference(own: float | None, base: float | None) -> float | None:
    return None if own is None or base is None else own - base


def _error(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else float(np.hypot(one, other))


def _evidence(ln_b: float, sd: float | None, name: str, first: str) -> str:
    """Two words where ln B +- sd reaches from one into the other."""
    favoured = name if ln_b > 0.0 else first
    size = abs(ln_b)
    low, high = (_ln_b_word(max(size + shift, 0.0)) for shift in (-(sd or 0.0), sd or 0.0))
    if low == high == INCONCLUSIVE:
        return INCONCLUSIVE
    words = low if low == high else f"{low} to {high}"
    return f"{words} evidence for {favoured}"


def _ln_b_word(size: float) -> str:
    return next((word for least, word in LN_B_WORDS if size >= least), INCONCLUSIVE)


def _by_bic(delta: float, name: str, first: str) -> str:
    word = next((word for least, word in BIC_WORDS if abs(delta) >= least), None)
    return f"{word} evidence for {name if delta < 0.0 else first} by BIC" if word else INCONCLUSIVE
