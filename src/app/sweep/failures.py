"""What a command says at its end of the runs that have no result."""

from collections.abc import Sequence

from app.errors import SweepError
from app.sweep.ledger import Ledger


def failures(ledger: Ledger, run_ids: Sequence[str]) -> SweepError | None:
    """An error that counts the runs that failed, or None."""
    runs = [ledger.state.runs[run_id] for run_id in run_ids]
    bad = [run for run in runs if run.status in ("failed", "oom", "timeout", "killed")]
    if not bad:
        return None
    kinds = ", ".join(
        f"{sum(run.status == status for run in bad)} {status}"
        for status in ("failed", "oom", "timeout", "killed")
        if any(run.status == status for run in bad)
    )
    first = bad[0]
    return SweepError(
        f"{len(bad)} of {len(runs)} runs have no result ({kinds}); the others are whole\n"
        f"  first: {' '.join(first.overrides)}: {first.error or first.status}\n"
        f"  its log: {ledger.folder / 'logs' / f'run_{first.run_id}.log'}\n"
        "  once mended, the same command with superior.retry_failed=true runs only these"
    )
