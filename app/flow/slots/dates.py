"""`date`: a day. Options `from`, `until`, `after`, `before`: today, tomorrow, `60 days`, `18 years ago`, 2026-12-24.

A slot whose latest day is not ahead of us asks for the past: "the 15th" is then the last 15th, not the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Self

from app.flow.document import Place
from app.flow.languages import LANGUAGES
from app.flow.languages.calendar import Found
from app.flow.languages.numbers import tokens
from app.flow.settling import settle
from app.flow.slots import DAY_PARTS, Day, Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

_NAMED: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_DISTANCE: Final = re.compile(r"(\d{1,4}) (day|week|month|year)s?( ago)?")
_YEAR: Final = timedelta(days=366)
# of a birthday that was said without its year: asked back
_YEAR_GUESSED: Final = 0.5
_DAYS: Final = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}


@dataclass(frozen=True, slots=True)
class Bound:
    """A day counted from today, or a fixed one."""

    days: int = 0
    fixed: date | None = None

    def day(self, today: date) -> date:
        return self.fixed or today + timedelta(days=self.days)


@slot_type("date")
@dataclass(frozen=True, slots=True)
class Date(SlotType):
    """Kept as ISO 8601 text. `first` and `last` are the bounds, both allowed days."""

    early: ClassVar[bool] = True
    weighed: ClassVar[bool] = True
    expression_type: ClassVar[str] = "date"
    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    parts: ClassVar[Mapping[str, str]] = DAY_PARTS
    first: Bound | None = None
    last: Bound | None = None

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        return cls(_either(section, "from", "after", 1), _either(section, "until", "before", -1))

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        plain, found = self._find(text, hearing)
        settled = settle(found, plain, hearing.language)
        if settled is None:
            return None
        guessed = settled.found.yearless and self._needs_year(hearing)
        score = min(settled.score, _YEAR_GUESSED) if guessed else settled.score
        return Reading(settled.found.value, score, rest=settled.rest)

    def _needs_year(self, hearing: Hearing) -> bool:
        """Whether it lies in the past, and farther back than the last day of that name: a date of birth."""
        today = hearing.today
        return self._is_past(today) and (self.first is None or today - self.first.day(today) > _YEAR)

    def _is_past(self, today: date) -> bool:
        return self.last is not None and self.last.day(today) <= today

    def _find(self, text: str, hearing: Hearing) -> tuple[str, list[Found]]:
        language = hearing.language
        plain = " ".join(language.numbers.numerals(language.tokens(text)))
        past = self._is_past(hearing.today)
        month_first = hearing.country in ("US", "") and language.code == "en"
        return plain, language.calendar.find_dates(plain, hearing.today, past=past, month_first=month_first)

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        """Day and month, two keys each, in the US the other way round; with two or four more for the year."""
        if len(keys) not in (4, 6, 8) or not keys.isdigit():
            return None
        written = f"{keys[:2]}/{keys[2:4]}" + (f"/{keys[4:]}" if keys[4:] else "")
        past, calendar = self._is_past(hearing.today), hearing.language.calendar
        month_first = hearing.country == "US" and hearing.language.code == "en"
        found = calendar.find_dates(written, hearing.today, past=past, month_first=month_first)
        return Reading(found[0].value) if found else None

    def key_rule(self) -> KeyRule | None:
        return KeyRule(8)

    def accepts(self, value: Json, hearing: Hearing) -> bool:
        day = date.fromisoformat(str(value))
        early = self.first is not None and day < self.first.day(hearing.today)
        return not early and (self.last is None or day <= self.last.day(hearing.today))

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        plain, found = self._find(text, hearing)
        words = plain.split()
        if not found:
            return False if not words or words[-1] in hearing.language.calendar.open_endings else None
        if plain[found[-1].end :].strip():
            return False if words[-1] in hearing.language.calendar.open_endings else None
        if found[-1].yearless and self._needs_year(hearing):
            return None
        # "the fifteenth" may go on with its month; a weekday or a month says it all
        return None if re.search(r"\d(?:th)?$", plain) and not _names_month(plain, hearing) else True

    def native(self, value: Json) -> object:
        return Day.fromisoformat(str(value))


def _names_month(plain: str, hearing: Hearing) -> bool:
    names = {" ".join(tokens(name)) for name in hearing.language.calendar.months}
    return bool(names & set(plain.split())) or bool(re.search(r"[/.-]", plain))


def _either(section: Section, inclusive: str, exclusive: str, step: int) -> Bound | None:
    """`from` and `after` bound the same side; the second leaves its own day out."""
    key = inclusive if inclusive in section else exclusive
    if inclusive in section and exclusive in section:
        section.fault(section.place_of(exclusive), f"use either {inclusive} or {exclusive}")
    text = section.text(key)
    section.tree(exclusive)
    section.tree(inclusive)
    if text is None:
        return None
    bound = _bound(text, section, section.fields.values[key].place)
    if key == inclusive or bound is None:
        return bound
    return Bound(bound.days + step, bound.fixed and bound.fixed + timedelta(days=step))


def _bound(text: str, section: Section, place: Place) -> Bound | None:
    distance = _DISTANCE.fullmatch(text)
    if text in _NAMED:
        return Bound(_NAMED[text])
    if distance:
        days = round(int(distance[1]) * _DAYS[distance[2]])
        return Bound(-days if distance[3] else days)
    try:
        return Bound(fixed=date.fromisoformat(text))
    except ValueError:
        section.fault(
            place, f'"{text}" is no day; write today, tomorrow, 60 days, 18 years ago or 2026-12-24'
        )
        return None
