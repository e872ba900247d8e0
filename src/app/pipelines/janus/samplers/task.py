"""What a sampler is asked to do, and where it keeps what it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.janus.sampler import Convergence, SamplingCheckpoint
from app.durable.run import DurableRun
from app.errors import SuperiorError
from app.pipelines.janus.posterior import Posterior


@dataclass(frozen=True)
class SamplingTask:
    """One posterior to be sampled durably.

    `name`: of the loop; its checkpoints are `run.folder/checkpoints-<name>`, its draws so far
    `run.folder/sampling/<name>/`. `share`: (first, last) of the phase's progress that is this
    loop's, 0 to 1.
    """

    posterior: Posterior
    convergence: Convergence
    checkpoint: SamplingCheckpoint
    run: DurableRun
    name: str
    seed: int
    signature: Mapping[str, Any]  # of data, model, prior, sampler, seed
    share: tuple[float, float] = (0.0, 1.0)

    @property
    def folder(self) -> Path:
        return self.run.folder / "sampling" / self.name

    def carry_out(self, work: Callable[[], None], save: Callable[[], None]) -> None:
        """`work` until it is done, or until the deadline, then `save`, where no alarm rings.
        Whatever else ends them, in the saving too, `save` is called before (again)."""
        try:
            with self.run.until_deadline():
                work()
            save()
        except BaseException as error:
            try:
                save()
            except SuperiorError as failure:
                error.add_note(f"the last checkpoint could not be written: {failure}")
            raise

    def advance(
        self, fraction: float, cursor: Mapping[str, Any], units: Mapping[str, float]
    ) -> None:
        """`fraction` (0 to 1) of this loop is done."""
        first, last = self.share
        self.run.advance(first + (last - first) * min(fraction, 1.0), cursor, units)
