"""What is said of keys where they are declared: in the comments of schemas and of `conf/`."""

import ast
import inspect
import io
import re
import tokenize
from functools import cache
from pathlib import Path

from pydantic import BaseModel


def of_field(schema: type[BaseModel], name: str) -> str:
    """The comment at the end of a field's line and on the lines after it; empty: there is none."""
    for owner in schema.__mro__:
        if owner is not BaseModel and issubclass(owner, BaseModel) and name in _of_class(owner):
            return _of_class(owner)[name]
    return ""


def of_defaults(file: Path) -> dict[str, str]:
    """Group -> the comment on its line of the defaults list of `file`."""
    found = re.findall(r"^\s+- /?(\w+): [^#\n]*# (.*)$", _read(file), re.MULTILINE)
    return dict(found)


def of_values(file: Path) -> dict[str, str]:
    """Key of the top level -> the comment on its line of `file`."""
    return dict(re.findall(r"^(\w+): [^#\n]*# (.*)$", _read(file), re.MULTILINE))


@cache
def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def _of_class(owner: type[BaseModel]) -> dict[str, str]:
    """Of the fields that the class declares itself."""
    source = inspect.cleandoc("\n" + inspect.getsource(owner))
    at = _comments(source)
    lines = source.splitlines()
    told = {}
    for node in ast.parse(source).body[0].body:  # type: ignore[attr-defined]
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        last = node.end_lineno or node.lineno
        found = [at[last]] if last in at else []
        while last < len(lines) and lines[last].lstrip().startswith("#"):
            last += 1
            found.append(at[last])
        told[node.target.id] = " ".join(found)
    return told


def _comments(source: str) -> dict[int, str]:
    """Line -> its comment."""
    return {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
