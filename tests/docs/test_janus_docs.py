"""The commands, choices and profiles that docs/janus.md shows are real ones."""

import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from app.config.compose import compose
from app.config.janus.tree import StudyConfig
from app.pipelines.janus.marginals import Flat, Gaussian, OfScipy
from app.pipelines.janus.prior import prior_of

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


def priors_of_the_page() -> list[str]:
    paragraph = PAGE[PAGE.index("Priors: ") :].partition("\n\n")[0]
    told = [text.strip('"') for text in re.findall(r"`([^`]*)`", paragraph)]
    shown = [text for text in told if text.startswith(("{kind", "cosmology.prior"))]
    return [text if "prior" in text else f"cosmology.prior.Om={text}" for text in shown]


def test_the_page_shows_every_kind_of_prior() -> None:
    kinds = {kind for text in priors_of_the_page() for kind in re.findall(r"kind: (\w+)", text)}
    assert kinds == {"normal", "uniform", "centred", "scipy"}
    assert "cosmology.prior.Om=0.3" in priors_of_the_page()


@pytest.mark.parametrize("override", priors_of_the_page())
def test_every_prior_of_the_page_is_the_one_that_is_sampled(override: str) -> None:
    config = compose(["pipeline=janus", "cosmology=lcdm", "rivals=none", override], CONF).config
    assert isinstance(config, StudyConfig)
    prior, fixed = prior_of(("Om", "H0"), config.cosmology.root.prior, {}, config.prior)
    if "Om=0.3" in override:
        assert (prior.names, fixed) == (("H0",), {"Om": 0.3})
        return
    om = prior.marginals[0]
    if "normal" in override:
        assert isinstance(om, Gaussian)
        assert (om.low, om.high) == (-math.inf, math.inf), "the flat prior's bounds do not cut it"
    elif "gamma" in override:
        assert isinstance(om, OfScipy)
        # of a = 2: x exp(-x)
        assert om.log_density(np.array([2.0]))[0] == pytest.approx(math.log(2.0) - 2.0)
    elif "centred" in override:
        assert om == Flat(pytest.approx(0.2), pytest.approx(0.4))
    else:
        assert om == Flat(0.1, 0.5)
