"""Yes and no beside other words: what settles the question, what is more than that, and what is neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.flow.languages import language
from app.flow.yes_no import is_unsure, understand_yes_no
from tests.flow.caller import Caller


@pytest.mark.parametrize(
    ("code", "said", "answer"),
    [
        ("en", "Correct, go ahead, please.", "yes"),
        ("en", "No, forget it, bye.", "no"),
        ("en", "Yes, Wednesday is fine.", "yes"),
        ("en", "Right where it hurts.", None),
        ("en", "Fine weather today.", None),
        ("es", "De acuerdo, adelante.", "yes"),
        ("es", "No, déjelo, gracias.", "no"),
        ("es", "No sé qué decirle.", None),
        ("es", "Bien lejos que vivo yo.", None),
    ],
)
def test_what_yes_and_no_mean_beside_other_words(code: str, said: str, answer: str | None) -> None:
    found = understand_yes_no(said, language(code))
    assert (found.name if found else None) == answer


@pytest.mark.parametrize(("said", "unsure"), [("I don't know yet.", True), ("I don't know him.", False)])
def test_unsure_is_a_whole_answer(said: str, unsure: bool) -> None:
    assert is_unsure(said, language("en")) is unsure


def test_who_does_not_know_the_answer_asks_for_nothing_else(call: Callable[..., Caller]) -> None:
    caller = call("parcel").say("30405060")
    assert caller.node == "missed"
    assert caller.say("I don't know.").node == "missed"
    # where the number is asked for, the same words ask for help
    assert "delivery card" in call("parcel").say("I don't know.").heard


@pytest.fixture
def more(call: Callable[..., Caller]) -> Caller:
    return call("clinic").say("Where are you?").model_says("We are at 20 Mill Road.", "answered")


@pytest.mark.parametrize(
    ("said", "node"),
    [
        ("One more thing.", "main_menu"),
        ("Yes, put me through, please.", "connect"),
        ("Goodbye.", "goodbye"),
    ],
)
def test_anything_else(more: Caller, said: str, node: str) -> None:
    assert more.node == "more"
    assert more.say(said).node == node


@pytest.fixture
def check(call: Callable[..., Caller]) -> Caller:
    caller = call("clinic").press("1").say("Tuesday").say("nine thirty")
    return caller.say("February fourteenth nineteen eighty five")


@pytest.mark.parametrize("said", ["Change the day.", "The day is wrong.", "Another day, please."])
def test_a_slot_that_is_named_is_asked_for_again(check: Caller, said: str) -> None:
    assert check.say(said).node == "ask_day"


@pytest.mark.parametrize("said", ["What day was that?", "Which day did you say?"])
def test_a_slot_that_is_asked_about_stays(check: Caller, said: str) -> None:
    assert check.say(said).node == "check"
    assert check.state.slots["day"] == "2026-11-17"
