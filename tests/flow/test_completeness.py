"""The grammar of completeness: when an answer is whole, when more must follow, and when words cannot tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.flow.languages import language
from app.flow.phrases import without_courtesy
from tests.flow.caller import Caller
from tests.flow.test_slots import Phrasing, hearing, phrasings, slot


@pytest.mark.parametrize(
    ("declaration", "said", "expected"),
    [
        ("{type: yes_no}", "Yes.", True),
        ("{type: yes_no}", "No, thank you.", True),
        ("{type: yes_no}", "Well", False),
        ("{type: yes_no}", "I was wondering about the price", None),
        ("{type: date}", "Next Tuesday.", True),
        ("{type: date}", "The fifteenth of November.", True),
        ("{type: date}", "Tomorrow.", True),
        ("{type: date}", "The fifteenth.", None),
        ("{type: date}", "The fifteenth of", False),
        ("{type: date}", "Next", False),
        ("{type: date}", "On the", False),
        ("{type: date}", "I think", None),
        ("{type: time}", "Half past nine.", True),
        ("{type: time}", "Half past", False),
        ("{type: time}", "Nine thirty.", True),
        ("{type: time}", "A quarter to", False),
        ("{type: time}", "Nine.", None),
        ("{type: time}", "Two o'clock.", True),
        ("{type: time}", "Nine in the morning.", True),
        ("{type: digits, length: 4}", "Four four seven one.", True),
        ("{type: digits, length: 4}", "4471", True),
        ("{type: digits, length: 4}", "Four four", False),
        ("{type: digits, length: 4}", "My number is", False),
        ("{type: digits, length: 4}", "My number is four four", False),
        ("{type: digits, min: 4}", "Four four seven one.", None),
        ("{type: phone, country: US}", "Two one two five five five oh one four seven.", True),
        ("{type: phone, country: US}", "My number is two one two", False),
        ("{type: number, max: 12}", "Twenty", None),
        ("{type: number, max: 20}", "Seventeen", True),
        ("{type: number}", "A hundred and", False),
        ("{type: number}", "Two point", False),
        ("{type: number}", "Twenty", None),
        ("{type: choice, options: [small, large]}", "Large, please.", True),
        ("{type: choice, options: [small, extra large]}", "Extra", False),
        ("{type: text}", "My name is Ann.", None),
        ("{type: money, currency: GBP}", "Twelve pounds ten.", True),
        ("{type: money, currency: GBP}", "Twelve pounds", None),
        ("{type: money, currency: GBP}", "Twelve pounds and", False),
        ("{type: postcode, country: GB}", "S W one A one A A", True),
        ("{type: postcode, country: GB}", "S W one", False),
        ("{type: postcode, country: FR}", "soixante", False),
        ("{type: postcode, country: US}", "nine oh two one oh", None),
        ("{type: postcode, country: US}", "nine oh two", False),
        ("{type: email_spelled}", "john dot smith at", False),
        ("{type: email_spelled}", "john dot smith at gmail dot com", True),
        ("{type: email_spelled}", "john at bbc dot co", None),
        ("{type: name}", "My name is", False),
        ("{type: name}", "My name is Ann", None),
    ],
)
def test_complete(declaration: str, said: str, expected: bool | None) -> None:
    assert slot(declaration).complete(said, hearing("en")) is expected


@pytest.mark.parametrize("one", [pytest.param(one, id=f"{one.code} {one.said}") for one in phrasings()])
def test_what_is_a_value_is_never_called_unfinished(one: Phrasing) -> None:
    if one.expected.split(maxsplit=1)[0] != "None":
        assert slot(one.declaration, one.code).complete(one.said, one.hearing) is not False


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("I'd like to book an appointment.", True),
        ("I'd like to", False),
        ("a person please", True),
        ("help", True),
        ("my cat is ill", None),
    ],
)
def test_a_question_knows_its_choices_and_the_globals(
    call: Callable[..., Caller], said: str, expected: bool | None
) -> None:
    assert call("clinic").listen.grammar.complete(said) is expected


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ("I'd like to book", True),
        ("speak to", True),
        ("I think", False),
        ("Can you", False),
        ("Well, can you", False),
        ("my cat", False),
    ],
)
def test_an_opening_alone_is_no_beginning_of_an_answer(
    call: Callable[..., Caller], said: str, begins: bool
) -> None:
    assert call("clinic").listen.grammar.begins(said) is begins


def test_a_choice_begins_with_its_own_words() -> None:
    colour = slot("{type: choice, options: [dark red, blue]}")
    assert colour.begins("dark", hearing("en"))
    assert not colour.begins("I'd like", hearing("en"))


@pytest.mark.parametrize(("said", "begins"), [("not at", True), ("I think", False), ("Well", False)])
def test_a_yes_or_no_begins_with_its_own_words(call: Callable[..., Caller], said: str, begins: bool) -> None:
    assert slot("{type: yes_no}").begins(said, hearing("en")) is begins
    caller = call("clinic").press("1").say("Tuesday.").press("0930").press("02141985")
    assert caller.node == "check"
    assert caller.listen.grammar.begins(said) is begins


@pytest.mark.parametrize(("said", "begins"), [("cancel my", True), ("not at", True), ("I'd like to", False)])
def test_a_choice_of_the_menu_ahead_begins_an_answer(
    call: Callable[..., Caller], said: str, begins: bool
) -> None:
    caller = call("clinic").press("1").say("Tuesday.").press("0930").press("02141985").say("no")
    assert caller.node == "more"
    assert caller.listen.grammar.begins(said) is begins


def test_a_question_being_confirmed_expects_yes_or_no(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1").say("Tuesday.", confidence=0.2)
    assert caller.state.phase == "confirming"
    assert caller.listen.grammar.complete("yes") is True
    assert caller.listen.grammar.complete("no thursday") is True
    assert caller.listen.keypad
    assert caller.listen.keypad.most == 1


@pytest.mark.parametrize(
    ("said", "expected"), [("no, Thursday", True), ("no, half past nine", True), ("no, I'd", None)]
)
def test_a_correction_is_whole_with_its_value(
    call: Callable[..., Caller], said: str, expected: bool | None
) -> None:
    caller = call("clinic").press("1").say("Tuesday.").press("0930").press("02141985")
    assert caller.node == "check"
    assert caller.listen.grammar.complete(said) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Eleven o'clock, please.", True),
        ("At half past nine, thank you very much.", True),
        ("Please.", False),
    ],
)
def test_courtesy_behind_a_value_leaves_it_whole(
    call: Callable[..., Caller], said: str, expected: bool | None
) -> None:
    caller = call("clinic").press("1").say("Tuesday.")
    assert caller.node == "ask_time"
    assert caller.listen.grammar.complete(said) is expected


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("es", "martes, por favor"),
        ("fr", "mardi, s'il vous plaît"),
        ("de", "Dienstag, bitte"),
        ("it", "martedì, grazie"),
    ],
)
def test_courtesy_is_known_in_every_language(code: str, said: str) -> None:
    assert without_courtesy(said, language(code)) == said.partition(" ")[0]
