"""A command ends with one message and its exit code."""

import errno

import pytest

from app.console import errors_on_one_screen


def test_a_full_disk_is_one_message_with_what_could_not_be_saved(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The libraries that write name no file; Kedro's error around theirs names the dataset."""
    with pytest.raises(SystemExit) as ended, errors_on_one_screen():
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as full:
            raise RuntimeError("train: Failed while saving data\nmore") from full
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("superior: error: No space left on device: train: Failed while saving")
    assert "output_root" in said
    assert "more" not in said


def test_a_failure_nobody_foresaw_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), errors_on_one_screen():
        raise ZeroDivisionError
