"""Is one classifier better than another on the same documents?

Two paired tests, each over all pairs of classifiers with Holm's correction:
- exact McNemar (McNemar 1947, Psychometrika 12; recommended for one test set by Dietterich 1998,
  Neural Computation 10): of the documents only one of the two gets right, is each as likely to be
  the right one? It takes documents as independent.
- paired bootstrap of the difference in macro-F1 (Efron & Tibshirani 1993, ch. 13): both are
  scored on the same drawn samples, groups drawn whole where a group is named. The interval is the
  percentile one; p is that of the difference over its bootstrap standard error, taken as normal,
  since counting samples cannot give a p small enough to survive a correction over many pairs.
Holm 1979, Scandinavian Journal of Statistics 6: the step-down Bonferroni correction.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from app.pipelines.ideo.intervals import Bootstrap, interval, replicate_scores
from app.pipelines.ideo.metrics import Counts, Floats, confusion_matrix, macro_f1


class Comparison(TypedDict):
    """One pair. Differences are `a` minus `b`; the `_holm` p-values are corrected."""

    a: str
    b: str
    macro_f1_difference: float
    interval: list[float]
    bootstrap_p: float
    bootstrap_p_holm: float
    only_a_right: int
    only_b_right: int
    mcnemar_p: float
    mcnemar_p_holm: float


def compare(
    truth: Counts,
    predictions: Mapping[str, Counts],
    pairs: Sequence[tuple[str, str]],
    n_labels: int,
    plan: Bootstrap,
) -> list[Comparison]:
    """Both tests for each pair of names, corrected over these pairs."""
    if not pairs:
        return []
    names = sorted({name for pair in pairs for name in pair})
    drawn = replicate_scores(truth, [predictions[name] for name in names], n_labels, plan).macro_f1
    replicates = dict(zip(names, drawn, strict=True))
    scores = {
        name: macro_f1(confusion_matrix(truth, predictions[name], n_labels)) for name in names
    }
    found: list[Comparison] = []
    for a, b in pairs:
        difference = replicates[a] - replicates[b]
        right_a, right_b = predictions[a] == truth, predictions[b] == truth
        only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        found.append(
            {
                "a": a,
                "b": b,
                "macro_f1_difference": scores[a] - scores[b],
                "interval": interval(difference, plan.confidence),
                "bootstrap_p": bootstrap_p(scores[a] - scores[b], difference),
                "bootstrap_p_holm": 1.0,
                "only_a_right": only_a,
                "only_b_right": only_b,
                "mcnemar_p": mcnemar_exact(only_a, only_b),
                "mcnemar_p_holm": 1.0,
            }
        )
    by_bootstrap = holm([pair["bootstrap_p"] for pair in found])
    by_mcnemar = holm([pair["mcnemar_p"] for pair in found])
    for pair, bootstrap, mcnemar in zip(found, by_bootstrap, by_mcnemar, strict=True):
        pair["bootstrap_p_holm"], pair["mcnemar_p_holm"] = bootstrap, mcnemar
    return found


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p of `only_a` against `only_b` discordant documents: twice the lower tail of
    Binomial(only_a + only_b, 1/2), at most 1."""
    n, fewer = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    log_top = (
        math.lgamma(n + 1) - math.lgamma(fewer + 1) - math.lgamma(n - fewer + 1) - n * math.log(2)
    )
    # The tail from its largest term down: C(n, i-1) = C(n, i) * i / (n - i + 1).
    places = np.arange(fewer, 0, -1)
    tail = 1.0 + np.cumprod(places / (n - places + 1)).sum()
    return float(min(1.0, 2.0 * math.exp(log_top) * tail))


def bootstrap_p(observed: float, replicates: Floats) -> float:
    """Two-sided p of an observed difference that varies as its replicates do; 1 where they do
    not vary, as with a single group."""
    error = float(replicates.std(ddof=1))
    return math.erfc(abs(observed) / (error * math.sqrt(2.0))) if error > 0.0 else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values, in the order given: the i-th smallest times (m - i), never falling."""
    m = len(p_values)
    corrected = [0.0] * m
    largest = 0.0
    for rank, place in enumerate(sorted(range(m), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (m - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
