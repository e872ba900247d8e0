"""What the launcher's ledger knows of a search: what an earlier command asked for, which runs have
no result yet, and where the runs are."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.durable.journal import read_events
from app.errors import ConfigError
from app.sweep.ledger import LEDGER, RunState, read_state
from app.sweep.outcome import read_outcome
from app.sweep.plan import split_override, without_own

Identity = frozenset[tuple[str, str]]  # the keys and values of a run's overrides


def identity(job: Sequence[str]) -> Identity:
    return frozenset(map(split_override, without_own([job])[0]))


class EarlierSearch:
    """The runs that earlier commands planned, by their position."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.planned: dict[int, set[Identity]] = {}
        self.may_differ = False  # a run that failed was run again: what followed it may change
        if not (folder / LEDGER).exists():
            return
        for event in read_events(folder / LEDGER):
            if event["event"] == "planned":
                runs = self.planned.setdefault(event["position"], set())
                runs.add(frozenset(map(split_override, event["overrides"])))
            self.may_differ |= event["event"] == "retried"

    def require_same(self, jobs: Sequence[Sequence[str]], first: int) -> None:
        """Raises ConfigError where the earlier search asked for other runs."""
        for position, job in enumerate(jobs, start=first):
            known = self.planned.get(position)
            if self.may_differ or known is None or identity(job) in known:
                continue
            before = " ".join(f"{key}={value}" for key, value in sorted(next(iter(known))))
            now = " ".join(f"{key}={value}" for key, value in sorted(identity(job)))
            raise ConfigError(
                f"exp_id={self.name} holds another search: its run {position} was {before}; this "
                f"command asks for {now}\n  an axis, a fixed value, the sampler, its seed, n_jobs "
                "or the direction is not what it was: give this search its own place, "
                "superior.exp_id=NAME; or superior.resume=false, which moves the earlier one aside"
            )


def runs_of(folder: Path, jobs: Iterable[Sequence[str]]) -> Iterator[RunState]:
    """The runs of these jobs, as the ledger tells them; none where the launcher keeps no ledger."""
    if (folder / LEDGER).exists():
        wanted = {identity(job) for job in jobs}
        for run in read_state(folder).runs.values():
            if frozenset(map(split_override, run.overrides)) in wanted:
                yield run


def has_lost_value(run: RunState, folder: Path) -> bool:
    """Whether the run's value was one that JSON does not know, as nan: an earlier command had it,
    the ledger does not."""
    outcome = read_outcome(folder / run.folder, run.run_id, run.attempt)
    return outcome is not None and not outcome.is_json
