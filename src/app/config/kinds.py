"""A value of another `kind` replaces what is there.

Hydra merges mappings key by key. Over a flat prior, `Om={kind: normal, mean: 0.31, sd: 0.01}` would
keep the bounds of the flat one, and `{kind: scipy, ...}` would have keys that it does not know. So,
where overrides give a mapping another `kind` than the files of conf/ do, all that it has from
those files is taken out again; where they give the same, they are merged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, flag_override

KIND = "kind"

Path = tuple[str, ...]
Told = tuple[str, Any]  # dotted key, value


def replace_other_kinds(
    composed: DictConfig, told: Sequence[Told], before: Callable[[], Mapping[str, Any]]
) -> None:
    """Takes out of `composed` what it has of kinds that are no more.

    `told`: the overrides that `composed` was made with, of values, in their order. `before`: the
    unresolved values without them; asked for where an override gives a kind.
    """
    if not any(key.split(".")[-1] == KIND or _kinds(value, ()) for key, value in told):
        return
    written = _Written(before())
    for key, value in told:
        written.add(tuple(key.split(".")), value)
    for path in sorted(written.replaced, key=len):
        node = _node(composed, path)
        if node is not None:
            with flag_override(node, ["struct", "readonly"], False):
                _keep(node, path, written.leaves)


class _Written:
    """What overrides say, as `leaves`: path -> value, and no mapping but empty ones; `replaced`:
    where they changed the kind."""

    def __init__(self, before: Mapping[str, Any]) -> None:
        self.leaves: dict[Path, Any] = {}
        self.replaced: set[Path] = set()
        self._before = before
        self._kinds: dict[Path, str] = {}  # that overrides gave so far

    def add(self, path: Path, value: Any) -> None:
        whole = isinstance(value, Mapping)
        kinds = _kinds(value, path)
        if path[-1] == KIND and isinstance(value, str):
            kinds = {path[:-1]: value}
        for place, kind in kinds.items():
            given = self._kinds.get(place)
            if kind != (given or self._kind_before(place)):
                self.replaced.add(place)
                # without an earlier kind, `Om.mean=.3 Om.kind=normal` may be in any order
                if whole or given is not None:
                    self._forget(place)
            self._kinds[place] = kind
        if not whole:
            self._forget(path)
        self.leaves |= dict(_leaves(value, path))

    def _kind_before(self, path: Path) -> Any:
        """None: there was no mapping with a kind, and there is nothing to take out."""
        here: Any = self._before
        for part in path:
            here = here.get(part) if isinstance(here, Mapping) else None
        return here.get(KIND) if isinstance(here, Mapping) else None

    def _forget(self, path: Path) -> None:
        self.leaves = {key: value for key, value in self.leaves.items() if key[: len(path)] != path}


def _kinds(value: Any, path: Path) -> dict[Path, str]:
    """Place -> kind, of a mapping and those in it, the outermost first."""
    if not isinstance(value, Mapping):
        return {}
    own = {path: value[KIND]} if isinstance(value.get(KIND), str) else {}
    for key, inner in value.items():
        own |= _kinds(inner, (*path, str(key)))
    return own


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    else:
        yield path, value


def _node(composed: DictConfig, path: Path) -> DictConfig | None:
    here: Any = composed
    for part in path:
        if not isinstance(here, DictConfig) or part not in here:
            return None
        here = here._get_node(part)
    is_open = isinstance(here, DictConfig) and isinstance(here._content, dict)
    return here if is_open else None  # else null, missing, or an interpolation


def _keep(node: DictConfig, path: Path, leaves: Mapping[Path, Any]) -> None:
    """Only what overrides say."""
    for key in list(node):
        own = (*path, str(key))
        if own in leaves:
            if leaves[own] == {}:
                node[key] = {}
        elif any(leaf[: len(own)] == own for leaf in leaves):
            inner = node._get_node(key)
            if isinstance(inner, DictConfig):
                _keep(inner, own, leaves)
        else:
            del node[key]
