"""Who runs, and which code: tags of a run."""

import getpass
import subprocess
from pathlib import Path


def source_tags(project: Path) -> dict[str, str]:
    """The user, and the project's git commit with whether files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    commit, _, dirty = told.partition("-")
    return {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.type": "LOCAL",
        "superior.git.state": ("dirty" if dirty else "clean") if commit else "no commit",
        **({"mlflow.source.git.commit": commit} if commit else {}),
    }
