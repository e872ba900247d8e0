"""`settings=FILE`: its keys are overrides, and a mistake in it is told with its line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from app.config.compose import Composed, compose
from app.config.literal import literal
from app.config.names import sweep_name
from app.config.settings import with_settings
from app.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


def settings(folder: Path, text: str, name: str = "my.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return f"settings={folder / name}"


def composed(folder: Path, text: str, *overrides: str) -> Composed:
    return compose([settings(folder, text), *overrides], CONF)


def refused(folder: Path, text: str, *overrides: str, name: str = "my.yaml") -> str:
    with pytest.raises(ConfigError) as error:
        compose([settings(folder, text, name), *overrides], CONF)
    return str(error.value)


def test_dotted_and_nested_keys_are_the_same(tmp_path: Path) -> None:
    nested = "pipeline: janus\ncosmology:\n  prior:\n    q0: {low: -0.3}\n"
    by_file = composed(tmp_path, nested)
    assert (
        by_file.config
        == composed(tmp_path, "pipeline: janus\ncosmology.prior: {q0.low: -0.3}\n").config
    )
    assert by_file.config == compose(["pipeline=janus", "cosmology.prior.q0.low=-0.3"], CONF).config
    assert by_file.tree["cosmology"]["prior"]["q0"] == {"kind": "uniform", "low": -0.3, "high": 0.0}


def test_json_is_read_too(tmp_path: Path) -> None:
    told = {"pipeline": "janus", "sampler": "emcee", "sampler.moves": [{"name": "kde"}]}
    file = settings(tmp_path, json.dumps(told, indent="\t"), "my.json")
    config: Any = compose([file], CONF).config
    assert [move.name for move in config.sampler.root.moves] == ["kde"]


def test_groups_are_chosen_and_several_of_them(tmp_path: Path) -> None:
    text = "study: janus\nlikelihood: [jla_binned, hz]\nrivals: none\ncosmology: lcdm\n"
    config: Any = composed(tmp_path, text).config
    assert list(config.likelihood.parts) == ["jla_binned", "hz"]
    assert config.rivals.root == {}
    assert config.cosmology.root.kind == "lcdm"


def test_values_of_every_kind_arrive_as_they_are(tmp_path: Path) -> None:
    text = (
        "pipeline: janus\nrun_name: null\nlikelihood.tolerance: 1e-10\nconvergence.adaptive: no\n"
        "output_root: \"/tmp/a folder, it's 'mine' \\\\ $x\"\n"
        "tracking.run_name: 'of ${pipeline}, é'\n"
        "workers.options: {address: 'a: b', 'a.b c': [1, 2.5, null, true]}\n"
    )
    config: Any = composed(tmp_path, text).config
    assert config.run_name is None
    assert config.likelihood.tolerance == 1e-10
    assert config.convergence.adaptive is False
    assert config.output_root == "/tmp/a folder, it's 'mine' \\ $x"
    assert config.tracking.run_name == "of janus, é"
    assert config.workers.options == {"address": "a: b", "a.b c": [1, 2.5, None, True]}


KEYS = st.text("abcXYZ_. /-$", min_size=1).filter(lambda key: key == key.strip() and "e" not in key)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_survives_the_grammar(value: Any) -> None:
    try:
        text = literal(value)
    except ValueError:  # a key like a number
        return
    assert OverridesParser.create().parse_override(f"++a={text}").value() == value


def test_the_command_line_wins(tmp_path: Path) -> None:
    text = "pipeline: janus\nsampler: emcee\nsampler.walkers: 16\nseed: 3\n"
    config: Any = composed(tmp_path, text, "sampler.walkers=64", "seed=4").config
    assert (config.sampler.root.walkers, config.seed) == (64, 4)


def test_another_choice_on_the_command_line_replaces_the_file_s_section(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "pipeline: janus\nsampler: emcee\nsampler.walkers: 16\nlikelihood: [hz]\n"
    config: Any = composed(tmp_path, text, "sampler=nautilus").config
    assert config.sampler.root.kind == "nautilus"
    assert "sampler=nautilus replaces all the file has of sampler" in caplog.text
    kept: Any = composed(tmp_path, text, "sampler=emcee", "likelihood=[hz]").config
    assert kept.sampler.root.walkers == 16


def test_a_study_is_seen_in_the_file_and_stages_are_its_own(tmp_path: Path) -> None:
    assert composed(tmp_path, "pipeline: vesuvius\n").config.study == "vesuvius"
    assert composed(tmp_path, "profile: vesuvius_demo\n").config.study == "vesuvius"
    config = composed(tmp_path, "study: janus\npipeline: janus\n", "pipeline=sample").config
    assert (config.study, config.pipeline) == ("janus", "sample")


def test_a_file_of_another_study_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, "study: janus\n", "pipeline=vesuvius")
    assert "my.yaml: a file of the study janus, and the command line names vesuvius" in said


MISTAKES = {
    "unknown key": ("sampler.bach: 64\n", "sampler.bach: unknown key; did you mean 'batch'?"),
    "nested unknown key": (
        "cosmology:\n prior:\n  q0: {lo: 1}\n",
        "my.yaml, line 4",
    ),
    "value": ("seed: -1\n", "seed=-1: should be greater"),
    "in a list": ("sampler: emcee\nsampler.moves: [{name: d}]\n", "my.yaml, line 3"),
    "choice": ("sampler: emce\n", "sampler=emce: no such choice; did you mean 'emcee'"),
    "choices in one text": ("sampler: emcee,nautilus\n", "sampler=emcee,nautilus: no such choice"),
    "choice that is a number": ("sampler: 3\n", "sampler=3: no such choice"),
    "nothing chosen": ("rivals: {}\n", "rivals={}: no such choice"),
    "group of another study": ("balance: none\n", "the study janus has no such choice"),
    "across groups": ("likelihood: none\n", "likelihood: no data"),
    "interpolation": ("run_name: ${nowhere}\n", "nowhere"),
    "value below a value": ("sampler.kind.x: 1\n", "sampler.kind"),
    "key that no override has": ("~sampler: emcee\n", "~sampler"),
    "key with accents": ("workers.options: {é: 1}\n", "é"),
    "date of YAML": ("run_name: !!binary aGk=\n", "run_name"),
    "twice, dotted and nested": ("seed: 1\nsampler: {batch: 64}\nsampler.batch: 65\n", "line 4"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_file_line_and_key(mistake: str, tmp_path: Path) -> None:
    text, said = MISTAKES[mistake]
    message = refused(tmp_path, f"pipeline: janus\n{text}")
    assert said in message
    assert "my.yaml, line" in message


BROKEN = {
    "not YAML": ("a: [1\n", "my.yaml, line 2: not YAML"),
    "objects": ("a: !!python/object/apply:os.system ['true']\n", "my.yaml, line 1: not YAML"),
    "key twice": ("seed: 1\nseed: 2\n", "my.yaml, line 2: not YAML: found duplicate key seed"),
    "a list": ("- seed: 1\n", "holds no keys"),
    "a word": ("seed\n", "my.yaml"),
    "another file": ("settings: other.yaml\n", "names no other"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_is_refused(broken: str, tmp_path: Path) -> None:
    text, said = BROKEN[broken]
    assert said in refused(tmp_path, text)


def test_broken_json_is_refused_with_its_place(tmp_path: Path) -> None:
    assert "my.json, line 2, column" in refused(tmp_path, '{"a": 1,\n b}', name="my.json")
    assert "seed: given twice" in refused(tmp_path, '{"seed": 1, "seed": 2}', name="my.json")


def test_an_absent_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"settings=nowhere\.yaml: No such file"):
        compose(["settings=nowhere.yaml"], CONF)


def test_a_command_has_one_file(tmp_path: Path) -> None:
    file = settings(tmp_path, "seed: 1\n")
    with pytest.raises(ConfigError, match="one file of settings"):
        compose([file, file], CONF)


def test_an_override_is_not_blamed_on_a_file_read_before(tmp_path: Path) -> None:
    composed(tmp_path, "seed: 5\n")
    with pytest.raises(ConfigError, match="set by the override seed=-1"):
        compose(["seed=-1"], CONF)


def test_a_sweep_is_named_after_what_the_file_holds(tmp_path: Path) -> None:
    first = with_settings([settings(tmp_path, "seed: 1\n", "a.yaml"), "balance=none"], CONF)
    same = with_settings([settings(tmp_path, "seed: 1\n", "b.yaml"), "balance=none"], CONF)
    other = with_settings([settings(tmp_path, "seed: 2\n", "a.yaml"), "balance=none"], CONF)
    assert sweep_name(first, CONF) == sweep_name(same, CONF) != sweep_name(other, CONF)
