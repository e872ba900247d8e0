"""What the groups of `vesuvius` refuse, and what its profiles say."""

from pathlib import Path

import pytest

from app.config.compose import compose
from app.config.vesuvius.tree import StudyConfig
from app.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"
DEMO = "profile=vesuvius_demo"


def composed(*overrides: str) -> StudyConfig:
    config = compose(list(overrides), CONF).config
    assert isinstance(config, StudyConfig)
    return config


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("features.scales=[1.0,0.0]", "features.scales"),
        ("features.scales=[-1.0]", "features.scales"),
        ("features.scales=[]", "features.scales"),
        ("training.thresholds=[0.6,0.35,0.01]", "thresholds="),
        ("training.thresholds=[0.35,0.6,0.0]", "thresholds="),
        ("training.thresholds=[0.35,0.6,-0.01]", "thresholds="),
        ("training.thresholds=[0.35,1.6,0.01]", "thresholds="),
        ("training.thresholds=[0.35,0.6]", "training.thresholds"),
        ("distillation.deploy=teacher", "distillation.deploy"),
        ("judging.forest_rows=1", "judging.forest_rows"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        composed(DEMO, override)
    assert said in str(refused.value)


def test_one_threshold_is_a_range() -> None:
    config = composed(DEMO, "training.thresholds=[0.5,0.5,0.01]")
    assert config.training.thresholds == (0.5, 0.5, 0.01)


def test_the_classic_range_and_the_student_are_the_default() -> None:
    config = composed(DEMO)
    assert config.training.thresholds == (0.35, 0.60, 0.01)
    assert config.distillation.deploy == "student"


@pytest.mark.parametrize("profile", ["vesuvius_hippocampus", "vesuvius_em"])
def test_profiles_of_real_data_try_all_thresholds_and_deploy_the_best(profile: str) -> None:
    config = composed(f"profile={profile}")
    assert config.training.thresholds == (0.05, 0.95, 0.01)
    assert config.distillation.deploy == "best"
    assert config.judging.forest


def test_keys_without_a_value_are_named_in_full() -> None:
    with pytest.raises(ConfigError, match=r"volumes\.name, volumes\.source\.images: needed"):
        compose(["pipeline=vesuvius", "volumes=files"], CONF)
