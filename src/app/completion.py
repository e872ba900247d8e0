"""Completion of `python -m app ...` and `superior ...` by the shell.

Hydra knows the keys and choices (`-sc query=bash`), but its script completes programs called by a
file or a name only: here is one that also knows `python -m app`.
"""

import os
import re

from app.errors import ConfigError

FLAGS = {"-sc", "--shell-completion"}

BASH = r"""_superior() {
    if [[ "${COMP_WORDS[0]##*/}" == python* ]]; then
        [[ "${COMP_WORDS[1]} ${COMP_WORDS[2]}" == "-m app" ]] || return
        local program=("${COMP_WORDS[0]}" -m app)
    else
        local program=("${COMP_WORDS[0]}")
    fi
    local known=$(COMP_LINE="${COMP_LINE:0:$COMP_POINT}" "${program[@]}" -sc query=bash 2>/dev/null)
    COMPREPLY=($(compgen -W "$known" -- "${COMP_WORDS[$COMP_CWORD]}"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _superior python superior
"""


def answer(arguments: list[str]) -> str | None:
    """The script that `-sc install=bash` asks for; None for what Hydra answers, the line it is to
    complete (`COMP_LINE`) put in the form it reads.

    Raises:
        ConfigError: another shell or word.
    """
    if "install=bash" in arguments:
        return BASH
    if not {"uninstall=bash", "query=bash"} & set(arguments):
        raise ConfigError("-sc takes install=bash, uninstall=bash or query=bash")
    line = os.environ.get("COMP_LINE", "")
    os.environ["COMP_LINE"] = re.sub(r"^\s*\S*python\S*\s+-m\s+app\b", "superior", line)
    return None
