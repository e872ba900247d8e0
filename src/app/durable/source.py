"""Which code runs: what a checkpoint or a status says of the program that wrote it."""

import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def version() -> str:
    """Of the installed package; empty when it runs from a folder that was never installed."""
    try:
        return metadata.version("superior")
    except metadata.PackageNotFoundError:
        return ""


@cache
def git_sha() -> str:
    """The commit this code was checked out from, `-dirty` behind it when files differ; or empty."""
    try:
        told = subprocess.run(
            [
                "git",
                "--no-optional-locks",
                "describe",
                "--always",
                "--dirty",
                "--abbrev=40",
                "--exclude=*",
            ],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # no git here
        return ""
    return told.stdout.strip()
