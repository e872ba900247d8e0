"""Which volumes, or which slices of each, are trained on, chosen by, and held out.

A volume's place in the draw is the hash of the seed and its name, so that it does not move when
other volumes come or go. Unlabelled volumes are test: nothing can be learned from them.
"""

import hashlib
from collections.abc import Sequence

from app.config.vesuvius.volumes import Holdout
from app.errors import InputError

ROLES = ("train", "validation", "test")


def roles_by_volume(labelled: Sequence[str], holdout: Holdout, seed: int) -> dict[str, str]:
    """Name of a labelled volume -> its role; at least one of each.

    Raises:
        InputError: fewer than 3 labelled volumes.
    """
    if len(labelled) < 3:
        raise InputError(
            f"{len(labelled)} labelled volumes: to hold out whole ones for validation and test, 3 "
            "are needed; volumes.holdout.by=slab holds out slices of each"
        )
    drawn = sorted(labelled, key=lambda name: _draw(seed, name))
    counts = _counts(len(drawn), holdout)
    roles = [role for role in ROLES for _ in range(counts[role])]
    return dict(zip(drawn, roles, strict=True))


def slabs(name: str, depth: int, holdout: Holdout, seed: int) -> dict[str, slice]:
    """Role -> contiguous slices of a labelled volume; their order along z is drawn.

    Raises:
        InputError: fewer than 3 slices.
    """
    if depth < 3:
        raise InputError(f"{name}: {depth} slices cannot be cut into training, validation and test")
    counts = _counts(depth, holdout)
    found: dict[str, slice] = {}
    start = 0
    for role in sorted(ROLES, key=lambda role: _draw(seed, f"{name} {role}")):
        found[role] = slice(start, start + counts[role])
        start += counts[role]
    return found


def _counts(total: int, holdout: Holdout) -> dict[str, int]:
    """How many of `total` >= 3 have each role; at least one."""
    test = min(max(1, round(total * holdout.test)), total - 2)
    validation = min(max(1, round(total * holdout.validation)), total - test - 1)
    return {"train": total - test - validation, "validation": validation, "test": test}


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
