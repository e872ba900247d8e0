"""The observations of a run: what the parts of its likelihood name, read or made."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.config.janus.likelihood import (
    DatasetFile,
    GalaxyAges,
    HubbleRates,
    Likelihood,
    LuminosityFunction,
    Moduli,
    Simulated,
    Tripp,
)
from app.datasets.observations.dataset_file import read_dataset_file
from app.datasets.observations.files import Files
from app.datasets.observations.highz import read_ages, read_luminosities
from app.datasets.observations.kinds import (
    LightCurves,
    Observations,
    ObservationSet,
    Supernovae,
)
from app.datasets.observations.light_curves import read_tripp
from app.datasets.observations.moduli import read_moduli
from app.datasets.observations.rates import read_rates
from app.datasets.observations.simulated import simulate
from app.errors import ConfigError, InputError

Kind = Simulated | Moduli | Tripp | DatasetFile | HubbleRates | LuminosityFunction | GalaxyAges


class ObservationsDataset(AbstractDataset[Any, Observations]):
    """Kedro dataset over `conf/likelihood`.

    Args:
        likelihood: which sets there are, the JSON of `app.config.janus.likelihood.Likelihood`.
        data_root: what the paths of the config are relative to.
        seed: of simulated sets.
    """

    def __init__(
        self,
        likelihood: str,
        data_root: str,
        seed: int,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._likelihood = Likelihood.model_validate_json(likelihood)
        self._data_root, self._seed = Path(data_root), seed
        self.metadata = metadata

    def load(self) -> Observations:
        return read(self._likelihood, self._data_root, self._seed)

    def save(self, data: Any) -> None:
        raise InputError("observations are read, never written")

    def _describe(self) -> dict[str, Any]:
        return {"parts": list(self._likelihood.parts), "seed": self._seed}


def read(likelihood: Likelihood, data_root: Path, seed: int) -> Observations:
    """Every set of the likelihood's parts, in their order, and the SHA-256 of every file.

    Raises:
        InputError: a file is absent or not as it should be; names it, and line, column or row.
        ConfigError: a part cannot be read as it is configured, or two parts have one table of
            supernovae, which would count twice.
    """
    sets: list[ObservationSet] = []
    digests: dict[str, str] = {}
    owners: dict[tuple[str, str], str] = {}  # what is measured, file -> the part that has it
    for name, part in likelihood.parts.items():
        files = Files(data_root)
        sets.append(_read(name, part.root, files, seed))
        for path, digest in files.digests.items():
            other = owners.setdefault((_measured(sets[-1]), digest), name)
            if other != name and not likelihood.overlap:
                raise ConfigError(
                    f"likelihood.parts: {other} and {name} both have the data of {path}, which "
                    "would count twice; take one of them out"
                )
        digests |= files.digests
    return Observations(tuple(sets), digests)


def _measured(one: ObservationSet) -> str:
    return "distances" if isinstance(one, Supernovae | LightCurves) else type(one).__name__


def _read(name: str, part: Kind, files: Files, seed: int) -> ObservationSet:
    match part:
        case Simulated():
            return simulate(name, part, seed)
        case Moduli():
            return read_moduli(name, part, files)
        case Tripp():
            return read_tripp(name, part, files)
        case DatasetFile():
            return read_dataset_file(name, part, files)
        case HubbleRates():
            return read_rates(name, part, files)
        case LuminosityFunction():
            return read_luminosities(name, part, files)
        case GalaxyAges():
            return read_ages(name, part, files)
