"""The common root of every config group: frozen, and closed to keys it does not know."""

from pydantic import BaseModel, ConfigDict

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"  # of folders and files


class Group(BaseModel):
    """A config group. Unknown keys are errors, values are never coerced across kinds, and a
    built group cannot be changed: what a node receives is what the user wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())
