"""Loops compiled by numba, for one thread."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compiled at its first call and kept on disk beside its file.

    Sums keep the order they are written in (no reassociation), so that results do not depend on
    alignment; a division by zero gives inf or nan, as in numpy. The kept code of a function does
    not see that one it calls in another file changed: what is compiled together is in one file.
    """
    options = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
    return cast(F, numba.njit(**options)(function))
