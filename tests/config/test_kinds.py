"""A mapping of another kind replaces what conf/ has; one of the same kind adds to it."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from app.config.compose import check, compose
from app.config.janus.tree import StudyConfig
from app.config.overrides import is_axis, overrides_from
from app.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"
LCDM = ["pipeline=janus", "rivals=none", "cosmology=lcdm"]
GAMMA = "cosmology.prior.Om={kind: scipy, name: gamma, arguments: {a: 2}}"
OF_GAMMA = {"kind": "scipy", "name": "gamma", "arguments": {"a": 2.0}}
NORMAL = {"kind": "normal", "mean": 0.3, "sd": 0.1, "low": None, "high": None}


def of_om(*overrides: str, conf: Path = CONF) -> dict[str, Any]:
    config = compose([*LCDM, *overrides], conf).config
    assert isinstance(config, StudyConfig)
    told: dict[str, Any] = config.cosmology.root.prior["Om"].model_dump()
    return told


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_another_kind_replaces(plus: str) -> None:
    assert of_om(plus + GAMMA) == OF_GAMMA
    assert of_om(f"{plus}cosmology.prior.Om={{kind: normal, mean: 0.3, sd: 0.1}}") == NORMAL


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_piece_by_piece_in_any_order(order: tuple[int, ...]) -> None:
    pieces = [f"cosmology.prior.Om.{item}" for item in ("kind=normal", "mean=0.3", "sd=0.1")]
    assert of_om(*(pieces[at] for at in order)) == NORMAL


def test_the_same_kind_adds() -> None:
    kept = {"kind": "uniform", "low": 0.1, "high": 1.0}
    assert of_om("cosmology.prior.Om={kind: uniform, low: 0.1}") == kept
    assert of_om("cosmology.prior.Om={low: 0.1}") == kept
    assert of_om("cosmology.prior.Om.low=0.1") == kept


def test_the_last_kind_counts() -> None:
    assert of_om(GAMMA, "cosmology.prior.Om={kind: normal, mean: 0.3, sd: 0.1}") == NORMAL
    assert of_om(GAMMA, "cosmology.prior.Om=0.3") == {"kind": "fixed", "value": 0.3}
    pieces = [f"cosmology.prior.Om.{item}" for item in ("kind=normal", "mean=0.3", "sd=0.1")]
    assert of_om(GAMMA, *pieces) == NORMAL
    back = "cosmology.prior.Om={kind: uniform, low: 0.2}"
    assert of_om(GAMMA, back) == {"kind": "uniform", "low": 0.2, "high": None}


def test_in_a_file_of_settings(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("cosmology.prior:\n  Om: {name: gamma, arguments: {a: 2}, kind: scipy}\n")
    assert of_om(f"settings={file}") == OF_GAMMA
    over = "cosmology.prior.Om={kind: normal, mean: 0.3, sd: 0.1}"
    assert of_om(f"settings={file}", over) == NORMAL


def test_as_kedro_passes_it() -> None:
    assert of_om(*overrides_from({"cosmology": {"prior": {"Om": OF_GAMMA}}})) == OF_GAMMA


def test_in_a_profile(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / "profile" / "mine.yaml").write_text(
        "# @package _global_\n# mine\ndefaults:\n  - override /study: janus\n"
        "  - override /cosmology: lcdm\n\ncosmology: {prior: {Om: {kind: normal, mean: 0.3, "
        "sd: 0.1}}}\n"
    )
    config = compose(["profile=mine"], conf).config
    assert isinstance(config, StudyConfig)
    assert config.cosmology.root.prior["Om"].model_dump() == NORMAL


def test_in_a_run_of_a_sweep() -> None:
    """What the launcher hands to a run: composed by Hydra, without its node `hydra`."""
    told = ["study=janus", "cosmology=lcdm", f"++{GAMMA}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra_compose("config", overrides=told)
        checked = check(composed, told, {"study": "janus", "cosmology": "lcdm"}, CONF)
        again = hydra_compose("config", overrides=["study=janus"])
    assert checked.tree["cosmology"]["prior"]["Om"] == {**OF_GAMMA, "arguments": {"a": 2}}
    assert again.study == "janus", "Hydra is as it was"


def test_a_mapping_is_no_axis_of_a_sweep() -> None:
    assert not is_axis(GAMMA)
    assert is_axis("cosmology.prior.Om={kind: normal, mean: 0, sd: 1},{kind: uniform}")
    assert is_axis("seed=1,2")


def test_a_part_of_the_data_too() -> None:
    mine = "likelihood.parts.jla_full={kind: moduli, path: mine.txt}"
    config = compose(["pipeline=janus", "likelihood=jla_full", mine], CONF).config
    assert isinstance(config, StudyConfig)
    part = config.likelihood.parts["jla_full"].root
    assert (part.kind, part.path) == ("moduli", "mine.txt")  # type: ignore[union-attr]


def test_a_message_names_only_what_was_written() -> None:
    with pytest.raises(ConfigError) as refused:
        of_om("cosmology.prior.Om={kind: scipy, nmae: gamma}")
    keys = re.findall(r"^cosmology\.prior\.Om\.(\w+): ", str(refused.value), re.MULTILINE)
    assert sorted(keys) == ["name", "nmae"]


def test_a_centre_is_a_center() -> None:
    told = of_om("cosmology.prior.Om={kind: centred, centre: 0.3, width: 0.2}")
    assert told == {"kind": "centred", "center": 0.3, "width": 0.2}
    with pytest.raises(ConfigError, match=r"Om\.centre: unknown key"):
        of_om("cosmology.prior.Om={kind: centred, centre: 0.3, center: 0.3, width: 0.2}")


@pytest.mark.parametrize(
    ("overrides", "missing"),
    [
        (["pipeline=janus", "likelihood=dataset"], "likelihood.path"),
        (["pipeline=janus", "cosmology=distances"], "cosmology.module"),
        (["pipeline=janus", "cosmology=custom"], "cosmology.log_prob_module"),
        (["pipeline=vesuvius", "volumes=files"], "volumes.name, volumes.source.images"),
    ],
)
def test_what_needs_a_value_and_has_none(overrides: list[str], missing: str) -> None:
    """Also where another key refers to it, as that of likelihood=dataset does."""
    with pytest.raises(ConfigError) as refused:
        compose(overrides, CONF)
    assert str(refused.value).startswith(f"{missing}: needed, and no value is given\n")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("likelihood=[none,hz]", r"none stands by itself; .*likelihood=\[hz\]"),
        ("rivals=[lcdm,none]", "none stands by itself"),
        ("likelihood=[hz,hz]", "hz is chosen twice"),
    ],
)
def test_choices_that_do_not_go_together(choice: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose(["pipeline=janus", choice], CONF)
