"""What a schema says of a place in the tree."""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, RootModel


def inner(schema: Any, part: str) -> Any:
    """What stands at the key `part` of a model or mapping; None where nothing is said of it."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        field = schema.model_fields.get(part)
        return field.annotation if field else None
    return get_args(schema)[1] if get_origin(schema) is dict else None


def member(schema: Any, here: Any) -> Any:
    """Unwraps annotations, root models and optional types; of a union, the member that `here`'s
    tag (`strategy`, `family`, `kind`, `name`) chooses."""
    if get_origin(schema) is Annotated:
        return member(get_args(schema)[0], here)
    if get_origin(schema) in (Union, UnionType):
        members = [member(item, here) for item in get_args(schema) if item is not type(None)]
        tags = _texts(here)
        for one in members:
            if tags & _tags(one):
                return one
        return members[0]
    if isinstance(schema, type) and issubclass(schema, RootModel):
        return member(schema.model_fields["root"].annotation, here)
    return schema


def _texts(here: Any) -> set[str]:
    values = here.values() if isinstance(here, dict) else ()
    return {value for value in values if isinstance(value, str)}


def _tags(member: Any) -> set[Any]:
    fields = member.model_fields if hasattr(member, "model_fields") else {}
    return {
        value
        for name in ("strategy", "family", "kind", "name")
        if name in fields
        for value in get_args(fields[name].annotation)
    }
