"""The random forest beside which the linear model is judged: 100 trees on the same rows and
features, as interactive tools have it (ilastik; scikit-image's trainable segmenter)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.pipelines.vesuvius.rows import Samples
from app.pipelines.vesuvius.scoring import scanned

TREES, DEPTH = 100, 10


@dataclass(frozen=True)
class Forest:
    """A random forest with the surface of a linear model."""

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


def forest_of(samples: Samples, seed: int) -> Forest:
    """Fitted to the training rows; its thresholds are those of the best F1 on the validation
    rows, as those of the linear model are."""
    from sklearn.ensemble import RandomForestClassifier

    trees = RandomForestClassifier(
        TREES, max_depth=DEPTH, max_samples=0.5, random_state=seed, n_jobs=1
    )
    trees.fit(samples.train.features, _codes(samples.train.target))
    forest = Forest(trees, samples.train.classes, np.full(len(samples.train.classes), 0.5))
    found = forest.probabilities(np.ascontiguousarray(samples.validation.features.T))
    best = [_best_threshold(p, samples.validation.target[:, k] > 0) for k, p in enumerate(found)]
    return Forest(trees, forest.classes, np.array(best))


def _codes(target: np.ndarray) -> np.ndarray:
    return np.where(target.any(axis=1), target.argmax(axis=1) + 1, 0)


def _best_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    tried = scanned((0.05, 0.95, 0.01))
    positive = np.count_nonzero(truth)
    f1 = []
    for threshold in tried:
        above = probabilities >= threshold
        f1.append(2.0 * np.count_nonzero(above & truth) / (np.count_nonzero(above) + positive or 1))
    return float(tried[int(np.argmax(f1))])
