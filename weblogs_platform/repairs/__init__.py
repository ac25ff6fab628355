"""The repairs that quarantined records can be replayed with, by name. Adding one is a module here and a line below."""

from __future__ import annotations

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.repair import Repair
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.repairs.anonymous_visitor import ANONYMOUS_VISITOR
from weblogs_platform.repairs.control_characters import CONTROL_CHARACTERS
from weblogs_platform.repairs.milliseconds import MILLISECONDS
from weblogs_platform.repairs.rating_text import RATING_TEXT
from weblogs_platform.repairs.user_id_spelling import USER_ID_SPELLING
from weblogs_platform.repairs.western_text import WESTERN_TEXT

REPAIRS: tuple[Repair, ...] = (
    ANONYMOUS_VISITOR,
    CONTROL_CHARACTERS,
    MILLISECONDS,
    RATING_TEXT,
    USER_ID_SPELLING,
    WESTERN_TEXT,
)


def repair_named(name: str, spec: StreamSpec) -> Repair:
    """The repair of that name for records of that stream. Raises InvalidName, listing the names there are."""
    usable = [repair for repair in REPAIRS if spec.name in repair.streams]
    for repair in usable:
        if repair.name == name:
            return repair
    there_are = ", ".join(repair.name for repair in usable) or "none"
    raise InvalidName(f"no repair {name!r} for {spec.name}; there are: {there_are}")
