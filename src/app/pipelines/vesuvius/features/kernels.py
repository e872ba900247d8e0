"""The inner loops of feature maps: separable convolution, first and second differences.

float32 throughout, each voxel's arithmetic in one order whatever block it is in. Eigenvalues of
the symmetric 3 x 3 Hessian are those of the trigonometric solution of its characteristic
polynomial (O. K. Smith, Eigenvalues of a symmetric 3 x 3 matrix, CACM 4, 1961), with
cos(acos(r) / 3) as a polynomial in sqrt((1 + r) / 2), so that the loop is vectorised.
"""

import numpy as np
from numba import njit

CHUNK = 512  # voxels of a row that are convolved at a time: 57 of them fit the second-level cache

_ZERO, _HALF, _ONE, _TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
_QUARTER, _THIRD, _SIXTH = np.float32(0.25), np.float32(1 / 3), np.float32(1 / 6)
_TINY = np.float32(1e-30)


def _third_of_angle() -> np.ndarray:
    """Coefficients, highest first, of c(u) = cos(2 acos(u) / 3) on 0 <= u <= 1, to 1e-8."""
    fitted = np.polynomial.chebyshev.Chebyshev.interpolate(
        lambda u: np.cos(2.0 * np.arccos(u) / 3.0), 10, domain=[0.0, 1.0]
    )
    power = fitted.convert(kind=np.polynomial.Polynomial, domain=[-1.0, 1.0])
    return power.coef[::-1].astype(np.float32)


_C = tuple(np.float32(value) for value in _third_of_angle())
_FAST = {"contract", "nsz", "nnan", "ninf"}  # nothing that changes the order of a sum


@njit(cache=True, fastmath=_FAST, error_model="numpy", nogil=True)
def convolve_rows(source, index, weights, out):  # type: ignore[no-untyped-def]
    """Along axis 1 of (a, b, c) with a symmetric kernel: `weights[t]` at +t and -t; tap t of output
    row j is source row `index[j + t + radius]`. `out` is (a, len(index) - 2 radius, c)."""
    radius, rows, width = weights.size - 1, out.shape[1], out.shape[2]
    for a in range(out.shape[0]):
        for start in range(0, width, CHUNK):
            stop = min(start + CHUNK, width)
            for j in range(rows):
                middle = j + radius
                here, target = source[a, index[middle]], out[a, j]
                for k in range(start, stop):
                    target[k] = weights[0] * here[k]
                t = 1
                while t + 3 <= radius:
                    a0, b0 = source[a, index[middle - t]], source[a, index[middle + t]]
                    a1, b1 = source[a, index[middle - t - 1]], source[a, index[middle + t + 1]]
                    a2, b2 = source[a, index[middle - t - 2]], source[a, index[middle + t + 2]]
                    a3, b3 = source[a, index[middle - t - 3]], source[a, index[middle + t + 3]]
                    w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
                    for k in range(start, stop):
                        near = w0 * (a0[k] + b0[k]) + w1 * (a1[k] + b1[k])
                        far = w2 * (a2[k] + b2[k]) + w3 * (a3[k] + b3[k])
                        target[k] += near + far
                    t += 4
                while t <= radius:
                    a0, b0 = source[a, index[middle - t]], source[a, index[middle + t]]
                    w0 = weights[t]
                    for k in range(start, stop):
                        target[k] += w0 * (a0[k] + b0[k])
                    t += 1


@njit(cache=True, fastmath=_FAST, error_model="numpy", nogil=True)
def convolve_last(source, index, weights, out):  # type: ignore[no-untyped-def]
    """The same along the last axis of (n, c): `out` is (n, len(index) - 2 radius)."""
    radius, width = weights.size - 1, out.shape[1]
    row = np.empty(index.size, np.float32)
    for n in range(out.shape[0]):
        for k in range(index.size):
            row[k] = source[n, index[k]]
        target, middle = out[n], row[radius : radius + width]
        for k in range(width):
            target[k] = weights[0] * middle[k]
        t = 1
        while t + 3 <= radius:
            a0, b0 = row[radius - t :], row[radius + t :]
            a1, b1 = row[radius - t - 1 :], row[radius + t + 1 :]
            a2, b2 = row[radius - t - 2 :], row[radius + t + 2 :]
            a3, b3 = row[radius - t - 3 :], row[radius + t + 3 :]
            w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
            for k in range(width):
                near = w0 * (a0[k] + b0[k]) + w1 * (a1[k] + b1[k])
                far = w2 * (a2[k] + b2[k]) + w3 * (a3[k] + b3[k])
                target[k] += near + far
            t += 4
        while t <= radius:
            a0, b0 = row[radius - t :], row[radius + t :]
            w0 = weights[t]
            for k in range(width):
                target[k] += w0 * (a0[k] + b0[k])
            t += 1


@njit(cache=True, fastmath=_FAST, error_model="numpy", nogil=True)
def differences(g, out):  # type: ignore[no-untyped-def]
    """Of g (z, y, x): gradient magnitude and the Hessian's eigenvalues, largest first, into out
    (4, z - 2, y - 2, x - 2): central differences, spacing 1."""
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            up, here, down = g[i, j + 1], g[i + 1, j + 1], g[i + 2, j + 1]
            left, right = g[i + 1, j], g[i + 1, j + 2]
            up_left, up_right = g[i, j], g[i, j + 2]
            down_left, down_right = g[i + 2, j], g[i + 2, j + 2]
            magnitude, first, second, third = out[0, i, j], out[1, i, j], out[2, i, j], out[3, i, j]
            for k in range(out.shape[3]):
                m = k + 1
                dz = _HALF * (down[m] - up[m])
                dy = _HALF * (right[m] - left[m])
                dx = _HALF * (here[m + 1] - here[m - 1])
                magnitude[k] = np.sqrt(dz * dz + dy * dy + dx * dx)
                twice = _TWO * here[m]
                zz = down[m] - twice + up[m]
                yy = right[m] - twice + left[m]
                xx = here[m + 1] - twice + here[m - 1]
                zy = _QUARTER * ((down_right[m] - down_left[m]) - (up_right[m] - up_left[m]))
                zx = _QUARTER * ((down[m + 1] - down[m - 1]) - (up[m + 1] - up[m - 1]))
                yx = _QUARTER * ((right[m + 1] - right[m - 1]) - (left[m + 1] - left[m - 1]))
                q = (zz + yy + xx) * _THIRD
                z0, y0, x0 = zz - q, yy - q, xx - q
                off = zy * zy + zx * zx + yx * yx
                p = np.sqrt((z0 * z0 + y0 * y0 + x0 * x0 + _TWO * off) * _SIXTH)
                inverse = _ONE / max(p, _TINY)
                z0, y0, x0 = z0 * inverse, y0 * inverse, x0 * inverse
                zy, zx, yx = zy * inverse, zx * inverse, yx * inverse
                r = _HALF * (
                    z0 * (y0 * x0 - yx * yx) - zy * (zy * x0 - yx * zx) + zx * (zy * yx - y0 * zx)
                )
                r = min(max(r, -_ONE), _ONE)
                largest = q + _TWO * p * _cos_third(np.sqrt(_HALF * (_ONE + r)))
                smallest = q - _TWO * p * _cos_third(np.sqrt(_HALF * (_ONE - r)))
                first[k] = largest
                second[k] = zz + yy + xx - largest - smallest
                third[k] = smallest


@njit(cache=True, fastmath=_FAST, inline="always")
def _cos_third(u):  # type: ignore[no-untyped-def]
    total = _C[0]
    for coefficient in _C[1:]:
        total = total * u + coefficient
    return total


@njit(cache=True, fastmath=_FAST, error_model="numpy", nogil=True)
def gradient_magnitude(source, out):  # type: ignore[no-untyped-def]
    """Of (z, y, x) into (z - 2, y - 2, x - 2): central differences, spacing 1."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            up, here, down = source[i, j + 1], source[i + 1, j + 1], source[i + 2, j + 1]
            left, right = source[i + 1, j], source[i + 1, j + 2]
            target = out[i, j]
            for k in range(out.shape[2]):
                dz = _HALF * (down[k + 1] - up[k + 1])
                dy = _HALF * (right[k + 1] - left[k + 1])
                dx = _HALF * (here[k + 2] - here[k])
                target[k] = np.sqrt(dz * dz + dy * dy + dx * dx)


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", nogil=True)
def keep(values, frame, out, z, y, x, totals):  # type: ignore[no-untyped-def]
    """Copies `values` without `frame` voxels on each side to out[z:, y:, x:], and adds them to
    `totals`: minimum, maximum, sum and sum of squares."""
    lowest, highest = np.float32(np.inf), np.float32(-np.inf)
    total, squares = 0.0, 0.0
    nx = values.shape[2] - 2 * frame
    for i in range(values.shape[0] - 2 * frame):
        for j in range(values.shape[1] - 2 * frame):
            row, target = values[i + frame, j + frame], out[z + i, y + j]
            for k in range(nx):
                value = row[k + frame]
                target[x + k] = value
                lowest, highest = min(lowest, value), max(highest, value)
                wide = np.float64(value)
                total += wide
                squares += wide * wide
    totals[0], totals[1] = min(totals[0], lowest), max(totals[1], highest)
    totals[2] += total
    totals[3] += squares
