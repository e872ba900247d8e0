"""How candidates are compared: on the validation rows, at the decision threshold that suits each.

score = CE + 0.02 (1 - sparsity) - 0.20 F1 - 0.15 F0.5 - 0.10 IoU + 0.005 reg, lower is better. A
row is of a class when its probability is at least the threshold; the threshold of a class, from
those scanned, is the one with the best score. Classes count alike (macro mean).
"""

from dataclasses import dataclass

import numpy as np

from app.config.vesuvius.training import Training
from app.errors import ConfigError
from app.pipelines.vesuvius import logistic
from app.pipelines.vesuvius.compiled import compiled
from app.pipelines.vesuvius.proximal import penalty

DENSITY, F1, F_HALF, IOU, PENALTY = 0.02, 0.20, 0.15, 0.10, 0.005
BLOCK = 4096  # rows


@dataclass(frozen=True)
class Scores:
    """Of k candidates with K classes each. A measure of a class that is neither there nor
    predicted is 0."""

    score: np.ndarray  # (k,)
    cross_entropy: np.ndarray  # (k,) mean over rows and classes
    penalty: np.ndarray  # (k,) l1 |w|_1 + l2 |w|^2 / 2
    sparsity: np.ndarray  # (k,) share of weights that are 0
    thresholds: np.ndarray  # (k, K)
    f1: np.ndarray  # (k, K)
    f_half: np.ndarray  # (k, K): F-beta with beta 0.5
    iou: np.ndarray  # (k, K)

    def of(self, at: int) -> dict[str, float]:
        """The measures of one candidate, means over the classes, as metrics."""
        return {
            "score": float(self.score[at]),
            "cross_entropy": float(self.cross_entropy[at]),
            "penalty": float(self.penalty[at]),
            "sparsity": float(self.sparsity[at]),
            "threshold": float(self.thresholds[at].mean()),
            "f1": float(self.f1[at].mean()),
            "f_half": float(self.f_half[at].mean()),
            "iou": float(self.iou[at].mean()),
        }


def prune(W: np.ndarray, quantile: float) -> np.ndarray:
    """(d, c) weights with those below the quantile of |w| in their column set to 0."""
    if quantile == 0.0:
        return W.copy()
    size = np.abs(W)
    return np.where(size < np.quantile(size, quantile, axis=0), W.dtype.type(0), W)


def score(
    X: np.ndarray,
    Y: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    penalties: tuple[np.ndarray, np.ndarray],
    thresholds: tuple[float, float, float],
) -> Scores:
    """Scores candidates as they are: prune them before.

    Args:
        X: (n, d) design of the validation rows, of W's dtype; Y: (n, K) 0 or 1.
        W: (d, k K) candidate-major, class-minor; b: (k K,).
        penalties: l1 and l2 of the candidates, (k,) each.
        thresholds: from, to (included), step.

    Raises:
        ConfigError: no threshold is left to try.
    """
    tried = scanned(thresholds)
    classes = Y.shape[1]
    loss, counts = _counted(X, Y, W, b, tried)
    true, false, missed = counts  # (k K, T) each
    f1 = _ratio(2 * true, 2 * true + false + missed)
    f_half = _ratio(1.25 * true, 1.25 * true + false + 0.25 * missed)
    iou = _ratio(true, true + false + missed)
    best = np.argmax(F1 * f1 + F_HALF * f_half + IOU * iou, axis=1)  # of equals the lowest

    def at_best(measure: np.ndarray) -> np.ndarray:
        return np.asarray(measure[np.arange(len(best)), best].reshape(-1, classes))

    l1, l2 = penalties
    reg = penalty(W, l1, l2)
    cross_entropy = (loss / len(X)).reshape(-1, classes).mean(axis=1)
    sparsity = (W == 0).mean(axis=0).reshape(-1, classes).mean(axis=1)
    f1, f_half, iou = at_best(f1), at_best(f_half), at_best(iou)
    total = cross_entropy + DENSITY * (1.0 - sparsity) + PENALTY * reg
    total -= F1 * f1.mean(axis=1) + F_HALF * f_half.mean(axis=1) + IOU * iou.mean(axis=1)
    chosen = tried[best].reshape(-1, classes)
    return Scores(total, cross_entropy, reg, sparsity, chosen, f1, f_half, iou)


def score_of(
    training: Training,
    validation: tuple[np.ndarray, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
    penalties: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, Scores]:
    """As the study does it: prunes the weights (W, b), scores them on (X, Y); gives both."""
    pruned = prune(weights[0], training.prune_quantile)
    return pruned, score(*validation, pruned, weights[1], penalties, training.thresholds)


def scanned(thresholds: tuple[float, float, float]) -> np.ndarray:
    """The decision thresholds of (from, to, step), ascending, to included."""
    first, last, step = thresholds
    if not (step > 0.0 and last >= first):
        raise ConfigError(
            f"training.thresholds={list(thresholds)}: from, to, step must rise by a step above 0"
        )
    count = int((last - first) / step + 1e-9) + 1
    return np.asarray(np.round(first + step * np.arange(count), 12))


def _counted(
    X: np.ndarray, Y: np.ndarray, W: np.ndarray, b: np.ndarray, tried: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Summed cross-entropy (c,), and (3, c, T): rows that are right to be of the class at each
    threshold, wrong to be, and wrong not to be."""
    classes = Y.shape[1]
    loss = np.zeros(len(b))
    above = np.zeros((len(b), 2, len(tried) + 1), np.int64)  # rows by class and thresholds reached
    nobody = np.zeros((len(b), 2), np.int64)
    room = np.empty((min(BLOCK, len(X)), len(b)), W.dtype)
    for start in range(0, len(X), BLOCK):
        x, y = X[start : start + BLOCK], Y[start : start + BLOCK]
        z = np.matmul(x, W, out=room[: len(x)])
        logistic.cross_entropy(z, b, y, start, nobody, loss)
        logistic.probabilities(z, b)
        _tally(z, y, tried, above)
    reached = above[:, :, :0:-1].cumsum(axis=2)[:, :, ::-1].astype(np.float64)
    present = np.tile(Y.sum(axis=0, dtype=np.float64), len(b) // classes)[:, None]
    return loss, np.stack([reached[:, 1], reached[:, 0], present - reached[:, 1]])


@compiled
def _tally(
    probabilities: np.ndarray, target: np.ndarray, tried: np.ndarray, above: np.ndarray
) -> None:
    """Counts rows in above (c, 2, T + 1): by column, target and number of thresholds reached."""
    rows, columns = probabilities.shape
    classes = target.shape[1]
    total = tried.size
    a_threshold = (total - 1) / max(tried[-1] - tried[0], 1e-9)
    for i in range(rows):
        for c in range(columns):
            p = np.float64(probabilities[i, c])
            guess = (p - tried[0]) * a_threshold + 1.0
            at = min(int(guess), total) if guess > 0.0 else 0
            while at < total and tried[at] <= p:
                at += 1
            while at > 0 and tried[at - 1] > p:
                at -= 1
            above[c, 1 if target[i, c % classes] else 0, at] += 1


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
