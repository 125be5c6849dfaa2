"""`text`: whatever the caller says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from app.flow.slots import Hearing, Reading, SlotType, slot_type
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section


@slot_type("text")
@dataclass(frozen=True, slots=True)
class Text:
    """The words as they were recognised; there is no telling when they are complete."""

    kind: ClassVar[str] = "text"
    expression_type: ClassVar[str] = "text"
    parts: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def read(cls, section: Section, draft: Draft) -> SlotType:
        return cls()

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        words = " ".join(text.split())
        return Reading(words) if any(character.isalnum() for character in words) else None

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        return None

    def native(self, value: Json) -> object:
        return value
