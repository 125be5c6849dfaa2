"""Dates and times in words: one table of patterns per language, one interpreter for all.

Patterns are regular expressions over an utterance whose numbers are figures already (see numbers.numerals), with
these holes: {weekday} {month} a name; {day} 15 or 15th; {dayth} only 15th; {year} 2026, 20 26 or 26; {n} a count;
{unit} days, weeks, months, years; {hour} {minute} figures; {past} {to} minutes after or before the hour. A group named
`following` is the next month.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import cached_property

from app.flow.languages.numbers import tokens

_HOLES = {
    "day": r"(?P<day>\d{1,2})(?:th)?",
    "dayth": r"(?P<day>\d{1,2})th",
    "year": r"(?P<year>\d{4}|(?:19|20) \d\d|(?:19|20) 0 \d|\d\d)",
    "n": r"(?P<n>\d{1,3})",
    "hour": r"(?P<hour>\d{1,2})",
    "minute": r"(?P<minute>0 \d|\d\d)",
    "past": r"(?P<past>\d{1,2})",
    "to": r"(?P<to>\d{1,2})",
}
# "OH two, fourteen, eighty-five"
_ZERO = "(?:(?:0|oh?) )?"
_NUMERIC = (
    r"(?P<year>\d{4})-(?P<month_number>\d\d?)-(?P<day>\d\d?)",
    r"(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})(?:[/.-](?P<year>\d{4}|\d\d))?",
    r"(?P<first>\d\d)(?P<second>\d\d)(?P<year>(?:19|20)\d\d)",
    rf"{_ZERO}(?P<first>\d{{1,2}})(?:th)? {_ZERO}(?P<second>\d{{1,2}})(?:th)? (?P<year>\d{{4}}|(?:19|20) \d\d|\d\d)",
    r"(?P<first>\d \d) (?P<second>\d \d) (?P<year>\d \d \d \d|\d \d)",
)


@dataclass(frozen=True, slots=True)
class DatePattern:
    """`days` from today; or, with a weekday, `week`: "" the coming one, "this" today counts, "next" of the week after
    this one, "after" a week later than the coming one, "last" the one before today. `ago` counts back.
    """

    pattern: str
    days: int | None = None
    week: str = ""
    ago: bool = False


@dataclass(frozen=True, slots=True)
class TimePattern:
    """`minutes` are added to the hour; `fixed` is a time with a name; a `weak` one is a bare number."""

    pattern: str
    minutes: int = 0
    fixed: time | None = None
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Something found in words[start:end] of an utterance; `others` are its other readings, likeliest first.

    `yearless`: a day of the month or of the year whose year was not said.
    """

    value: str = field(repr=False)
    start: int
    end: int
    others: tuple[str, ...] = field(default=(), repr=False)
    weak: bool = False
    yearless: bool = False


@dataclass(frozen=True)
class Calendar:
    """A language's names and patterns. `weekdays` and `months` begin with Monday and January, in their spoken form.

    `units` are the words for days, weeks, months and years, as one regular expression each. `morning`, `afternoon`
    follow a time and settle its half of the day. `open_endings` are words after which more must come.
    """

    weekdays: Sequence[str]
    months: Sequence[str]
    units: Sequence[str]
    dates: Sequence[DatePattern]
    times: Sequence[TimePattern]
    morning: str
    afternoon: str
    open_endings: frozenset[str]
    short_names: Mapping[str, str]

    @cached_property
    def _holes(self) -> dict[str, str]:
        groups = zip(("days", "weeks", "months", "years"), self.units, strict=True)
        units = "|".join(f"(?P<{name}>{words})" for name, words in groups)
        return {
            **_HOLES,
            "weekday": f"(?P<weekday>{self._names(self.weekdays)})",
            "month": f"(?P<month>{self._names(self.months)})",
            "unit": f"(?:{units})",
            "half": f"(?: (?:(?P<morning>{self.morning})|(?P<afternoon>{self.afternoon})))?",
        }

    def _names(self, names: Sequence[str]) -> str:
        plain = [_plain(name) for name in names]
        short = [short for short, name in self.short_names.items() if name in names]
        return "|".join(sorted(plain + short, key=len, reverse=True))

    @cached_property
    def _dates(self) -> list[tuple[DatePattern, re.Pattern[str]]]:
        numeric = [DatePattern(pattern) for pattern in _NUMERIC]
        return [(one, self._compiled(one.pattern)) for one in (*self.dates, *numeric)]

    @cached_property
    def _times(self) -> list[tuple[TimePattern, re.Pattern[str]]]:
        return [(one, self._compiled(f"(?:{one.pattern})" + "{half}")) for one in self.times]

    def _compiled(self, pattern: str) -> re.Pattern[str]:
        for name, expression in self._holes.items():
            pattern = pattern.replace("{" + name + "}", expression)
        return re.compile(rf"(?<![\w.,:/-])(?:{pattern})(?![\w.,:/-])")

    def find_dates(self, text: str, today: date, *, past: bool, month_first: bool) -> list[Found]:
        """Dates in an utterance, ISO 8601, the longest wordings, in their order. `past`: they lie behind today."""
        found = []
        for pattern, compiled in self._dates:
            for hit in compiled.finditer(text):
                value = self._date(pattern, hit, today, past, month_first)
                # an impossible date keeps its place, lest half of it be taken for another
                text_of = value.isoformat() if value else ""
                found.append(Found(text_of, hit.start(), hit.end(), yearless=_is_yearless(hit)))
        return [one for one in longest(found) if one.value]

    def _date(
        self, pattern: DatePattern, hit: re.Match[str], today: date, past: bool, month_first: bool
    ) -> date | None:
        parts = {name: value for name, value in hit.groupdict().items() if value is not None}
        if pattern.days is not None:
            return today + timedelta(days=pattern.days) + timedelta(days=int(parts.get("n", 0)))
        if "n" in parts and "weekday" in parts:
            coming = _weekday(self._number(parts["weekday"]), "", today, past)
            return coming + timedelta(weeks=int(parts["n"]))
        if "n" in parts or any(unit in parts for unit in ("days", "weeks", "months", "years")):
            return _offset(parts, today, -1 if pattern.ago else 1)
        if "following" in parts:
            year, month = divmod(today.year * 12 + today.month, 12)
            return _valid(year, month + 1, int(parts["day"]))
        if "first" in parts:
            first, second = (int(parts[name].replace(" ", "")) for name in ("first", "second"))
            # there is no 24th month: what can be meant in one way only is
            swapped = first <= 12 if month_first else first <= 12 < second
            day, month = (second, first) if swapped else (first, second)
            return _calendar_date(day, month, parts.get("year"), today, past)
        if "month" in parts or "month_number" in parts:
            month = self._number(parts["month"]) if "month" in parts else int(parts["month_number"])
            return _calendar_date(int(parts["day"]), month, parts.get("year"), today, past)
        if "day" in parts:
            return _day_of_month(int(parts["day"]), today, past)
        return _weekday(self._number(parts["weekday"]), pattern.week, today, past)

    def _number(self, word: str) -> int:
        """The place of a weekday or a month among its kind, from 1."""
        return self._places[word]

    @cached_property
    def _places(self) -> dict[str, int]:
        whole = {
            name: place for names in (self.weekdays, self.months) for place, name in enumerate(names, start=1)
        }
        short = {short: whole[name] for short, name in self.short_names.items()}
        return {**{_plain(name): place for name, place in whole.items()}, **short}

    def find_times(self, text: str) -> list[Found]:
        """Times of day in an utterance, HH:MM, with the other half of the day as the other reading."""
        found = []
        for pattern, compiled in self._times:
            for hit in compiled.finditer(text):
                values = _time_values(pattern, hit)
                if values:
                    weak = pattern.weak and not (hit["morning"] or hit["afternoon"])
                    found.append(Found(values[0], hit.start(), hit.end(), tuple(values[1:]), weak))
        return longest(found)


def _plain(name: str) -> str:
    return " ".join(tokens(name))


def longest(found: Sequence[Found]) -> list[Found]:
    """Without those that lie within or overlap a longer one; ties go to the earlier pattern."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: one.start - one.end):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _offset(parts: Mapping[str, str], today: date, sign: int) -> date | None:
    count = sign * int(parts.get("n", 1))
    if "days" in parts or "weeks" in parts:
        return today + timedelta(days=count * (7 if "weeks" in parts else 1))
    months = today.year * 12 + today.month - 1 + count * (12 if "years" in parts else 1)
    year, month = divmod(months, 12)
    return (
        date(year, month + 1, min(today.day, monthrange(year, month + 1)[1])) if 1 <= year <= 9998 else None
    )


def _is_yearless(hit: re.Match[str]) -> bool:
    parts = {name for name, value in hit.groupdict().items() if value is not None}
    return bool(parts & {"day", "first"}) and "year" not in parts


def _calendar_date(day: int, month: int, year: str | None, today: date, past: bool) -> date | None:
    if year is not None:
        return _valid(_full_year(year.replace(" ", ""), today, past), month, day)
    step = -1 if past else 1
    for candidate in range(today.year, today.year + 9 * step, step):
        value = _valid(candidate, month, day)
        if value is not None and (value <= today if past else value >= today):
            return value
    return None


def _full_year(year: str, today: date, past: bool) -> int:
    """ "85" is the latest year so ending that is not in the future, or of this century for what lies ahead."""
    if len(year) > 2:
        return int(year)
    value = today.year // 100 * 100 + int(year)
    return value - 100 if past and value > today.year else value


def _valid(year: int, month: int, day: int) -> date | None:
    if 1 <= month <= 12 and 1 <= year <= 9998 and 1 <= day <= monthrange(year, month)[1]:
        return date(year, month, day)
    return None


def _day_of_month(day: int, today: date, past: bool) -> date | None:
    for one in _months_from(today, -1 if past else 1):
        value = _valid(one.year, one.month, day)
        if value is not None and (value <= today if past else value >= today):
            return value
    return None


def _months_from(today: date, step: int) -> Iterator[date]:
    for offset in range(0, 13 * step, step):
        year, month = divmod(today.year * 12 + today.month - 1 + offset, 12)
        yield date(year, month + 1, 1)


def _weekday(weekday: int, week: str, today: date, past: bool) -> date:
    """`weekday` 1 is Monday. A weekday's plain name never means today: who means today says so."""
    ahead = (weekday - today.isoweekday() - 1) % 7 + 1
    if week == "next":
        return today - timedelta(days=today.isoweekday() - 1) + timedelta(days=7 + weekday - 1)
    if week == "after":
        return today + timedelta(days=ahead + 7)
    if week == "last" or (past and not week):
        return today + timedelta(days=ahead - 7 if ahead < 7 else -7)
    return today if week == "this" and ahead == 7 else today + timedelta(days=ahead)


def _time_values(pattern: TimePattern, hit: re.Match[str]) -> list[str]:
    parts = {name: value for name, value in hit.groupdict().items() if value is not None}
    if pattern.fixed is not None:
        return [pattern.fixed.strftime("%H:%M")]
    hour, minute = (int(parts.get(name, "0").replace(" ", "")) for name in ("hour", "minute"))
    shift = pattern.minutes + int(parts.get("past", 0)) - int(parts.get("to", 0))
    if hour > 24 or minute > 59 or abs(shift) > 59 or (hour == 24 and minute):
        return []
    return [f"{total // 60 % 24:02}:{total % 60:02}" for total in _totals(hour, minute + shift, parts)]


def _totals(hour: int, minutes: int, parts: Mapping[str, str]) -> list[int]:
    """Minutes since midnight, likeliest first: 7 to 11 before noon, 12 to 6 after it, unless the caller said."""
    if not 1 <= hour <= 12:
        return [(hour * 60 + minutes) % 1440]
    morning, afternoon = (hour % 12 * 60 + minutes) % 1440, ((hour % 12 + 12) * 60 + minutes) % 1440
    if "morning" in parts:
        return [morning]
    if "afternoon" in parts:
        # "twelve at night" is midnight
        return [afternoon if hour < 12 or not parts["afternoon"].endswith("night") else morning]
    return [morning, afternoon] if 7 <= hour < 12 else [afternoon, morning]
