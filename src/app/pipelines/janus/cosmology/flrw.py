"""Friedmann models of matter, dark energy and curvature.

E^2 = Om (1+z)^3 + Ok (1+z)^2 + (1 - Om - Ok) (1+z)^(3 (1 + w0 + wa)) exp(-3 wa z/(1+z)), where
w = w0 + wa (1 - a) (Chevallier & Polarski 2001, Linder 2003); LCDM is w0 = -1, wa = 0. No
radiation. Distances: Hogg (1999, astro-ph/9905116), equations 15 and 16.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from app.pipelines.janus.cosmology import ages
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.cosmology.nodes import MAGNITUDES, Nodes
from app.pipelines.janus.cosmology.panels import even, integrals

DarkEnergy = Literal["lcdm", "wcdm", "cpl"]
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "lcdm": ("Om",),
    "wcdm": ("Om", "w"),
    "cpl": ("Om", "w0", "wa"),
}
COARSE = 33  # points of ln(1+z) at which the least E^2 is looked for
BLOCK = 128  # vectors integrated together: memory, and the cache


class _Powers(NamedTuple):
    """What E^2 needs of z, (k,) each."""

    cube: Array  # (1+z)^3
    cube_1: Array  # (1+z)^3 - 1
    square: Array
    square_1: Array
    log_cube: Array  # 3 ln(1+z)
    lost_cube: Array  # 3 z/(1+z)


class Flrw:
    """Parameters Om, then w or w0 and wa, then Ok where it is curved."""

    def __init__(self, name: str, dark_energy: DarkEnergy = "lcdm", curved: bool = False) -> None:
        self.name = name
        self.dark_energy = dark_energy
        self.curved = curved

    @property
    def parameters(self) -> tuple[str, ...]:
        return _PARAMETERS[self.dark_energy] + (("Ok",) if self.curved else ())

    def limits(self, z_max: float) -> dict[str, tuple[float, float]]:
        free = (-np.inf, np.inf)
        return {name: (0.0, np.inf) if name == "Om" else free for name in self.parameters}

    def in_domain(self, theta: Array, z_max: float) -> Mask:
        """Om >= 0, E^2 > 0 up to z_max (no bounce), and no antipode of ours before it."""
        Om, Ok = theta[:, 0], self._curvature(theta)[:, 0]
        inside: Mask = (Om >= 0.0) & np.isfinite(theta).all(axis=1)
        # elsewhere Om (1+z) + Ok, which grows with z, and the dark energy are above 0
        doubtful = inside & ((Ok < 0.0) | (Om + Ok < 0.0) | (Om + Ok > 1.0))
        if not doubtful.any():
            return inside
        least = np.ones(len(theta))
        least[doubtful] = self._least_square(theta[doubtful], z_max)
        inside &= least > 0.0
        # int dz/E < z_max / sqrt(least E^2): most rows need no integral
        far = inside & (Ok < 0.0)
        far[far] = -Ok[far] * z_max**2 >= np.pi**2 * least[far]
        if far.any():
            distance, _ = self._distances(np.array([np.log1p(z_max)]), theta[far])
            inside[far] = np.sqrt(-Ok[far]) * distance[:, 0] < np.pi
        return inside

    def on_nodes(self, z_max: float, count: int) -> Callable[[Array], Array]:
        nodes = Nodes(z_max, count)
        powers, mean = _powers(nodes.z), np.ascontiguousarray(nodes.integrate.T)

        def moduli(theta: Array) -> Array:
            with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                rates = self._squared(powers, theta)
                np.sqrt(rates, out=rates)
                np.reciprocal(rates, out=rates)
                result: Array = rates @ mean
                if self.curved:
                    result *= _bent(nodes.z * result, theta[:, -1:])
                np.log(result, out=result)
            result *= MAGNITUDES
            return result

        return moduli

    def moduli(self, z: Array, theta: Array) -> Array:
        """(w, k): 5 log10(D_M H0/(c z)) at any z > 0, to 1e-12 also next to a bounce."""
        y = np.log1p(z)
        result = np.empty((len(theta), len(y)))
        for start in range(0, len(theta), BLOCK):
            block = theta[start : start + BLOCK]
            mean, _ = self._distances(y, block)
            mean /= z
            if self.curved:
                mean *= _bent(z * mean, block[:, -1:])
            with np.errstate(invalid="ignore"):
                result[start : start + BLOCK] = MAGNITUDES * np.log(mean)
        return result

    def rate(self, z: Array, theta: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            result: Array = np.sqrt(self._squared(_powers(np.asarray(z, float)), theta))
        return result

    def age(self, z: Array, theta: Array) -> Array:
        """Since the big bang, or since the bounce before z; inf where the past has no beginning.

        Good to 1e-9; 5e-12 at worst against scipy's quadrature for vectors of wide priors.
        """
        result = np.empty((len(theta), len(z)))
        for start in range(0, len(theta), BLOCK):
            block = theta[start : start + BLOCK]
            result[start : start + BLOCK] = ages.age(self.square, np.log1p(z), block)
        return result

    def square(self, y: Array, theta: Array) -> Array:
        """(w, n): E^2 at 1 + z = e^y, y (n,) or (w, n); below 0 where the model does not exist."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self._squared(_powers(np.expm1(y)), theta)

    def _squared(self, powers: _Powers, theta: Array) -> Array:
        Om = theta[:, :1]
        if self.dark_energy == "lcdm":
            result: Array = _matter(Om) * powers.cube_1
            if self.curved:
                result += theta[:, 1:2] * powers.square_1
            result += 1.0
            return result
        if self.dark_energy == "wcdm":
            result = (1.0 + theta[:, 1:2]) * powers.log_cube
        else:
            w0, wa = theta[:, 1:2], theta[:, 2:3]
            result = (1.0 + w0 + wa) * powers.log_cube
            result -= wa * powers.lost_cube
        np.exp(result, out=result)
        dark = 1.0 - Om
        if self.curved:
            dark = dark - theta[:, -1:]
        result *= dark
        result += _matter(Om) * powers.cube
        if self.curved:
            result += theta[:, -1:] * powers.square
        return result

    def _curvature(self, theta: Array) -> Array:
        return theta[:, -1:] if self.curved else np.zeros((len(theta), 1))

    def _distances(self, y: Array, theta: Array) -> tuple[Array, Mask]:
        """(w, k): int dz/E from 0 to e^y - 1, and which rows it is good for."""

        def integrands(at: Array, rows: slice) -> Array:
            with np.errstate(invalid="ignore", divide="ignore"):
                result: Array = np.exp(at) / np.sqrt(self.square(at, theta[rows]))
            return result

        edges = even(0.0, float(y.max()), 0.1)
        return integrals(integrands, y, edges, tolerance=1e-13, halvings=50)

    def _least_square(self, theta: Array, z_max: float) -> Array:
        """(w,): the least E^2 on [0, z_max]."""
        if self.dark_energy == "lcdm":
            return self._least_of_cubic(theta, z_max)
        y_max = float(np.log1p(z_max))
        least: Array = self.square(np.linspace(0.0, y_max, COARSE), theta).min(axis=1)
        low = least < 0.25  # E^2 is 1 today: elsewhere nothing near 0 fits between the points
        if low.any():
            least[low] = self._least_by_zooming(theta[low], y_max)
        return least

    def _least_by_zooming(self, theta: Array, y_max: float) -> Array:
        rows, steps = np.arange(len(theta)), np.linspace(0.0, 1.0, COARSE)
        low, high = np.zeros(len(theta)), np.full(len(theta), y_max)
        for _ in range(4):
            grid = low[:, None] + (high - low)[:, None] * steps
            squares = self.square(grid, theta)
            lowest = np.argmin(squares, axis=1)
            low = grid[rows, np.maximum(lowest - 1, 0)]
            high = grid[rows, np.minimum(lowest + 1, COARSE - 1)]
        least: Array = squares[rows, lowest]
        return least

    def _least_of_cubic(self, theta: Array, z_max: float) -> Array:
        Om, Ok = theta[:, :1], self._curvature(theta)
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = -2.0 * Ok / (3.0 * Om) - 1.0
        turn = np.clip(np.where(np.isfinite(turn), turn, z_max), 0.0, z_max)
        z = np.concatenate([turn, np.full_like(turn, z_max)], axis=1)
        squares = 1.0 + Om * z * (3.0 + z * (3.0 + z)) + Ok * z * (2.0 + z)
        result: Array = np.minimum(squares.min(axis=1), 1.0)
        return result


def _powers(z: Array) -> _Powers:
    one = 1.0 + z
    return _Powers(
        cube=one**3,
        cube_1=z * (3.0 + z * (3.0 + z)),
        square=one**2,
        square_1=z * (2.0 + z),
        log_cube=3.0 * np.log1p(z),
        lost_cube=3.0 * z / one,
    )


def _matter(Om: Array) -> Array:
    return np.where(Om >= 0.0, Om, np.nan)


def _bent(distance: Array, Ok: Array) -> Array:
    """(w, k): D_M over the comoving distance; NaN from the antipode on."""
    root = np.sqrt(np.abs(Ok) + 1e-40) * distance  # Ok = 0 gives sin(x)/x = 1, not 0/0
    closed = Ok[:, 0] < 0.0
    if not closed.any():
        return np.asarray(np.sinh(root) / root)
    result = np.empty_like(root)
    result[~closed] = np.sinh(root[~closed])
    bent = root[closed]
    result[closed] = np.where(bent < np.pi, np.sin(bent), np.nan)
    result /= root
    return result
