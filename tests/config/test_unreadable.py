"""YAML files of conf/ that cannot be composed: one message with the file, the line, what to do."""

import shutil
from pathlib import Path

import pytest

from app.config.compose import compose
from app.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"# @package _global_\n\tseed: 3\n", "mine.yaml, line 2: not YAML"),
        (b"# @package _global_\ncorpora: [a, b\n", "mine.yaml, line 3: not YAML"),
        ("# @package _global_\nseed: 3 # é\n".encode("latin-1"), "not UTF-8: "),
        (b"split: {train_prop: 0.4}\n", "must begin with the line `# @package _global_`"),
        (b"", "must begin with the line `# @package _global_`"),
        (b"# @package _global_\nmodels: [check]\n", "`- override /models: [check, tfidf_nb]`"),
        (b"# @package _global_\ndefaults:\n  - override /view: partyy\n", "'view/partyy'"),
    ],
    ids=["tab", "unclosed", "latin-1", "no package", "empty", "list", "no such choice"],
)
def test_a_faulty_profile_is_named(written: bytes, said: str, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / "profile" / "mine.yaml").write_bytes(written)
    with pytest.raises(ConfigError) as refused:
        compose(["profile=mine"], conf)
    assert said in str(refused.value)
    assert "search path" not in str(refused.value)


def test_a_key_of_a_model_that_was_not_chosen_says_so() -> None:
    with pytest.raises(ConfigError, match="models= does not choose tfidf_nb, add it there"):
        compose(["models=[check]", "models.tfidf_nb.tfidf.min_df=2"], CONF)


def test_an_override_is_shown_as_it_was_written() -> None:
    with pytest.raises(ConfigError, match=r"set by the override split\.train_prop=2$"):
        compose(["split.train_prop=2"], CONF)
