"""The logistic function over blocks of logits, fast enough that matrix products dominate.

1 / (1 + exp(-z)), with exp by range reduction, exp(x) = 2^k exp(r), |r| <= ln(2)/2, and a
polynomial in r: Taylor's of degree 12 for float64 (relative error 5e-16), Cephes' expf of degree 7
for float32 (1e-7). Rounding by a large constant and 2^k by the exponent's bits leave no branch and
no call in the loop, so that the compiler makes vectors of it; nan stays nan.
"""

import numpy as np
from numba import types
from numba.extending import overload

from app.pipelines.vesuvius.compiled import compiled

f32 = np.float32
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10  # their sum: ln 2
LN2_HIGH_32, LN2_LOW_32 = f32(0.693359375), f32(-2.12194440e-4)
ROUND, ROUND_32 = 6755399441055744.0, f32(12582912.0)  # 1.5 * 2^52, 1.5 * 2^23
LOGS_EVERY = 512  # 2^-512 is a normal number
LOGIT_BLOCK = 1024  # voxels whose logits stay in the first-level cache
LARGEST, LARGEST_32 = 700.0, f32(87.0)  # |z| is cut here: exp stays normal


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Of any array, without compiled code."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def cross_entropies(z: np.ndarray, target: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)) - target z, element by element; a target is a probability."""
    return np.asarray(np.logaddexp(0.0, z) - target * z)


@compiled
def probabilities(logits: np.ndarray, intercept: np.ndarray) -> None:
    """Writes sigmoid(logits + intercept) over the logits (rows, c); intercept (c,), same dtype."""
    for i in range(logits.shape[0]):
        z = logits[i]
        for c in range(z.size):
            z[c] = _sigmoid(z[c] + intercept[c])


@compiled
def residuals(
    logits: np.ndarray,
    intercept: np.ndarray,
    target: np.ndarray,
    first_row: int,
    left_out: np.ndarray,
    total: np.ndarray,
) -> None:
    """Writes sigmoid(logits + intercept) - target over the logits, and 0 in rows left out.

    Args:
        logits: (rows, k K), candidate-major, class-minor.
        intercept: (k K,), of the same dtype.
        target: (rows, K), 0 or 1.
        first_row: which row of the problem the block's first is.
        left_out: (k K, 2) int64: from and to of the rows that do not count in a column.
        total: (k K,), of the same dtype: the columns' sums are added to it.
    """
    rows, columns = logits.shape
    classes = target.shape[1]
    wanted = np.empty_like(intercept)
    some_left_out = False
    for c in range(columns):
        if max(left_out[c, 0], first_row) < min(left_out[c, 1], first_row + rows):
            some_left_out = True
    for i in range(rows):
        z = logits[i]
        for k in range(classes):
            wanted[k::classes] = target[i, k]
        for c in range(columns):
            z[c] = _sigmoid(z[c] + intercept[c]) - wanted[c]
        if some_left_out:
            row = first_row + i
            for c in range(columns):
                if left_out[c, 0] <= row < left_out[c, 1]:
                    z[c] = 0
        for c in range(columns):
            total[c] += z[c]


@compiled
def cross_entropy(
    logits: np.ndarray,
    intercept: np.ndarray,
    target: np.ndarray,
    first_row: int,
    left_out: np.ndarray,
    total: np.ndarray,
) -> None:
    """Adds to total (k K,) float64 log(1 + exp(z)) - y z, z = logits + intercept, of rows that
    count. Arguments as of `residuals`; nothing is written over."""
    rows, columns = logits.shape
    classes = target.shape[1]
    likelihood = np.ones(columns)  # log(1 + exp(-|z|)) = -log(sigmoid(|z|)): one log for many rows
    wanted, counts = np.empty(columns), np.empty(columns)
    for i in range(rows):
        row = first_row + i
        for k in range(classes):
            wanted[k::classes] = target[i, k]
        for c in range(columns):
            counts[c] = 0.0 if left_out[c, 0] <= row < left_out[c, 1] else 1.0
        for c in range(columns):
            z = np.float64(logits[i, c] + intercept[c])
            size = abs(z)
            likelihood[c] *= 1.0 - counts[c] * (1.0 - _sigmoid(size))
            total[c] += counts[c] * (0.5 * (z + size) - wanted[c] * z)
        if i % LOGS_EVERY == LOGS_EVERY - 1 or i == rows - 1:
            for c in range(columns):
                total[c] -= np.log(likelihood[c])
                likelihood[c] = 1.0


@compiled
def of_features(
    x: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    linear: np.ndarray,
    square: np.ndarray,
    intercept: np.ndarray,
) -> np.ndarray:
    """(K, m) probabilities of m voxels: sigmoid(sum_u z (linear + square z) + intercept),
    z = (x - mean) inverse. x (u, m); mean, inverse (u,); linear, square (u, K); all float32."""
    features, voxels = x.shape
    classes = intercept.size
    found = np.empty((classes, voxels), np.float32)
    for start in range(0, voxels, LOGIT_BLOCK):
        stop = min(start + LOGIT_BLOCK, voxels)
        for k in range(classes):
            found[k, start:stop] = intercept[k]
        for u in range(features):
            for k in range(classes):
                logits, values = found[k, start:stop], x[u, start:stop]
                w, alpha, m, s = linear[u, k], square[u, k], mean[u], inverse[u]
                for v in range(stop - start):
                    z = (values[v] - m) * s
                    logits[v] += z * (w + alpha * z)
        for k in range(classes):
            logits = found[k, start:stop]
            for v in range(stop - start):
                logits[v] = _sigmoid(logits[v])
    return found


def _sigmoid(z: float) -> float:
    raise NotImplementedError  # only compiled code calls it, for float32 or float64


@overload(_sigmoid, jit_options={"error_model": "numpy", "fastmath": {"contract"}})
def _sigmoid_of(z):  # type: ignore[no-untyped-def]
    return _sigmoid_32 if z == types.float32 else _sigmoid_64


def _sigmoid_64(z):  # type: ignore[no-untyped-def]
    x = -z
    x = LARGEST if x > LARGEST else x
    x = -LARGEST if x < -LARGEST else x
    shifted = x * LOG2_E + ROUND
    k = shifted - ROUND
    r = x - k * LN2_HIGH - k * LN2_LOW
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    power = np.float64(shifted).view(np.int64) << np.int64(52)
    return 1.0 / (1.0 + np.int64(np.float64(p).view(np.int64) + power).view(np.float64))


def _sigmoid_32(z):  # type: ignore[no-untyped-def]
    x = -z
    x = LARGEST_32 if x > LARGEST_32 else x
    x = -LARGEST_32 if x < -LARGEST_32 else x
    shifted = x * f32(LOG2_E) + ROUND_32
    k = shifted - ROUND_32
    r = x - k * LN2_HIGH_32 - k * LN2_LOW_32
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    p = p * r * r + r + f32(1.0)
    power = np.int32(f32(shifted).view(np.int32) << np.int32(23))
    return f32(1.0) / (f32(1.0) + np.int32(f32(p).view(np.int32) + power).view(np.float32))
