"""Slot types beyond what callers say: their keypad forms, how values are spoken, and options that cannot be."""

from __future__ import annotations

import pytest

from app.errors import InvalidFlow
from app.flow import load
from app.flow.languages import language
from app.flow.question import SURE_SCORE
from app.flow.slots import Hearing
from app.flow.speaking import say
from tests.flow.caller import Caller
from tests.flow.test_slots import NOW, hearing, slot

FLOW = """
flow: one
format: 1
languages: [en]
start: ask
slots:
  value: {slot}
nodes:
  ask: {{collect: value, ask: Well?{keypad}, next: done}}
  done: {{hangup: "{{{{ value | spoken }}}}"}}
"""


def faults(declaration: str, keypad: str = "") -> str:
    try:
        load(FLOW.format(slot=declaration, keypad=keypad), "one.yaml")
    except InvalidFlow as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("declaration", "keys", "value"),
    [
        ("{type: money, currency: EUR}", "42*50", "42.50 EUR"),
        ("{type: money, currency: EUR}", "42", "42.00 EUR"),
        ("{type: money, currency: EUR}", "42*505", None),
        ("{type: money, currency: EUR}", "*", None),
        ("{type: postcode, country: US}", "90210", "90210"),
        ("{type: postcode, country: US}", "902101234", "90210-1234"),
        ("{type: postcode, country: FR}", "75011", "75011"),
        ("{type: postcode, country: FR}", "99999", None),
    ],
)
def test_what_is_typed(declaration: str, keys: str, value: str | None) -> None:
    reading = slot(declaration).keyed(keys, hearing("en"))
    assert (reading.value if reading else None) == value


@pytest.mark.parametrize(
    ("declaration", "value", "code", "words"),
    [
        ("{type: money}", "42.50 USD", "en", "forty two dollars and fifty cents"),
        ("{type: money}", "42.50 EUR", "es", "cuarenta y dos euros con cincuenta céntimos"),
        ("{type: money}", "42.50 EUR", "fr", "quarante-deux euros et cinquante centimes"),
        ("{type: money}", "42.50 EUR", "de", "zweiundvierzig Euro und fünfzig Cent"),
        ("{type: money}", "5.00 CAD", "en", "five dollars"),
        ("{type: postcode, country: GB}", "SW1A 1AA", "en", "S W one A, one A A"),
        ("{type: postcode, country: US}", "90210-1234", "en", "nine zero two one zero, one two three four"),
        ("{type: postcode, country: DE}", "10115", "de", "eins null eins eins fünf"),
        ("{type: email_spelled}", "j.smith_1@mail.com", "en", "j dot smith underscore 1 at mail dot com"),
        ("{type: email_spelled}", "ana@gmail.com", "es", "ana arroba gmail punto com"),
        ("{type: email_spelled}", "anne-l@gmail.com", "fr", "anne tiret l arobase gmail point com"),
        ("{type: email_spelled}", "anna@web.de", "de", "anna at web Punkt de"),
        ("{type: name}", "Vincent van der Berg", "en", "Vincent van der Berg"),
    ],
)
def test_how_values_are_spoken(declaration: str, value: str, code: str, words: str) -> None:
    assert say(slot(declaration).native(value), language(code), NOW.date()).lower() == words.lower()


@pytest.mark.parametrize(
    ("declaration", "keypad", "words"),
    [
        ("{type: money, currency: XYZ}", "", 'currency cannot be "XYZ"'),
        ("{type: money, min: 10, max: 5}", "", "max of slot"),
        ("{type: postcode}", "", "needs country; add for example `country: GB`"),
        ("{type: postcode, country: ZZ}", "", 'country cannot be "ZZ"'),
        ("{type: email_spelled, length: 4}", "", 'has no key "length"'),
        ("{type: name, min: 2}", "", 'has no key "min"'),
        ("{type: name}", ", keypad: {max: 4}", "cannot be typed; remove keypad"),
        ("{type: email_spelled}", ", keypad: {max: 4}", "cannot be typed; remove keypad"),
        ("{type: postcode, country: GB}", ", keypad: {max: 7}", "cannot be typed; remove keypad"),
        ("{type: postcode, country: US}", ", keypad: {length: 5}", ""),
        ("{type: money}", ', keypad: {max: 8, finish: "#"}', ""),
    ],
)
def test_options_that_cannot_be(declaration: str, keypad: str, words: str) -> None:
    found = faults(declaration, keypad)
    assert (words in found) if words else not found


def test_expressions_see_an_amount_and_its_currency() -> None:
    text = FLOW.format(slot="{type: money}", keypad="").replace(
        "next: done", "next: [{if: IF, goto: done}, {goto: ask}]"
    )
    assert load(text.replace("IF", 'value > 20 and value.currency == "EUR"'), "one.yaml")
    with pytest.raises(InvalidFlow, match=r"has no part|there is no value"):
        load(text.replace("IF", "value.cents > 20"), "one.yaml")


def test_a_name_is_no_way_past_a_person() -> None:
    text = FLOW.format(slot="{type: name}", keypad="") + "intents: {agent: {phrases: [receptionist]}}\n"
    caller = Caller(load(text + "globals: {agent: {goto: done}}\n", "one.yaml"))
    caller.say("Receptionist, please.")
    assert caller.node == "done"
    assert caller.state.slots.get("value") is None


@pytest.mark.parametrize(
    ("code", "country", "keys", "value"),
    [
        ("en", "US", "0512", "2027-05-12"),
        ("en", "US", "05121985", "1985-05-12"),
        ("en", "US", "2411", "2026-11-24"),  # there is no 24th month
        ("en", "GB", "0512", "2026-12-05"),
        ("en", "", "0512", "2026-12-05"),
        ("es", "US", "0512", "2026-12-05"),
        ("es", "US", "1124", "2026-11-24"),
    ],
)
def test_an_american_types_the_month_first(code: str, country: str, keys: str, value: str) -> None:
    reading = slot("{type: date}", code).keyed(keys, Hearing(language(code), NOW, country=country))
    assert reading is not None
    assert reading.value == value


@pytest.mark.parametrize("said", ["the third of May", "May third", "the third", "5/3"])
def test_a_birthday_without_its_year_is_asked_back_and_waited_for(said: str) -> None:
    born = slot("{type: date, before: today}")
    reading = born.understand(said, hearing("en"))
    assert reading is not None
    assert reading.score < SURE_SCORE
    assert born.complete(said, hearing("en")) is None
    assert born.complete(f"{said} 1985" if "/" not in said else "5/3/1985", hearing("en")) is not False
    lately = slot("{type: date, from: 60 days ago, before: today}")
    assert lately.understand(said, hearing("en")).score == 1  # type: ignore[union-attr]
