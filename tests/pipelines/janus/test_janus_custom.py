"""A user's function is found, or the message says what was looked for."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.pipelines.janus.custom import load_function, source_digest, with_arguments

KEY = "cosmology.log_prob_module"
Write = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(text: str, name: str = "my_model.py") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def refusal(module: str, function: str = "log_prob") -> str:
    with pytest.raises(ConfigError) as refused:
        load_function(module, function, KEY)
    return str(refused.value)


def test_a_function_of_a_file(written: Write) -> None:
    found = load_function(
        written("def log_prob(theta):\n    return -theta[0] ** 2\n"), "log_prob", KEY
    )
    assert found([3.0]) == -9.0


def test_a_path_may_be_relative(
    written: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written("def log_prob(theta):\n    return 4\n")
    monkeypatch.chdir(tmp_path)
    assert load_function("my_model.py", "log_prob", KEY)(0) == 4


def test_a_function_of_a_package() -> None:
    import math

    assert load_function("math", "fsum", KEY) is math.fsum


def test_a_file_may_import_what_lies_beside_it(written: Write) -> None:
    written("def square(x):\n    return x * x\n", "beside_it.py")
    module = written("from beside_it import square\n\ndef log_prob(t):\n    return square(t)\n")
    assert load_function(module, "log_prob", KEY)(3) == 9


def test_a_file_that_changed_is_read_again(written: Write) -> None:
    first = load_function(written("def log_prob(t):\n    return 1\n"), "log_prob", KEY)
    second = load_function(written("def log_prob(t):\n    return 2\n"), "log_prob", KEY)
    assert (first(0), second(0)) == (1, 2)


def test_a_file_that_did_not_is_run_once(written: Write, tmp_path: Path) -> None:
    text = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\ndef log_prob(t):\n    return 1\n"
    module = written(text)
    assert load_function(module, "log_prob", KEY) is load_function(module, "log_prob", KEY)
    assert (tmp_path / "runs").read_text() == "x"


def test_no_such_file(written: Write, tmp_path: Path) -> None:
    written("")
    said = refusal(str(tmp_path / "my_modle.py"))
    assert said.startswith(f"{KEY}=")
    assert str(tmp_path / "my_modle.py") in said
    assert "did you mean 'my_model.py'" in said


def test_no_such_module() -> None:
    said = refusal("jsn")
    assert said.startswith(f"{KEY}=jsn: there is no module 'jsn'; did you mean 'json'")
    assert "path of a .py file" in said


def test_no_such_module_in_a_package() -> None:
    said = refusal("app.pipelines.janus.costum")
    assert "there is no module 'app.pipelines.janus.costum'" in said
    assert "'custom'" in said


def test_a_module_that_imports_what_is_not_there(written: Write) -> None:
    said = refusal(written("\nimport no_such_thing_at_all\n"))
    assert "ModuleNotFoundError: No module named 'no_such_thing_at_all'" in said
    assert "my_model.py, line 2" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0\n", "ZeroDivisionError"),
        ("def log_prob(:\n", "SyntaxError"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_module_that_fails(written: Write, text: str, words: str) -> None:
    said = refusal(written(text))
    assert "fails as it is imported" in said
    assert words in said
    assert "line 1" in said


def test_no_such_function(written: Write) -> None:
    said = refusal(written("def log_probability(t):\n    return 0\n"))
    assert said.startswith("cosmology.log_prob_function=log_prob:")
    assert "did you mean 'log_probability'" in said


def test_a_function_that_is_none(written: Write) -> None:
    assert "no function" in refusal(written("log_prob = 3\n"))


def test_the_empty_name() -> None:
    assert refusal("").startswith(f"{KEY}=")


def test_arguments_are_bound() -> None:
    def log_prob(theta: float, scale: float = 1.0) -> float:
        return theta * scale

    assert with_arguments(log_prob, {"scale": 3.0}, 1, "cosmology.arguments")(2.0) == 6.0


def test_arguments_that_it_does_not_take() -> None:
    def log_prob(theta: float, scale: float = 1.0) -> float:
        return theta * scale

    with pytest.raises(ConfigError, match=r"cosmology\.arguments: .*did you mean 'scale'"):
        with_arguments(log_prob, {"scael": 3.0}, 1, "cosmology.arguments")


def test_an_argument_that_it_needs() -> None:
    def log_prob(theta: float, data: str) -> float:
        return theta + len(data)

    with pytest.raises(ConfigError, match="missing a required argument: 'data'"):
        with_arguments(log_prob, {}, 1, "cosmology.arguments")


def test_the_digest_follows_the_source_and_what_it_uses(written: Write) -> None:
    def digest(own: str, beside: str) -> str:
        for name in [name for name in sys.modules if name.startswith(("user_", "used_by_it"))]:
            del sys.modules[name]  # as another process would find them
        written(beside, "used_by_it.py")
        return source_digest(load_function(written(own), "log_prob", KEY))

    own = "from used_by_it import f\ndef log_prob(t):\n    return f(t)\n"
    one = digest(own, "def f(t):\n    return 1\n")
    assert one == digest(own, "def f(t):\n    return 1\n")
    assert one != digest(own, "def f(t):\n    return 22\n")
    assert one != digest(own + "# other\n", "def f(t):\n    return 1\n")
