"""`RUN_PROFILE_SUMMARY.json`: where the time of a run went, and how fast its units of work were.

The next run takes the weights of its progress from it, and tells its speed-up over it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from app.durable.atomic import write_text

PROFILE = "RUN_PROFILE_SUMMARY.json"


class TimeUse:
    """What one process did with its time besides computing, and the units it finished."""

    def __init__(self) -> None:
        self.log_s, self.io_s = 0.0, 0.0
        self.units: dict[str, float] = {}  # unit -> how many
        self.unit_phase: dict[str, str] = {}  # unit -> the phase that counts it
        self._phase_s: dict[str, float] = {}

    @contextmanager
    def io(self) -> Iterator[None]:
        """Reading or writing files."""
        started = perf_counter()
        try:
            yield
        finally:
            self.io_s += perf_counter() - started

    def count(self, phase: str, units: Mapping[str, float]) -> None:
        """So many more of each unit were finished, in this phase."""
        for unit, number in units.items():
            self.units[unit] = self.units.get(unit, 0.0) + number
            self.unit_phase[unit] = phase

    def leave(self, phase: str, seconds: float) -> None:
        """The phase was at work for so long in this process."""
        self._phase_s[phase] = self._phase_s.get(phase, 0.0) + seconds

    @property
    def phases_s(self) -> float:
        return sum(self._phase_s.values())

    def shares(self) -> dict[str, float]:
        """compute, log and io: shares of the time of the phases, of this process."""
        whole = max(self.phases_s, self.log_s + self.io_s)
        if whole <= 0.0:
            return {"compute": 1.0, "log": 0.0, "io": 0.0}
        log, io = self.log_s / whole, self.io_s / whole
        return {"compute": 1.0 - log - io, "log": log, "io": io}

    def rates(self) -> dict[str, dict[str, float]]:
        """unit -> count, seconds of its phase, per_second, seconds_each; of this process."""
        return {
            unit: {
                "count": count,
                "seconds": seconds,
                "per_second": count / seconds,
                "seconds_each": seconds / count,
            }
            for unit, count in self.units.items()
            if count > 0.0 and (seconds := self._phase_s.get(self.unit_phase[unit], 0.0)) > 0.0
        }


def phase_table(
    phases_s: Mapping[str, float],
    fractions: Mapping[str, float],
    reached: Mapping[str, float],
    expected_s: Mapping[str, float],
    left_s: Mapping[str, float],
) -> dict[str, dict[str, float]]:
    """phase -> seconds; share of the time of all phases; fraction that was done, 1 also for one
    that the deadline finished; reached: the fraction of its own target. Where they are known:
    expected_s, what earlier runs took; left_s, what the rest of its target would take."""
    whole = sum(phases_s.values()) or 1.0
    return {
        name: {
            "seconds": phases_s.get(name, 0.0),
            "share": phases_s.get(name, 0.0) / whole,
            "fraction": fraction,
            "reached": reached.get(name, fraction),
            **({"expected_s": expected_s[name]} if name in expected_s else {}),
            **({"left_s": left_s[name]} if name in left_s else {}),
        }
        for name, fraction in fractions.items()
    }


def speed_up(
    rates: Mapping[str, Mapping[str, float]], before: Mapping[str, Any] | None
) -> dict[str, float]:
    """unit -> how many times as fast it was as in the profile `before`."""
    earlier = before["units"] if before else {}
    return {
        unit: earlier[unit]["seconds_each"] / rate["seconds_each"]
        for unit, rate in rates.items()
        if unit in earlier
    }


def write_profile(folder: Path, profile: Mapping[str, Any]) -> Path:
    path = folder / PROFILE
    write_text(path, json.dumps(profile, indent=2) + "\n")
    return path


def read_profile(path: Path) -> dict[str, Any] | None:
    """A profile, or None where the file is absent or says nothing that can be used."""
    try:
        profile = json.loads(path.read_bytes())
        profile["study"], profile["units"], profile["phases"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(profile)


def earlier_profiles(folder: Path, study: str) -> list[dict[str, Any]]:
    """Profiles of a study's earlier runs: this folder's, then those of the folders beside it, the
    newest first."""
    found = []
    for path in folder.parent.glob(f"*/{PROFILE}"):
        profile = read_profile(path)
        if profile is not None and profile["study"] == study:
            found.append((path.parent == folder, path.stat().st_mtime_ns, profile))
    return [profile for *_, profile in sorted(found, key=lambda item: item[:2], reverse=True)]
