"""The profile, the profiles' names and the choices that docs/vesuvius.md shows are real ones."""

import re
import shutil
from pathlib import Path

from app.config.compose import compose

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "vesuvius.md").read_text(encoding="utf-8")


def test_the_profile_of_the_page_composes(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    conf = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    (conf / "profile" / "mine.yaml").write_text(block)
    assert compose(["profile=mine"], conf).tree["volumes"]["name"] == "mine"


def test_every_command_of_the_page_composes() -> None:
    commands = re.findall(r"^python -m app (.*?)(?:  +#.*)?$", PAGE, re.MULTILINE)
    single = [command for command in commands if not command.startswith("-m ")]
    assert len(single) >= 4
    for command in single:
        overrides = [item for item in command.split() if item != "data_root=../shared/data"]
        assert compose(overrides, PROJECT / "conf").config.study == "vesuvius"


def test_every_profile_is_on_the_page() -> None:
    profiles = {path.stem for path in (PROJECT / "conf" / "profile").glob("vesuvius_*.yaml")}
    assert profiles <= set(re.findall(r"`(vesuvius_\w+)`", PAGE))
