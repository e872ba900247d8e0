"""The assessment of a durable run: how far it is, and what of it a kill does not repeat.

What was said of a model is kept in a file when it is whole, under a hash of all that it follows
from: draws, posterior, targets, seed, the code, and the libraries numbers depend on. Of another
hash it is made again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Sampler
from app.durable.atomic import write_text
from app.durable.run import DurableRun
from app.durable.signature import plain
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior

Json = dict[str, Any]

FOLDER = "assessed"
STEPS = {"judged": 0.1, "best fit": 0.5, "criteria": 1.0}  # of a model: share that is done then
MODELS = 0.9  # of the phase; the rest is for comparing them and for predictive checks
PACKAGES = ("numpy", "scipy")
CODE = Path(__file__).parent


class Assessing:
    """Of the models of `run`, in the order of `posteriors`."""

    def __init__(
        self,
        run: DurableRun,
        draws: Mapping[str, Draws],
        posteriors: Mapping[str, Posterior],
        asked: tuple[Sampler, Convergence, int],
    ) -> None:
        self._run, self._draws, self._posteriors, self._asked = run, draws, posteriors, asked
        self._order = list(posteriors)

    def once(self, name: str, make: Callable[[], Json]) -> Json:
        """What is said of a model: as it was kept, else made and kept. As JSON either way, so that
        it is the same."""
        path = self._run.folder / FOLDER / f"{name}.json"
        key = self._key(name)
        told = _kept(path, key)
        is_new = told is None
        if told is None:
            told = json.loads(json.dumps(make()))
            write_text(path, json.dumps({"key": key, "told": told}) + "\n")
        self._run.event("ASSESSED", model=name, kept=not is_new)
        self.done(name, "criteria")
        return dict(told)

    def done(self, name: str, step: str, share: float = 1.0) -> None:
        """So much of a step of `STEPS`."""
        before = [0.0, *(upto for upto in STEPS.values() if upto < STEPS[step])][-1]
        of_model = before + share * (STEPS[step] - before)
        number = self._order.index(name)
        self._run.advance(
            MODELS * (number + of_model) / len(self._order),
            {"model": number, "models": len(self._order), "step": list(STEPS).index(step)},
        )

    def _key(self, name: str) -> str:
        sampler, convergence, seed = self._asked
        told = {
            "draws": _digest_of(self._draws[name]),
            "posterior": self._posteriors[name].identity,
            "sampler": sampler.root.kind,
            "convergence": convergence.model_dump(mode="json"),
            "seed": seed,
            "code": _code(),
            **{package: version(package) for package in PACKAGES},
        }
        text = json.dumps(plain(told, "assessment"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _kept(path: Path, key: str) -> Json | None:
    try:
        kept = json.loads(path.read_bytes())
        return dict(kept["told"]) if kept["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):  # absent, or somebody else's file
        return None


def _digest_of(draws: Draws) -> str:
    kept = draws.as_arrays()
    digest = hashlib.sha256(json.dumps(kept.about, sort_keys=True).encode())
    for name, array in kept.arrays.items():
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


@cache
def _code() -> str:
    """Of every source file of this study."""
    digest = hashlib.sha256()
    for path in sorted(CODE.rglob("*.py")):
        digest.update(f"{path.relative_to(CODE).as_posix()} ".encode() + path.read_bytes())
    return digest.hexdigest()
