"""What the door of `janus` refuses before any work, and what it lets through to the readers."""

import logging
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config.compose import compose
from app.config.janus.tree import DEFAULT_RIVAL, StudyConfig
from app.errors import ConfigError
from app.studies import janus

CONF = Path(__file__).parents[2] / "conf"


def required(data: Path) -> None:
    config = compose(["pipeline=janus", "likelihood=hz", f"data_root={data}"], CONF).config
    janus.require_inputs(config)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_table_may_be_gzipped(suffix: str, tmp_path: Path) -> None:
    table = tmp_path / "cosmology_hz" / f"HzTable_MM_BC03.dat{suffix}"
    with pytest.raises(ConfigError, match=r"likelihood\.parts\.hz\.path: no file"):
        required(tmp_path)
    table.parent.mkdir()
    table.touch()
    required(tmp_path)


def composed(*overrides: str) -> StudyConfig:
    config = compose(["pipeline=janus", *overrides], CONF).config
    assert isinstance(config, StudyConfig)
    return config


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as refused:
        composed(*overrides)
    return str(refused.value)


JLA = ("jla_binned", "jla_diagonal", "jla_full")
SUPERNOVAE = (*JLA, "pantheon_binned", "pantheon_plus", "pantheon_plus_diagonal", "des_dovekie")


@pytest.mark.parametrize("pair", list(combinations(SUPERNOVAE, 2)), ids=" ".join)
def test_supernovae_do_not_count_twice(pair: tuple[str, str]) -> None:
    said = refusal(f"likelihood=[{','.join(pair)}]")
    assert said.startswith(f"likelihood: {pair[0]} and {pair[1]} share low-z")
    assert "choose one of the two" in said
    assert ("SDSS" in said) == ("des_dovekie" not in pair)


def test_they_may_where_it_is_wanted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pair = "likelihood=[jla_binned,pantheon_binned]"
    config = composed(pair, "likelihood.overlap=true", f"output_root={tmp_path}")
    assert [shared for *_, shared in config.likelihood.overlaps()] == [
        ["low-z", "SDSS", "SNLS", "HST"]
    ]
    janus.written_folder(config).mkdir(parents=True)
    with caplog.at_level(logging.WARNING), janus.running(config):
        pass
    assert "jla_binned and pantheon_binned share low-z, SDSS, SNLS, HST" in caplog.text


def test_what_shares_no_survey_goes_together() -> None:
    assert list(composed("likelihood=[jla_binned,hz,highz]").likelihood.parts) == [
        *("jla_binned", "hz", "uv_luminosity", "galaxy_ages")
    ]
    assert composed("likelihood=[jla_binned,dataset]", "likelihood.path=mine.dataset")
    mine = "likelihood.parts.dataset.surveys=[SNLS]"
    said = refusal("likelihood=[jla_binned,dataset]", "likelihood.path=mine.dataset", mine)
    assert "jla_binned and dataset share SNLS" in said


def test_every_set_of_supernovae_says_whose_they_are() -> None:
    for file in sorted((CONF / "likelihood").glob("*.yaml")):
        parts: dict[str, Any] = yaml.safe_load(file.read_text())["parts"]
        for name, part in parts.items():
            if part["kind"] in ("moduli", "tripp"):
                assert part["surveys"], name


def test_a_model_is_no_rival_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = refusal("cosmology=janus", "rivals=janus")
    assert said.startswith("rivals: janus is the model that is studied")
    assert "rivals=none" in said
    assert list(composed("rivals=[janus,wcdm]").models()) == ["janus", "wcdm"]
    default = composed()
    assert list(default.rivals.root) == [DEFAULT_RIVAL]
    alone = composed(f"cosmology={DEFAULT_RIVAL}", f"output_root={tmp_path}")
    janus.written_folder(alone).mkdir(parents=True)
    with caplog.at_level(logging.WARNING), janus.running(alone):
        pass
    assert "is its only rival: nothing is compared" in caplog.text


@pytest.mark.parametrize("acceptance", ["[0.9,0.1]", "[0.1,0.1]", "[-0.1,0.5]", "[0.1,1.5]"])
def test_shares_of_accepted_proposals_are_a_range(acceptance: str) -> None:
    said = refusal(f"convergence.acceptance={acceptance}")
    assert said.startswith("convergence.acceptance=[")
    assert "the least and the largest share" in said


def test_a_name_is_told_what_it_may_have() -> None:
    said = refusal("run_name=a/b")
    assert said.startswith("run_name='a/b': a name has letters of ASCII, digits")
    assert "^" not in said


def test_a_key_of_earlier_scripts_on_the_command_line() -> None:
    assert "here it is sampler.walkers" in refusal("nwalkers=16")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("poisson", "this one is discrete; e.g. gamma, beta, lognorm"),
        ("gama", "did you mean 'gamma'"),
        ("xyzzy", "no continuous distribution of that name; e.g. gamma"),
    ],
)
def test_a_distribution_that_is_none(name: str, words: str) -> None:
    from app.pipelines.janus.prior import prior_of

    prior = composed(f"prior.parameters.q0={{kind: scipy, name: {name}}}", "rivals=none").prior
    with pytest.raises(ConfigError, match=rf"prior\.parameters\.q0\.name={name}: .*{words}"):
        prior_of(("q0",), {}, {}, prior)


def test_one_table_twice_where_it_is_wanted(tmp_path: Path) -> None:
    from app.datasets.observations.dataset import read

    table = tmp_path / "cosmology_hz" / "HzTable_MM_BC03.dat"
    table.parent.mkdir()
    table.write_text("0.1 70.0 5.0\n0.5 90.0 8.0\n")
    again = f"likelihood.parts.again={{kind: hubble_rates, path: {table}}}"
    with pytest.raises(ConfigError, match="hz and again both have the data"):
        read(composed("likelihood=hz", again).likelihood, tmp_path, 0)
    wanted = composed("likelihood=hz", again, "likelihood.overlap=true").likelihood
    assert len(read(wanted, tmp_path, 0).sets) == 2
