"""All settings of a study, with what they mean: the choice of each group, then every value."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel

from app.config import comments
from app.config.compose import check, chosen_in, missing_keys, settle_kinds, unchecked
from app.config.groups import PRESETS, choices, is_group
from app.config.schema import inner, member
from app.config.settings import with_settings
from app.config.study import named_study
from app.config.tree import STUDIES, schema_of
from app.errors import ConfigError, nearest

MISSING = "???"


@dataclass(frozen=True)
class Entry:
    """One key of the example. `children`: those of a mapping. `is_given`: false where the choice of
    the group decides it."""

    key: str
    value: Any
    comment: str = ""
    children: tuple["Entry", ...] = ()
    is_given: bool = True


@dataclass(frozen=True)
class Section:
    """A group: its choice, then its values."""

    title: str
    known: tuple[str, ...]
    entries: tuple[Entry, ...]


def sections_of(study: str, overrides: Sequence[str], conf: Path) -> list[Section]:
    """The settings that `overrides` make of `study`, with those that have only a default.

    Interpolations stay as they are written; what needs a value and has none is `???`.

    Raises:
        ConfigError: no such study, or an override is wrong.
    """
    if study not in STUDIES:
        raise ConfigError(f"{study}: no such study{nearest(study, STUDIES)}")
    told = with_settings(overrides, conf)
    if (other := named_study(told, conf)) not in (None, study):
        raise ConfigError(f"{study}: the overrides name the study {other}")
    composed = unchecked([f"study={study}", *_without_study(told)], conf)
    if missing_keys(composed):
        settle_kinds(composed, told, chosen_in(composed), conf)
    else:
        check(composed, told, chosen_in(composed), conf)
    return _sections(study, composed, _Choices(study, composed, told, conf), conf)


def _without_study(told: Sequence[str]) -> list[str]:
    return [item for item in told if not item.startswith("study=")]


def _sections(study: str, composed: DictConfig, chosen: "_Choices", conf: Path) -> list[Section]:
    values: Any = OmegaConf.to_container(composed, resolve=False)
    schema = schema_of(study)
    files = [conf / "config.yaml", conf / "study" / f"{study}.yaml"]
    of_groups = {**comments.of_defaults(files[0]), **comments.of_defaults(files[1])}
    own = [*comments.of_defaults(files[1]), *comments.of_defaults(files[0])]
    groups = [name for name in own if name in values and is_group(name, conf) and name != "study"]
    of_values = {**comments.of_values(files[0]), **comments.of_values(files[1])}
    presets = [Entry(name, chosen.of(name), of_groups[name]) for name in PRESETS]
    first = [
        Entry("study", study, of_groups["study"]),
        *(entry for entry in presets if entry.value is not None),
        *(
            Entry(name, _value(schema, name, values), of_values.get(name) or _told(schema, name))
            for name in schema.model_fields
            if name != "study" and name not in groups
        ),
    ]
    return [Section("", (), tuple(first))] + [
        Section(
            of_groups[name],
            tuple(choices(name, conf)),
            (
                Entry(name, chosen.of(name)),
                *_entries_of(schema, name, values[name], chosen.overridden),
            ),
        )
        for name in groups
    ]


def _entries_of(
    schema: type[BaseModel], group: str, value: Any, overridden: Collection[str]
) -> tuple[Entry, ...]:
    """The values of a group, each with its dotted key."""
    model = member(inner(schema, group), value)
    return tuple(
        replace(one, key=key, is_given=key in overridden or not _is_tag(model, one.key))
        for one in _entries(inner(schema, group), value)
        for key in [f"{group}.{one.key}"]
    )


def _is_tag(model: Any, name: str) -> bool:
    """Whether it is what tells the choices of a group apart, which each of their files has."""
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return is_model and name in model.model_fields and len(_words(model, name)) == 1


def _entries(schema: Any, value: Any) -> Iterator[Entry]:
    """The keys of a mapping, those of its schema first, in its order."""
    model = member(schema, value)
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    fields = list(model.model_fields) if is_model else []
    for name in [*fields, *(key for key in value if key not in fields)]:
        here = _value(model, name, value) if name in fields else value[name]
        comment = _told(model, name) if name in fields else ""
        children = tuple(_entries(inner(model, name), here)) if isinstance(here, Mapping) else ()
        yield Entry(name, _whole(here, children), comment, children)


def _told(model: type[BaseModel], name: str) -> str:
    """The comment of a field, and the words it may be."""
    words, comment = _words(model, name), comments.of_field(model, name)
    if len(words) < 2 or all(word in comment for word in words):
        return comment
    return " | ".join(words) + (f": {comment}" if comment else "")


def _words(model: type[BaseModel], name: str) -> list[str]:
    annotation = model.model_fields[name].annotation
    parts = [annotation, *get_args(annotation)]
    return [str(word) for part in parts if get_origin(part) is Literal for word in get_args(part)]


def _whole(value: Any, children: Sequence[Entry]) -> Any:
    """With the defaults of the keys it does not name; without those that have no value."""
    if not isinstance(value, Mapping):
        return value
    return {child.key: child.value for child in children if child.value != MISSING}


def _value(model: type[BaseModel], name: str, values: Mapping[str, Any]) -> Any:
    """As composed, or the schema's default; as JSON has it."""
    if name in values:
        return values[name]
    field = model.model_fields[name]
    if field.is_required():
        return MISSING
    default = model.model_construct(**{name: field.get_default(call_default_factory=True)})
    return default.model_dump(mode="json", include={name})[name]


class _Choices:
    """Of each group; Hydra tells those of single choices, and not of several."""

    def __init__(self, study: str, composed: DictConfig, told: Sequence[str], conf: Path) -> None:
        self.single = composed.hydra.runtime.choices
        self.several: dict[str, Any] = {}
        self.overridden = {item.lstrip("+").partition("=")[0] for item in told}
        for file in (
            conf / "study" / f"{study}.yaml",
            *(conf / group / f"{self.single.get(group)}.yaml" for group in PRESETS),
        ):
            self._read(file)
        for item in told:
            group, _, value = item.lstrip("+").partition("=")
            if value.startswith("["):
                self.several[group] = re.findall(r"[\w.-]+", value)

    def of(self, group: str) -> Any:
        return self.single[group] if group in self.single else self.several.get(group, MISSING)

    def _read(self, file: Path) -> None:
        if not file.is_file():
            return
        for item in yaml.safe_load(file.read_text(encoding="utf-8")).get("defaults", []):
            if isinstance(item, dict):
                for name, value in item.items():
                    self.several[name.removeprefix("override ").lstrip("/")] = value
