"""Opening hours: `open: "Mo-Fr 08:00-18:00; Sa 09:00-12:00; PH off"`, with a time zone and a country for holidays.

The notation is the core of OpenStreetMap's opening_hours: rules separated by ";", of which the last that names a day
decides for that day; days as Mo-Fr, Mo,We, PH for public holidays, or `Dec 24`; several spans separated by commas;
`off` for closed; `24/7` for always. A span past midnight (22:00-02:00) belongs to the day it begins on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.flow.section import Section

WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
YEARS: Final = range(2024, 2050)
_RULE = re.compile(
    r"(?:(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}(?= ))|(?P<days>[A-Za-z,-]+))? ?(?P<spans>off|24/7|[\d:,-]+)"
)
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """On these days, open in these spans (minutes since midnight, the end exclusive and maybe past 1440)."""

    weekdays: frozenset[int]
    holidays: bool
    day: tuple[int, int] | None
    spans: tuple[Span, ...]

    def covers(self, day: date, holiday: bool) -> bool:
        if self.day is not None:
            return (day.month, day.day) == self.day
        return (self.holidays and holiday) or day.weekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class Hours:
    """`holidays` are the country's public ones, in the years that matter."""

    rules: tuple[Rule, ...]
    zone: ZoneInfo
    country: str = ""
    holidays: frozenset[date] = frozenset()

    def open_at(self, moment: datetime) -> bool:
        """`moment` has its own offset; the hours are those of the zone."""
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        return any(start <= minute < end for start, end in self.spans(today)) or any(
            start <= minute + 1440 < end for start, end in self.spans(yesterday)
        )

    def opens_on(self, day: date, at: time | None = None) -> bool:
        """Whether it opens on a day at all, or is open at that time of it."""
        # a flow's own dates count their weekdays from 1
        day = date.fromordinal(day.toordinal())
        if at is None:
            return bool(self.spans(day))
        return self.open_at(datetime.combine(day, at, self.zone))

    def spans(self, day: date) -> tuple[Span, ...]:
        """When it opens on a day; none: it does not."""
        holiday = day in self.holidays
        return next((rule.spans for rule in reversed(self.rules) if rule.covers(day, holiday)), ())

    def __repr__(self) -> str:
        return f"Hours({len(self.rules)} rules, {self.zone.key}, {self.country or 'no country'})"


def read_hours(section: Section | None) -> dict[str, Hours]:
    """The `hours:` of a flow, by name."""
    if section is None:
        return {}
    found = {}
    for name, inner in section.sections("hours {}"):
        # what is wrong with them is told once, not wherever they are asked
        found[name] = _read(inner) or Hours((), ZoneInfo("UTC"))
    return found


def _read(section: Section) -> Hours | None:
    text, zone, country = section.text("open"), _zone(section), section.text("country") or ""
    if text is None:
        section.missing("open", '"Mo-Fr 08:00-18:00; PH off"')
    section.finish()
    try:
        rules = tuple(_rule(one.strip()) for one in (text or "off").split(";") if one.strip())
        holidays = public_holidays(country) if country else frozenset()
    except ValueError as error:
        section.fault(section.place_of("open"), str(error))
        return None
    if any(rule.holidays for rule in rules) and not country:
        section.missing("country", "US")
    return Hours(rules, zone, country, holidays) if zone else None


def _zone(section: Section) -> ZoneInfo | None:
    name = section.text("timezone")
    if name is None:
        section.missing("timezone", "America/New_York")
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        section.fault(
            section.place_of("timezone"), f'there is no time zone "{name}"; write one such as Europe/Madrid'
        )
        return None


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise ValueError(
            f'"{text}" is no rule of opening hours; write one such as Mo-Fr 08:00-18:00 or PH off'
        )
    weekdays, holidays = _days(match["days"], text)
    day = (_index(match["month"], MONTHS, text) + 1, int(match["day"])) if match["month"] else None
    return Rule(weekdays, holidays, day, _spans(match["spans"], text))


def _days(days: str | None, text: str) -> tuple[frozenset[int], bool]:
    if days is None:
        return frozenset(range(7)), False
    weekdays: set[int] = set()
    for part in days.split(","):
        if part != "PH":
            first, _, last = part.partition("-")
            start, end = _index(first, WEEKDAYS, text), _index(last or first, WEEKDAYS, text)
            weekdays |= {(start + offset) % 7 for offset in range((end - start) % 7 + 1)}
    return frozenset(weekdays), "PH" in days.split(",")


def _index(name: str, names: tuple[str, ...], text: str) -> int:
    if name not in names:
        raise ValueError(f'"{name}" in "{text}" is none of {", ".join(names)}')
    return names.index(name)


def _spans(spans: str, text: str) -> tuple[Span, ...]:
    if spans == "off":
        return ()
    if spans == "24/7":
        return ((0, 1440),)
    found = []
    for one in spans.split(","):
        match = _SPAN.fullmatch(one)
        if match is None:
            raise ValueError(f'"{one}" in "{text}" is no span of time; write one such as 08:00-18:00')
        start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        found.append((start, end if end > start else end + 1440))
    return tuple(found)


@cache
def public_holidays(country: str) -> frozenset[date]:
    """The public holidays of a country (ISO 3166-1) in YEARS. Raises ValueError where it is not known.

    Some 200 ms the first time: flows are loaded before calls come in.
    """
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=YEARS))
    except NotImplementedError:
        raise ValueError(
            f'no holidays are known for the country "{country}"; write its two letters: US, ES'
        ) from None
