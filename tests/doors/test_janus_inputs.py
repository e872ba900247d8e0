"""What the door of `janus` refuses before any work, and what it lets through to the readers."""

from pathlib import Path

import pytest

from app.config.compose import compose
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
