"""What importance sampling goes on from, and how checkpoints keep it."""

from dataclasses import dataclass

import numpy as np

from app.durable.checkpoint import Snapshot
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.samplers.chain_file import Kept
from app.pipelines.janus.samplers.populations import Population
from app.pipelines.janus.samplers.proposal import Proposal


@dataclass(frozen=True)
class State:
    """All that the loop goes on from; replaced whole.

    `records`: batches from frozen proposals, of the populations in turn, all on file. `starts`:
    with which of them each proposal begins; only those of one are used. `look`: how many of each
    population there are to be of the last at the next look at convergence; `needed`: as many are
    expected in the end. `ended`: what ended the loop.
    """

    populations: tuple[Population, ...]
    proposal: Proposal
    records: int = 0
    starts: tuple[int, ...] = (0,)
    evaluations: int = 0
    look: int = 1
    needed: int = 0
    ended: str = ""

    @classmethod
    def first(cls, seed: int, populations: int) -> "State":
        """Populations and a proposal that share nothing, not even random numbers."""
        *own, common = np.random.SeedSequence(seed).spawn(populations + 1)
        return cls(
            tuple(Population(np.random.PCG64(one).state) for one in own),
            Proposal(np.random.PCG64(common).state),
        )

    @property
    def rounds(self) -> int:
        """Batches that every population has drawn from the last proposal."""
        return (self.records - self.starts[-1]) // len(self.populations)

    @property
    def used(self) -> slice:
        """Records of whole rounds of the last proposal that has any."""
        ends = (*self.starts[1:], self.records)
        for first, end in reversed(list(zip(self.starts, ends, strict=True))):
            whole = (end - first) // len(self.populations) * len(self.populations)
            if whole:
                return slice(first, first + whole)
        return slice(0, 0)

    @property
    def cursor(self) -> dict[str, int]:
        adapting = sum(own.batches for own in self.populations) + len(self.proposal.perplexities)
        return {"adaptation_batches": adapting, "batches": self.records}

    @property
    def adapted(self) -> float:
        """The share of the adaptation that is done, about."""
        tempered = sum(
            1.0 if own.is_done else 0.5 * own.beta + 0.4 * own.batches / (own.batches + 8.0)
            for own in self.populations
        )
        rounds = len(self.proposal.perplexities)
        improved = 1.0 if self.proposal.is_frozen else rounds / (rounds + 2.0)
        return 0.5 * tempered / len(self.populations) + 0.5 * improved

    def snapshot(self, kept: Kept) -> Snapshot:
        """With the draws on file, `kept`."""
        arrays = {f"proposal/{name}": array for name, array in self.proposal.pool.arrays().items()}
        for number, own in enumerate(self.populations):
            arrays |= {f"{number}/{name}": array for name, array in own.pool.arrays().items()}
        state = {
            "populations": [own.as_state() for own in self.populations],
            "proposal": self.proposal.as_state(),
            "draws": kept.as_state(),
            "starts": self.starts,
            "evaluations": self.evaluations,
            "look": self.look,
            "needed": self.needed,
            "ended": self.ended,
        }
        return Snapshot(self.cursor, arrays, state)

    @classmethod
    def of_snapshot(cls, kept: Snapshot, df: float) -> "State":
        """What `snapshot` made."""

        def below(prefix: str) -> dict[str, Array]:
            return {
                name.removeprefix(prefix): array
                for name, array in kept.arrays.items()
                if name.startswith(prefix)
            }

        told = kept.state
        populations = (
            Population.of(below(f"{number}/"), own, df)
            for number, own in enumerate(told["populations"])
        )
        return cls(
            tuple(populations),
            Proposal.of(below("proposal/"), told["proposal"], df),
            told["draws"]["records"],
            tuple(told["starts"]),
            told["evaluations"],
            told["look"],
            told["needed"],
            told["ended"],
        )
