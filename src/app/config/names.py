"""What a command, and the folder of its config, are told apart by."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from app.config.study import study_of

NOT_NAMED = ("superior", "scheduler", "tracking", "output_root", "hydra")  # no part of what runs


def sweep_name(overrides: Sequence[str], conf: Path) -> str:
    """The name of a sweep that was given none: its experiment or pipeline, and, where more is
    overridden, a hash of the rest. The same command has the same name."""
    study = study_of(overrides, conf)
    told, name = [], study
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        if key == "experiment" or (key == "pipeline" and name == study):
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", value.strip("'\""))
        if key != "experiment" and key.split(".")[0] not in NOT_NAMED:
            told.append(f"{key}={value}")
    if not told:
        return name
    digest = hashlib.blake2b("\n".join(sorted(told)).encode(), digest_size=3).hexdigest()
    return f"{name}-{digest}"


def conf_digest(conf: Path, outputs: Path | None = None) -> str | None:
    """Changes with any file of `conf`; None where the config depends on more than its files.
    What runs wrote there, below `outputs` or any folder `.hydra`, is left out."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(conf.rglob("*.y*ml")):
        if ".hydra" in file.parts or (outputs is not None and file.is_relative_to(outputs)):
            continue
        content = file.read_bytes()
        if b"${oc.env:" in content or b"${now:" in content:
            return None
        digest.update(str(file.relative_to(conf)).encode() + b"\0" + content + b"\0")
    return digest.hexdigest()
