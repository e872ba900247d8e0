"""Paths and packages a config needs are asked for before any work."""

import sys
from pathlib import Path

import pytest

from app.config.compose import compose
from app.errors import ConfigError, MissingExtraError
from app.studies.ideo import require_inputs

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(
    ("overrides", "family"),
    [(["models=[spacy_bow_quick]"], "spacy"), (["models=[check,camembert_base]"], "hf")],
)
def test_a_model_without_its_package_is_refused_before_it_is_its_turn(
    overrides: list[str], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("spacy", "torch"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=rf"pip install -e '.\[{family}\]'"):
        require_inputs(compose(overrides, CONF).config)
    require_inputs(compose([*overrides, "pipeline=report", "corpora.web1.path=conf"], CONF).config)


def test_a_path_of_the_data_folder_and_another_get_their_own_advice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give the folder of your data with data_root"):
        require_inputs(compose([f"data_root={tmp_path}"], CONF).config)
    with pytest.raises(ConfigError, match="no such file, or folder"):
        require_inputs(compose([f"corpora.web1.path={tmp_path}/no*.xml"], CONF).config)
