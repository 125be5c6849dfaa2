"""The expression language: what it can say, and what an unset slot does to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.flow.expressions import compile_expression
from app.flow.slots import Day

TYPES = {
    "party": "number",
    "vip": "flag",
    "word": "text",
    "day": "date",
    "day.weekday": "number",
    "at": "time",
    "offer": "list",
    "today": "date",
    "caller.number": "text",
}
VALUES: Mapping[str, object] = {
    "party": 4,
    "vip": True,
    "word": "tea",
    "day": Day(2026, 11, 17),
    "day.weekday": 2,
    "at": time(9, 30),
    "offer": ("09:30", "14:00"),
    "today": Day(2026, 11, 13),
    "caller.number": "+15550100",
}


class Scope:
    def __init__(self, **values: Any) -> None:
        self._values = {**VALUES, **values}
        self.unset_names: list[str] = []

    def value(self, name: str) -> object:
        return self._values[name]

    def is_open(self, hours: str, day: date | None = None, at: time | None = None) -> bool:
        return hours == "desk" and day != Day(2026, 12, 25) and at != time(7)

    def unset(self, name: str) -> None:
        self.unset_names.append(name)


def evaluate(source: str, **values: Any) -> object:
    return compile_expression(source, TYPES, ("desk", "shop")).evaluate(Scope(**values))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("party > 3", True),
        ("party >= 5", False),
        ("party == 4 and vip", True),
        ("not vip or party < 2", False),
        ("not (vip and party < 2)", True),
        ("party > 3 or party.nothing", None),
        ('word == "tea"', True),
        ("word != 'tea'", False),
        ("day > today", True),
        ('day == "2026-11-17"', True),
        ('"2026-12-24" > day', True),
        ("day.weekday > 5", False),
        ('at < "12:00"', True),
        ("at in offer", True),
        ('"10:00" in offer', False),
        ("length(offer) == 2", True),
        ("length(word) + party * 2 - 1", 10),
        ('is_open("desk")', True),
        ('is_open("desk", day)', True),
        ('is_open("desk", day, at)', True),
        ('not is_open("shop")', True),
        ("offer", ("09:30", "14:00")),
        ("vip == true", True),
        ("party == 4.0", True),
        ('caller.number == "+15550100"', True),
    ],
)
def test_value(source: str, expected: object) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="there is no value"):
            evaluate(source)
    else:
        assert evaluate(source) == expected


@pytest.mark.parametrize(
    "source", ["party > 3", "party <= 3", "party == 4", "party != 4", "day < today", "at in offer"]
)
def test_a_comparison_with_an_unset_slot_is_false_and_says_so(source: str) -> None:
    scope = Scope(party=None, day=None, at=None)
    assert compile_expression(source, TYPES, ()).evaluate(scope) is False
    assert scope.unset_names


def test_an_unset_slot_is_false_by_itself_and_nought_in_a_sum() -> None:
    assert evaluate("not offer", offer=None) is True
    assert evaluate("not vip", vip=None) is True
    assert evaluate("party + 1", party=None) == 1


def test_the_second_half_is_not_looked_at_when_the_first_decides() -> None:
    scope = Scope(party=None)
    assert compile_expression("vip or party > 3", TYPES, ()).evaluate(scope) is True
    assert scope.unset_names == []


def test_an_expression_knows_what_it_looks_at() -> None:
    expression = compile_expression('day.weekday > 5 and not vip or is_open("desk")', TYPES, ("desk",))
    assert expression.names == {"day.weekday", "vip"}
    assert expression.type == "flag"
    assert repr(expression).startswith("Expression(source='day.weekday > 5")


KINDS: Mapping[str, tuple[type, ...]] = {
    "number": (int, float),
    "flag": (bool,),
    "text": (str,),
    "date": (Day,),
    "time": (time,),
    "list": (tuple,),
}
SIGNS = ("(", ")", "<", "<=", "==", "!=", "+", "-", "*", ",", "and", "or", "not", "in")
WORDS = (
    *TYPES,
    *SIGNS,
    "length(",
    "is_open(",
    '"desk"',
    '"2026-12-24"',
    "'09:30'",
    "4",
    "2.5",
    "true",
    "nobody",
)


@given(
    st.text(alphabet="party vipword()<>=!+-*.,'\"0123456789notandor_", max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
)
@example("at")
@example("day")
@example("offer")
def test_nothing_but_a_clear_refusal_comes_of_nonsense(source: str) -> None:
    """Or a value of the kind that the expression was said to have."""
    try:
        expression, refusal = compile_expression(source, TYPES, ("desk",)), ""
    except ValueError as error:
        expression, refusal = None, str(error)
    if expression is None:
        assert refusal
        return
    assert expression.names <= TYPES.keys()
    assert type(expression.evaluate(Scope())) in KINDS[expression.type]


def test_hours_of_another_day() -> None:
    assert evaluate('not is_open("desk", day)', day=Day(2026, 12, 25)) is True
    assert evaluate('is_open("desk", day, at)', at=time(7)) is False
    assert evaluate('is_open("desk", day)', day=None) is False


@pytest.mark.parametrize(
    "source", ['is_open("desk", party)', 'is_open("desk", day, day)', 'is_open("desk", at)']
)
def test_hours_are_of_a_day_and_then_of_a_time(source: str) -> None:
    with pytest.raises(ValueError, match="is_open takes a date, and then a time"):
        evaluate(source)


def test_a_function_says_how_much_it_takes() -> None:
    with pytest.raises(ValueError, match="length takes one value"):
        evaluate("length(word, word)")
