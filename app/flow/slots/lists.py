"""`list`: several values that a service gave; spoken as "nine thirty and two o'clock", not asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.flow.languages import LANGUAGES
from app.flow.slots import SlotType, slot_type
from app.flow.values import Json


@slot_type("list")
@dataclass(frozen=True, slots=True)
class List(SlotType):
    expression_type: ClassVar[str] = "list"
    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)

    def native(self, value: Json) -> object:
        return tuple(value) if isinstance(value, list) else (value,)
