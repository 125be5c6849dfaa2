"""Templates speak values and can do nothing else; values are spoken as people say them."""

from __future__ import annotations

from datetime import date, time

import pytest

from app.flow.languages import language
from app.flow.languages.numbers import tokens
from app.flow.slots import Day
from app.flow.speaking import Digits, say, say_money
from app.flow.templates import compile_template

TODAY = date(2026, 11, 13)
VALUES = {
    "language": "en",
    "today": TODAY,
    "day": Day(2026, 11, 17),
    "at": time(9, 30),
    "times": ("09:30", "14:00"),
    "code": Digits("4471"),
    "price": 12.5,
    "name": "Ana",
    "nothing": None,
    "caller": {"number": "+15550100"},
}


def render(source: str, **values: object) -> str:
    return compile_template(source).render({**VALUES, **values})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello.", "Hello."),
        ("Hello{% if name %} {{ name }}{% endif %}.", "Hello Ana."),
        ("Hello{% if nothing %} {{ nothing }}{% endif %}.", "Hello."),
        ("{{ nothing }}{{ nothing | spoken }}x", "x"),
        ("{{ day }} {{ at }} {{ code }}", "2026-11-17 09:30 4471"),
        ("{{ day | spoken }} at {{ at | spoken }}", "Tuesday, November seventeenth at nine thirty"),
        ("{{ times | spoken }}", "nine thirty and two o'clock"),
        ("{{ code | digits }}, {{ code | spoken }}", "four four seven one, four four seven one"),
        ('{{ price | money("EUR") }}', "twelve euros and fifty cents"),
        ("{{ caller.number | digits }}", "plus one five five five, zero one zero zero"),
        ("{% if day.weekday > 1 and not nothing %}later{% else %}soon{% endif %}", "later"),
        ("{% if nothing > 1 or nothing != 1 or 1 < nothing %}yes{% else %}no{% endif %}", "no"),
        ("{% if nothing.weekday < 9 or not nothing.weekday %}{{ nothing.weekday }}unset{% endif %}", "unset"),
        ("{% if caller.name %}yes{% else %}{{ caller.name }}no{% endif %}", "no"),
        ('{% if day > "2026-11-16" and at < "10:00" and not at == "later" %}yes{% endif %}', "yes"),
        ("{% if at in times and code not in times %}on offer{% endif %}", "on offer"),
        ("{% if 1 < price < 12 or name > 1 %}yes{% else %}no{% endif %}", "no"),
        ("a\n  b   c", "a b c"),
    ],
)
def test_render(source: str, text: str) -> None:
    assert render(source) == text


def test_a_static_text_is_known_as_such() -> None:
    assert compile_template("Hello.").static
    assert not compile_template("Hello {{ name }}.").static
    assert compile_template("{{ caller.number }}{{ day.weekday }}{{ name }}").names == {
        "caller.number",
        "day.weekday",
        "name",
    }


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ name.upper() }}",
        "{{ name['x'] }}",
        "{{ name | attr('x') }}",
        "{{ range(10) }}",
        "{{ 'a' * 9 }}",
        "{{ caller.number.real }}",
        "{% for x in times %}x{% endfor %}",
        "{% include 'x' %}",
        "{% macro x() %}{% endmacro %}",
        "{% set x = 1 %}",
        "{% import 'x' as y %}",
        "{% block x %}{% endblock %}",
        "{% raw %}{% endblock",
        "{{ [1, 2] }}",
        "{{ name ~ name }}",
        "{{ 1 if name else 2 }}",
        "{{",
        "x" * 5000,
    ],
)
def test_anything_else_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        compile_template(source)


@pytest.mark.parametrize(
    ("code", "value", "words"),
    [
        ("en", date(2026, 11, 21), "Saturday, November twenty-first"),
        ("en", date(1985, 2, 14), "Thursday, February fourteenth, nineteen eighty five"),
        ("en", date(2005, 3, 3), "Thursday, March third, two thousand five"),
        ("en", date(2027, 12, 1), "Wednesday, December first, twenty twenty seven"),
        ("en", time(14, 0), "two o'clock"),
        ("en", time(12, 0), "noon"),
        ("en", time(0, 0), "midnight"),
        ("en", time(9, 5), "nine oh five"),
        ("en", time(20, 15), "eight fifteen in the evening"),
        ("en", time(6, 30), "six thirty in the morning"),
        ("en", True, "yes"),
        ("en", 1250, "one thousand two hundred fifty"),
        ("en", -2.5, "minus two point five"),
        ("en", ["09:30"], "nine thirty"),
        ("en", ["2026-11-17", "tea", 3], "Tuesday, November seventeenth, tea and three"),
        ("es", date(2026, 12, 1), "martes primero de diciembre"),
        ("es", date(1985, 2, 14), "jueves catorce de febrero de mil novecientos ochenta y cinco"),
        ("es", time(9, 30), "nueve y media"),
        ("es", time(13, 15), "una y cuarto de la tarde"),
        ("es", 121, "ciento veintiuno"),
        ("es", False, "no"),
        ("fr", date(2026, 12, 1), "mardi premier décembre"),
        ("fr", time(14, 30), "quatorze heures trente"),
        ("fr", 71, "soixante et onze"),
        ("de", date(2026, 11, 17), "Dienstag, siebzehnter November"),
        ("de", time(9, 30), "neun Uhr dreißig"),
        ("de", 985, "neunhundertfünfundachtzig"),
        ("it", date(2026, 11, 17), "martedì diciassette novembre"),
        ("it", 28, "ventotto"),
    ],
)
def test_values_are_spoken_in_the_language(code: str, value: object, words: str) -> None:
    assert say(value, language(code), TODAY) == words


@pytest.mark.parametrize(
    ("code", "amount", "currency", "words"),
    [
        ("en", 1, "USD", "one dollar"),
        ("en", 0.01, "GBP", "zero pounds and one penny"),
        ("en", -3.2, "USD", "minus three dollars and twenty cents"),
        ("en", 5, "XYZ", "five XYZ"),
        ("es", 21.5, "EUR", "veintiuno euros con cincuenta céntimos"),
    ],
)
def test_money(code: str, amount: float, currency: str, words: str) -> None:
    assert say_money(amount, currency, language(code)) == words


@pytest.mark.parametrize("code", ["en", "es", "fr", "de", "it"])
def test_every_number_that_is_spoken_is_understood(code: str) -> None:
    numbers = language(code).numbers
    for value in [*range(1001), 1985, 2026, 12_500, 100_000, 999_999]:
        words = tokens(numbers.spell(value))
        assert numbers.cardinal(words, 0) == (value, len(words)), numbers.spell(value)
