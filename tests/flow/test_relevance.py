"""What is said beside a value decides whether it is taken, asked back, or not an answer at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flow.caller import Caller


@pytest.mark.parametrize(
    "said",
    [
        "Thursday would suit me best.",
        "No, sorry, put me down for Thursday.",
        "I could do Thursday, if that's possible.",
        "Not Wednesday, Thursday.",
        "Wednesday is no good, Thursday.",
        "Thursday instead of Wednesday, please.",
    ],
)
def test_what_belongs_to_the_answer_does_not_count_against_it(call: Callable[..., Caller], said: str) -> None:
    assert call("clinic").press("1").say(said).state.slots["day"] == "2026-11-19"


@pytest.mark.parametrize(
    "said",
    [
        "My sister marries on Thursday.",
        "Thursday, if my brother lends me his lorry.",
        "I'm not sure about Thursday, I have to ask around.",
    ],
)
def test_words_about_something_else_are_asked_back(call: Callable[..., Caller], said: str) -> None:
    caller = call("clinic").press("1").say(said)
    assert caller.state.phase == "confirming"
    assert "Thursday" in caller.heard


@pytest.mark.parametrize(
    "said",
    [
        "I can't do Thursday.",
        "Thursday doesn't work.",
        "Any day but Thursday.",
        "I was there last Thursday.",
        "My cousin turned thirty on the second of May.",
    ],
)
def test_a_day_that_is_not_meant_is_no_answer(call: Callable[..., Caller], said: str) -> None:
    caller = call("clinic").press("1").say(said)
    assert caller.node == "ask_day"
    assert caller.state.phase == "asking"
    assert caller.events[-1] == "no_match"


def test_a_value_that_will_not_do_is_refused_where_it_was_plainly_the_answer(
    call: Callable[..., Caller],
) -> None:
    assert call("clinic").press("1").say("Could we do today, please?").events[-1] == "rejected"


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("The earliest, please.", "09:30"),
        ("The morning one, the early one.", "09:30"),
        ("The middle one.", "11:00"),
        ("Number two.", "11:00"),
        ("Not nine thirty, eleven.", "11:00"),
        ("The afternoon one.", "14:00"),
        ("After lunch.", "14:00"),
        ("The last of them.", "14:00"),
    ],
)
def test_an_offer_may_be_called_by_its_place(call: Callable[..., Caller], said: str, time: str) -> None:
    assert call("clinic").press("1").say("Tuesday.").say(said).state.slots["time"] == time


@pytest.mark.parametrize("said", ["The morning one.", "The fourth.", "I'm not sure which one."])
def test_a_place_that_fits_none_or_several_is_no_answer(call: Callable[..., Caller], said: str) -> None:
    caller = call("clinic").press("1").say("Tuesday.")
    assert caller.say(said).node == "ask_time"
    assert caller.state.phase == "asking"


def test_a_choice_may_be_called_by_its_place(call: Callable[..., Caller]) -> None:
    assert call("clinic").say("The first one, please.").node == "ask_day"
    assert call("clinic").say("The first time I came with my uncle.").node == "main_menu"
