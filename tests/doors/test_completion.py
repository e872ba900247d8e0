"""The shell completes `python -m app ...` and `superior ...`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def ask(words: str, line: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "-sc", words],
        cwd=PROJECT,
        env={**os.environ, "COMP_LINE": line},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("python -m app balance=o", "balance=oversample"),
        (".venv/bin/python -m app seed=1 split.tr", "split.train_prop="),
        ("superior profile=f", "profile=fr_wing"),
    ],
)
def test_keys_and_choices_are_completed(line: str, word: str) -> None:
    assert word in ask("query=bash", line).stdout.split()


def test_bash_takes_the_script_and_completes_with_it() -> None:
    """What bash sets when the user presses the tabulator is set here by hand."""
    pressed = f"""{ask("install=bash").stdout}
        COMP_LINE='{sys.executable} -m app balance=over'; COMP_POINT=${{#COMP_LINE}}
        COMP_WORDS=({sys.executable} -m app balance=over); COMP_CWORD=3
        _superior; echo "${{COMPREPLY[@]}}"
        COMP_LINE='python other.py ba'; COMP_WORDS=(python other.py ba); COMP_CWORD=2
        COMPREPLY=(); _superior; echo "${{#COMPREPLY[@]}}" """
    completed = subprocess.run(
        ["bash", "-c", pressed], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == ["balance=oversample", "0"]


def test_another_shell_is_refused() -> None:
    refused = ask("install=tcsh")
    assert refused.returncode == 2
    assert "install=bash" in refused.stderr
    assert "Traceback" not in refused.stderr
