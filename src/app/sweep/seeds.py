"""Seeds that follow from what a run is, not from where it stands in the grid: they stay when an
axis, a value or a repeat is added."""

import hashlib


def seed_of(strategy: str, base: int, key: str, repeat: int) -> int:
    """A seed in [0, 2**32): `base` itself, or a hash of it, of the repeat, and with `per_run` of
    the run's key too. The first repeat of `per_repeat` has the base seed: it is the run that a
    command without repeats makes."""
    if strategy == "fixed" or (strategy == "per_repeat" and repeat == 0):
        return base
    told = f"{base}/{repeat}" if strategy == "per_repeat" else f"{base}/{repeat}/{key}"
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=4).digest(), "big")
