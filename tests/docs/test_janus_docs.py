"""The commands, choices and profiles that docs/janus.md shows are real ones."""

import re
import shlex
from pathlib import Path

import pytest

from app.config.compose import compose

PROJECT = Path(__file__).parents[2]
CONF = PROJECT / "conf"
PAGE = (PROJECT / "docs" / "janus.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    joined = PAGE.replace("\\\n", " ")
    return re.findall(r"^python -m app (.*?)(?:  +#.*)?$", joined, re.MULTILINE)


def test_every_command_of_the_page_composes() -> None:
    assert len(commands()) >= 4
    for command in commands():
        words = [word for word in shlex.split(command) if word != "-m"]
        composed = compose(
            [word.partition(",")[0] if "-m" in command else word for word in words], CONF
        )
        assert composed.config.study == "janus"


@pytest.mark.parametrize("group", ["likelihood", "cosmology", "sampler"])
def test_every_choice_is_on_the_page(group: str) -> None:
    choices = {path.stem for path in (CONF / group).glob("*.yaml")} - {"none"}
    missing = {choice for choice in choices if not re.search(rf"`{choice}\b", PAGE)}
    assert not missing


def test_every_likelihood_composes_with_every_cosmology() -> None:
    for likelihood in sorted(path.stem for path in (CONF / "likelihood").glob("*.yaml")):
        if likelihood == "none":
            continue
        more = ["likelihood.path=x.dataset"] if likelihood == "dataset" else []
        for cosmology in ("janus", "lcdm", "lcdm_curved", "wcdm", "cpl", "five_parameters"):
            overrides = ["pipeline=janus", f"likelihood={likelihood}", f"cosmology={cosmology}"]
            config = compose([*overrides, *more], CONF).config
            assert next(iter(config.models())) == cosmology  # type: ignore[attr-defined]
