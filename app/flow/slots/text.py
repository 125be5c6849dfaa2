"""`text`: whatever the caller says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.flow.languages import LANGUAGES
from app.flow.slots import Hearing, Reading, SlotType, slot_type


@slot_type("text")
@dataclass(frozen=True, slots=True)
class Text(SlotType):
    """The words as they were recognised; there is no telling when they are complete."""

    takes_anything: ClassVar[bool] = True
    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        words = " ".join(text.split())
        return Reading(words) if any(character.isalnum() for character in words) else None
