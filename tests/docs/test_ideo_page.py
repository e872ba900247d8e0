"""The profiles that docs/ideo.md shows are profiles that compose."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from app.config.compose import compose
from app.pipelines.ideo.concept import actor_labels

PROJECT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs" / "ideo.md").read_text(), re.DOTALL)
PROFILES = [block for block in BLOCKS if block.startswith("# @package _global_")]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda text: text.splitlines()[1])
def test_a_profile_of_the_page_composes(profile: str, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    (conf / "profile" / "mine.yaml").write_text(profile)
    config = compose(["profile=mine"], conf).config
    assert set(config.dataset.corpus_ids) == set(yaml.safe_load(profile)["corpora"])


def test_the_page_has_a_profile_for_each_reader_and_an_ideology_file() -> None:
    kinds = {
        corpus["reader"]["kind"]
        for profile in PROFILES
        for corpus in yaml.safe_load(profile)["corpora"].values()
    }
    assert kinds == {"classic", "tei", "parlamint", "inline"}
    (concept,) = (yaml.safe_load(block) for block in BLOCKS if block.startswith("families:"))
    assert actor_labels(concept)["an_actor"]["global_five"] == "far_left"
