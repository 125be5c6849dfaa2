"""`time`: a time of day. Options `from` and `until`, as 08:00 and 18:00, settle which two o'clock is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Self

from app.flow.languages.calendar import Found
from app.flow.settling import settle
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")


@slot_type("time")
@dataclass(frozen=True, slots=True)
class Time(SlotType):
    """Kept as HH:MM, 24 hours."""

    early: ClassVar[bool] = True
    weighed: ClassVar[bool] = True
    expression_type: ClassVar[str] = "time"
    parts: ClassVar[Mapping[str, str]] = {"hour": "number", "minute": "number"}
    first: str = "00:00"
    last: str = "23:59"

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        return cls(_clock(section, "from") or "00:00", _clock(section, "until") or "23:59")

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        plain, found = _find(text, hearing)
        settled = settle(found, plain, hearing.language)
        if settled is None:
            return None
        readings = (settled.found.value, *settled.found.others)
        value, *others = sorted(readings, key=lambda one: not self.accepts(one, hearing))
        return Reading(value, settled.score, tuple(others), settled.rest, settled.found.weak)

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        """Hour and minute, two keys each."""
        match = re.fullmatch(r"([01]\d|2[0-3])([0-5]\d)", keys.zfill(4) if len(keys) == 3 else keys)
        return Reading(f"{match[1]}:{match[2]}") if match else None

    def key_rule(self) -> KeyRule | None:
        return KeyRule(4, 4)

    def accepts(self, value: Json, hearing: Hearing) -> bool:
        return self.first <= str(value) <= self.last

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        plain, found = _find(text, hearing)
        words = plain.split()
        if words and words[-1] in hearing.language.calendar.open_endings:
            return False
        if not found or plain[found[-1].end :].strip():
            return None
        # a bare hour may go on with its minutes or with its half of the day
        return True if found[-1].value[3:] != "00" or not re.search(r"\d$", plain) else None

    def native(self, value: Json) -> object:
        return time.fromisoformat(str(value))


def _find(text: str, hearing: Hearing) -> tuple[str, list[Found]]:
    plain = " ".join(hearing.language.numbers.numerals(hearing.language.tokens(text)))
    return plain, hearing.language.calendar.find_times(plain)


def _clock(section: Section, key: str) -> str | None:
    text = section.text(key)
    if text is None:
        return None
    match = _CLOCK.fullmatch(text)
    if match is None:
        section.fault(section.fields.values[key].place, f"{key} must be a time of day such as 08:30")
        return None
    return f"{int(match[1]):02}:{match[2]}"
