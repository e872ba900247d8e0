"""The conceptual file `ideology.yml`: families of ideas, their sides, and who belongs to them.

families:
  far_left:                # far_left, left, center, right, far_right
    side: left             # left, right, or null
    about: ...
    actors: [...]          # of the family, of no subfamily
    subfamilies:
      revolutionary: {about: ..., actors: [...]}
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import ValidationError

from app.config.base import Group
from app.errors import InputError
from app.pipelines.ideo.normalise import normalise

LABELS = ("side_binary", "global_five", "intra_left", "intra_right")


class Subfamily(Group):
    about: str
    actors: list[str] = []


class Family(Group):
    about: str
    side: Literal["left", "right"] | None = None
    actors: list[str] = []
    subfamilies: dict[str, Subfamily] = {}


class Concept(Group):
    families: dict[Literal["far_left", "left", "center", "right", "far_right"], Family]


def actor_labels(concept: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    """The labels (`LABELS`) of every actor the conceptual file names, by normalised actor id.

    Raises:
        InputError: the file has another form, or names an actor twice.
    """
    try:
        families = Concept.model_validate(dict(concept)).families
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"ideology file, {place or 'top'}: {first['msg']}; its form is in docs/ideo.md"
        ) from error
    labels: dict[str, dict[str, str | None]] = {}
    for family_id, family in families.items():
        for subfamily_id, name in _members(family):
            actor = normalise(name)
            if actor in labels:
                raise InputError(
                    f"ideology file: actor {name!r} is in families {labels[actor]['global_five']} "
                    f"and {family_id}; leave it in one place"
                )
            labels[actor] = {
                "side_binary": family.side,
                "global_five": family_id,
                "intra_left": subfamily_id if family.side == "left" else None,
                "intra_right": subfamily_id if family.side == "right" else None,
            }
    return labels


def _members(family: Family) -> Iterator[tuple[str | None, str]]:
    """(subfamily or None, actor name) of everyone in the family."""
    for name in family.actors:
        yield None, name
    for subfamily_id, subfamily in family.subfamilies.items():
        for name in subfamily.actors:
            yield subfamily_id, name
