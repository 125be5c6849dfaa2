"""`yes_no`: true or false; keys 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.flow.phrases import begins, complete, words_of
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.yes_no import understand_yes_no, yes_no_phrases


@slot_type("yes_no")
@dataclass(frozen=True, slots=True)
class YesNo(SlotType):
    expression_type: ClassVar[str] = "flag"

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        found = understand_yes_no(text, hearing.language)
        return Reading(found.name == "yes", found.score) if found else None

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        return Reading(keys == "1") if keys in ("1", "2") else None

    def key_rule(self) -> KeyRule | None:
        return KeyRule(1, 1, "")

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        return complete(words_of(text), yes_no_phrases(hearing.language).values(), hearing.language)

    def begins(self, text: str, hearing: Hearing) -> bool:
        return begins(words_of(text), yes_no_phrases(hearing.language).values(), hearing.language)
