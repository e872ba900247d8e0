"""Opening the ledger of a sweep: one supervisor at a time, and nothing overwritten."""

import logging
import time
from pathlib import Path
from uuid import uuid4

from app.errors import InputError
from app.sweep.ledger import LEDGER, Ledger, read_state

log = logging.getLogger(__name__)


def open_ledger(folder: Path, resume: bool, program: str | None) -> Ledger:
    """The ledger of the sweep in `folder`, to go on with; one that is not to be gone on with, or
    that another `program` wrote, is moved aside first.

    Raises:
        InputError: another supervisor is at work on it, or it was changed.
    """
    ledger = _claim(folder)
    told = ledger.state
    if not told.sweep_id or (resume and told.program == program):
        return ledger
    ledger.close()
    token = f"{time.strftime('%Y-%m-%dT%H%M%S')}-{uuid4().hex[:4]}"
    if resume:  # another program wrote there
        aside = folder / f"ledger.until-{token}.jsonl"
        head = f"{LEDGER}.head"
        (folder / head).rename(aside.with_name(f"{aside.name}.head"))
        (folder / LEDGER).rename(aside)
    else:
        aside = folder.with_name(f"{folder.name}.until-{token}")
        folder.rename(aside)
    log.info("the earlier sweep is kept in %s", aside)
    return _claim(folder)


def _claim(folder: Path) -> Ledger:
    try:
        return Ledger(folder)
    except InputError as error:
        if "another process" not in str(error):
            raise
        told = read_state(folder).supervisor
        raise InputError(
            f"process {told.get('pid', '?')} on {told.get('host', '?')} is at work on the sweep "
            f"{folder.name}\n  wait for it, or end it first (Ctrl-C there, or kill it); its runs "
            "are not lost; `kedro sweeps` shows how far it is"
        ) from error
