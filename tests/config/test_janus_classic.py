"""Keys of earlier sampler scripts, in a file of settings of `janus`."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.config.compose import compose
from app.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"
CUSTOM = {
    "pipeline": "janus",
    "log_prob_module": "mine.py",
    "log_prob_function": "posterior",
    "ndim": 2,
    "prior_center": [0.5, 1],
    "prior_width": [2, 4.0],
}


def write(folder: Path, told: dict[str, Any]) -> str:
    (folder / "old.json").write_text(json.dumps(told, indent=1))
    return f"settings={folder / 'old.json'}"


def config(folder: Path, told: dict[str, Any], *overrides: str) -> Any:
    return compose([write(folder, told), *overrides], CONF).config


def refused(folder: Path, told: dict[str, Any], *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        config(folder, told, *overrides)
    return str(error.value)


def test_keys_have_their_modern_meaning(tmp_path: Path) -> None:
    told = {
        "run_name": "old", "output_dir": "out", "nwalkers": 16, "nsteps": 200, "n_workers": 2,
        "checkpoint_interval": 50, "prior_center": [-0.1], "prior_width": [0.2],
    }  # fmt: skip
    made = config(tmp_path, told, "pipeline=janus")
    modern = [
        "pipeline=janus", "run_name=old", "output_root=out", "sampler=emcee", "sampler.walkers=16",
        "sampler.steps=200", "n_workers=2", "checkpoint.every=50", "prior.center=[-0.1]",
        "prior.width=[0.2]",
    ]  # fmt: skip
    assert made == compose(modern, CONF).config


def test_a_log_probability_brings_its_choices_and_names_its_parameters(tmp_path: Path) -> None:
    made = config(tmp_path, CUSTOM)
    own = made.cosmology.root
    assert (own.kind, own.log_prob_function, own.ndim) == ("custom", "posterior", 2)
    assert (made.likelihood.parts, made.rivals.root, made.prior.center) == ({}, {}, None)
    assert {name: one.root.model_dump() for name, one in own.prior.items()} == {
        "theta_0": {"kind": "centred", "center": 0.5, "width": 2.0},
        "theta_1": {"kind": "centred", "center": 1.0, "width": 4.0},
    }


def test_a_module_s_path_is_relative_to_the_file_of_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = str(tmp_path / "mine.py")
    assert config(tmp_path, CUSTOM).cosmology.root.log_prob_module == expected
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text(json.dumps(CUSTOM))
    made: Any = compose(["settings=old.json"], CONF).config
    assert made.cosmology.root.log_prob_module == expected
    package: Any = config(tmp_path, {**CUSTOM, "log_prob_module": "my.package"})
    assert package.cosmology.root.log_prob_module == "my.package"


def test_named_priors_take_the_place_of_numbered_ones(tmp_path: Path) -> None:
    told = {
        **CUSTOM,
        "cosmology.prior": {name: {"kind": "normal", "mean": 0, "sd": 1} for name in "ab"},
    }
    made = config(tmp_path, told)
    assert list(made.cosmology.root.prior) == ["a", "b"]
    assert made.prior.center == [0.5, 1.0]  # one for each, as prior.center has it


@pytest.mark.parametrize("sampler", ["emcee_stretch", "emcee"])
def test_a_chosen_sampler_stays(sampler: str, tmp_path: Path) -> None:
    told = {"pipeline": "janus", "nsteps": 200}
    made = config(tmp_path, told, f"sampler={sampler}")
    assert (
        made.sampler
        == compose(
            ["pipeline=janus", f"sampler={sampler}", "sampler.steps=200"], CONF
        ).config.sampler
    )
    assert config(tmp_path, {**told, "sampler": sampler}).sampler == made.sampler


def test_what_a_profile_chooses_stays(tmp_path: Path) -> None:
    told = {"profile": "janus_five_parameters", "nwalkers": 20}
    made = config(tmp_path, told)
    assert (made.sampler.root.walkers, made.cosmology.root.kind) == (20, "five_parameters")


def test_the_command_line_wins_over_classic_keys(tmp_path: Path) -> None:
    told = {"pipeline": "janus", "nsteps": 200, "output_dir": "there"}
    made = config(tmp_path, told, "sampler.steps=300", "output_root=here")
    assert (made.sampler.root.steps, made.output_root) == (300, "here")


BESIDE = {
    "output_dir": ("output_root", "x"),
    "nwalkers": ("sampler.walkers", 8),
    "nsteps": ("sampler.steps", 8),
    "checkpoint_interval": ("checkpoint.every", 8),
    "log_prob_module": ("cosmology.log_prob_module", "m"),
    "log_prob_function": ("cosmology.log_prob_function", "f"),
    "prior_center": ("prior.center", [1]),
    "prior_width": ("prior.width", [1]),
    "ndim": ("cosmology.ndim", 1),
}


@pytest.mark.parametrize("key", BESIDE)
def test_a_classic_key_beside_its_modern_one_is_refused(key: str, tmp_path: Path) -> None:
    modern, value = BESIDE[key]
    said = refused(tmp_path, {"pipeline": "janus", key: value, modern: value})
    assert f"{key} and {modern}: they mean the same" in said
    assert said.count("old.json, line ") == 2


WRONG = {
    "too few centres": ({"prior_center": [1]}, "prior_center: 1 numbers for 2 parameters"),
    "too many widths": ({"prior_width": [1, 2, 3]}, "prior_width: 3 numbers for 2 parameters"),
    "no list": ({"prior_width": 2}, "prior_width=2: a list of one number for each"),
    "a width of 0": ({"prior_width": [0, 1]}, "cosmology.prior.theta_0.width=0"),
    "no number": ({"prior_center": ["a", 1]}, "cosmology.prior.theta_0.center='a'"),
    "ndim that is none": ({"ndim": "2"}, "2 numbers for '2' parameters"),
    "another cosmology": ({"cosmology": "lcdm"}, "another cosmology is chosen"),
    "data": ({"likelihood": "hz"}, "add likelihood=none"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_custom_file_is_refused_with_its_line(wrong: str, tmp_path: Path) -> None:
    told, said = WRONG[wrong]
    message = refused(tmp_path, {**CUSTOM, **told})
    assert said in message
    assert "old.json, line" in message


@pytest.mark.parametrize("key", ["prior_center", "prior_width"])
def test_a_custom_log_probability_needs_its_intervals(key: str, tmp_path: Path) -> None:
    told = {name: value for name, value in CUSTOM.items() if name != key}
    said = refused(tmp_path, told)
    assert f"{key}: needed by a custom log-probability" in said
    assert "the full widths, from one end to the other" in said


def test_ndim_is_refused_where_the_model_has_its_own(tmp_path: Path) -> None:
    said = refused(tmp_path, {"pipeline": "janus", "ndim": 2})
    assert "leave it out: the parameters are those of the model" in said


def test_a_sampler_without_walkers_is_told_by_the_classic_key(tmp_path: Path) -> None:
    said = refused(tmp_path, {"pipeline": "janus", "nwalkers": 16}, "sampler=importance")
    assert "sampler.walkers: unknown key" in said
    assert "old.json, line 3, as nwalkers" in said


@pytest.mark.parametrize("study", ["ideo", "vesuvius"])
def test_other_studies_do_not_know_them(study: str, tmp_path: Path) -> None:
    said = refused(tmp_path, {"nsteps": 200}, f"pipeline={study}")
    assert f"nsteps: a key of the study janus, and this is {study}" in said


def test_they_are_keys_of_a_file_alone() -> None:
    with pytest.raises(ConfigError, match="nsteps: unknown key"):
        compose(["pipeline=janus", "nsteps=200"], CONF)


def test_a_classic_key_that_is_misspelt(tmp_path: Path) -> None:
    said = refused(tmp_path, {"pipeline": "janus", "nwalker": 16})
    assert "nwalker: unknown key; did you mean 'nwalkers'" in said
