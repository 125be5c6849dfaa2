"""Opening hours, on the clock of where the flow lives."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from app.errors import FlowError
from app.flow.document import Fields, parse
from app.flow.hours import Hours, read_hours
from app.flow.section import Section
from app.flow.slots import Day

RULES = "Mo-Fr 08:00-12:00,13:00-18:00; Sa 09:00-12:00; PH off; Dec 24 08:00-12:00"


def hours(rules: str = RULES) -> Hours:
    faults: list[FlowError] = []
    tree = parse(f'desk: {{open: "{rules}", timezone: America/New_York, country: US}}', "x.yaml", faults)
    assert isinstance(tree, Fields)
    found = read_hours(Section(tree, "hours", faults))
    assert not faults
    return found["desk"]


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("day", "at", "is_open"),
    [
        (date(2026, 11, 16), None, True),
        (Day(2026, 11, 16), None, True),
        (date(2026, 11, 14), None, False),
        (date(2026, 11, 26), None, False),
        (date(2026, 11, 16), time(9), True),
        (date(2026, 11, 16), time(7), False),
        (date(2026, 11, 26), time(9), False),
    ],
)
def test_open_on_a_day(day: date, at: time | None, is_open: bool) -> None:
    assert hours("Mo-Fr 08:00-18:00; PH off").opens_on(day, at) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-13T08:00", True),
        ("2026-11-13T07:59", False),
        ("2026-11-13T12:00", False),
        ("2026-11-13T13:00", True),
        ("2026-11-13T17:59", True),
        ("2026-11-13T18:00", False),
        ("2026-11-14T10:00", True),
        ("2026-11-14T13:00", False),
        ("2026-11-15T10:00", False),
        ("2026-11-26T10:00", False),
        ("2026-12-24T10:00", True),
        ("2026-12-24T14:00", False),
        ("2026-12-25T10:00", False),
    ],
)
def test_open(moment: str, is_open: bool) -> None:
    assert hours().open_at(new_york(moment)) is is_open


def test_the_zone_decides_not_the_clock_it_is_read_on() -> None:
    assert hours().open_at(datetime(2026, 11, 13, 13, 0, tzinfo=UTC))
    assert not hours().open_at(datetime(2026, 11, 13, 10, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-13T22:30", True),
        ("2026-11-14T01:59", True),
        ("2026-11-14T02:00", False),
        ("2026-11-15T22:30", False),
    ],
)
def test_a_span_past_midnight_belongs_to_the_day_it_begins_on(moment: str, is_open: bool) -> None:
    assert hours("Fr,Sa 22:00-02:00").open_at(new_york(moment)) is is_open


def test_always_open() -> None:
    assert hours("24/7").open_at(new_york("2026-12-25T03:00"))
    assert hours("Sa-Mo 10:00-11:00").open_at(new_york("2026-11-15T10:30"))
    assert repr(hours("24/7")) == "Hours(1 rules, America/New_York, US)"
