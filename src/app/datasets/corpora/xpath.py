"""XPath 1.0 over TEI that is in the TEI namespace, or in none.

XPath gives a name without prefix no namespace, so `text/body` would find nothing in namespaced TEI.
Here such a name means the TEI element in either kind of file: it gets the prefix `tei` where the
file has the namespace, and `tei:` is taken off where it has not. Names are told from operators by
the rules of XPath 1.0, section 3.7.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from app.datasets.corpora.reader import TEI_NAMESPACE
from app.errors import ConfigError

XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
TOKEN = re.compile(
    r"\"[^\"]*\"|'[^']*'"  # literals
    r"|\$[\w.-]+(?::[\w.-]+)?|\d+(?:\.\d*)?|\.\.|//|::|<=|>=|!="
    r"|[^\W\d][\w.-]*(?::(?!:)(?:[^\W\d][\w.-]*|\*))?"  # names, with or without prefix
    r"|\s+|."
)
OPERATORS = {"and", "or", "div", "mod"}
BEFORE_A_NAME = {
    "@",
    "::",
    "(",
    "[",
    ",",
    "/",
    "//",
    "|",
    "+",
    "-",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
}


def in_namespace(expression: str, namespaced: bool) -> str:
    """`expression` for a file in the TEI namespace, or for one in none."""
    tokens = TOKEN.findall(expression)
    out: list[str] = []
    before = ""  # the token before, white space aside
    for number, token in enumerate(tokens):
        out.append(_renamed(token, before, _after(tokens, number), namespaced))
        before = before if token.isspace() else token
        if token in OPERATORS and out[-1] == token:
            before = "="  # an operator, whatever its letters: a name may follow
    return "".join(out)


def compiled(
    expression: str, namespaces: Mapping[str, str], namespaced: bool, what: str
) -> Callable[[etree._Element], Any]:
    """The expression as a function of an element. `what` names the config key for the message.

    Raises:
        ConfigError: not an XPath, or a prefix that `namespaces` does not declare.
    """
    prefixes = {"xml": XML_NAMESPACE, "tei": TEI_NAMESPACE, **namespaces}
    text = in_namespace(expression, namespaced)
    for prefix in re.findall(r"([A-Za-z_][\w.-]*):(?=[\w*])(?!:)", _without_literals(text)):
        if prefix not in prefixes:
            raise ConfigError(f"{what}: prefix {prefix!r} is not in `namespaces`: {expression!r}")
    try:
        path: Callable[[etree._Element], Any] = etree.XPath(
            text, namespaces=prefixes, smart_strings=False
        )
    except etree.XPathSyntaxError as error:
        raise ConfigError(f"{what}: not an XPath ({error}): {expression!r}") from None
    return path


def qualified(name: str, namespaces: Mapping[str, str], namespaced: bool, what: str) -> str:
    """An element's name in lxml's form: `u` -> `{http://www.tei-c.org/ns/1.0}u`."""
    prefix, _, local = name.rpartition(":")
    if prefix in ("", "tei"):
        return f"{{{TEI_NAMESPACE}}}{local}" if namespaced else local
    if prefix not in namespaces:
        raise ConfigError(f"{what}: prefix {prefix!r} is not in `namespaces`: {name!r}")
    return f"{{{namespaces[prefix]}}}{local}"


def first_string(found: Any) -> str | None:
    """An XPath result as one value: the first node's text, or the string; null when empty."""
    if isinstance(found, list):
        if not found:
            return None
        found = found[0]
    if isinstance(found, etree._Element):
        found = "".join(found.itertext())
    elif isinstance(found, bool):
        found = str(found).lower()
    elif isinstance(found, float):
        found = str(int(found)) if found.is_integer() else str(found)
    return " ".join(str(found).split()) or None


def _renamed(token: str, before: str, after: str, namespaced: bool) -> str:
    if not (token[0].isalpha() or token[0] == "_"):
        return token
    if token.startswith("tei:"):
        return token if namespaced else token.removeprefix("tei:")
    is_operator = token in OPERATORS and before != "" and before not in BEFORE_A_NAME
    is_element = ":" not in token and before != "@" and after not in ("(", "::") and not is_operator
    return f"tei:{token}" if is_element and namespaced else token


def _after(tokens: list[str], number: int) -> str:
    return next((token for token in tokens[number + 1 :] if not token.isspace()), "")


def _without_literals(expression: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "''", expression)
