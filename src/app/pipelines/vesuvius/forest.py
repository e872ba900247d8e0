"""The random forest beside which the study's models are judged: 100 trees on rows and
features of theirs, as interactive tools have it (ilastik; scikit-image's trainable segmenter)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.pipelines.vesuvius.rows import Samples
from app.pipelines.vesuvius.scoring import F1, F_HALF, IOU, scanned

TREES, DEPTH = 100, 10


@dataclass(frozen=True)
class Forest:
    """A random forest with the surface of the study's models."""

    trees: Any  # sklearn's RandomForestClassifier; classes 0 (background) to K
    classes: tuple[str, ...]
    thresholds: np.ndarray  # (K,)

    def probabilities(self, maps: np.ndarray) -> np.ndarray:
        """(F, ...) to (K, ...) float32."""
        rows = maps.reshape(len(maps), -1).T
        found = np.zeros((len(self.classes), len(rows)), np.float32)
        told = self.trees.predict_proba(rows)
        for column, code in enumerate(self.trees.classes_):
            if code > 0:
                found[code - 1] = told[:, column]
        return found.reshape(len(self.classes), *maps.shape[1:])


def forest_of(
    samples: Samples, rows: int, thresholds: tuple[float, float, float], seed: int
) -> Forest:
    """Fitted to at most `rows` training rows, spread over all; its thresholds, of those scanned,
    suit the validation rows best by the very measure that those of the study's models do."""
    from sklearn.ensemble import RandomForestClassifier

    train, held = samples.train, samples.validation
    at = np.linspace(0, len(train.features) - 1, min(rows, len(train.features))).astype(np.intp)
    trees = RandomForestClassifier(
        TREES, max_depth=DEPTH, max_samples=0.5, random_state=seed, n_jobs=1
    )
    trees.fit(train.features[at], _codes(train.target[at]))
    forest = Forest(trees, train.classes, np.full(len(train.classes), 0.5))
    found = forest.probabilities(np.ascontiguousarray(held.features.T))
    tried = scanned(thresholds)
    best = [_best_threshold(p, held.target[:, k] > 0, tried) for k, p in enumerate(found)]
    return Forest(trees, forest.classes, np.array(best))


def _codes(target: np.ndarray) -> np.ndarray:
    return np.where(target.any(axis=1), target.argmax(axis=1) + 1, 0)


def _best_threshold(probabilities: np.ndarray, truth: np.ndarray, tried: np.ndarray) -> float:
    """Of equals the lowest."""
    positive = float(np.count_nonzero(truth))
    found = []
    for threshold in tried.tolist():
        above = probabilities >= threshold
        true, said = float(np.count_nonzero(above & truth)), float(np.count_nonzero(above))
        f1 = 2.0 * true / max(said + positive, 1.0)
        f_half = 1.25 * true / max(said + 0.25 * positive, 1.0)
        iou = true / max(said + positive - true, 1.0)
        found.append(F1 * f1 + F_HALF * f_half + IOU * iou)
    return float(tried[int(np.argmax(found))])
