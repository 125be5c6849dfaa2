"""Words of the caller's own: acted on when near enough, asked back when nearly, and never instead of a phrase."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.flow import step, understood
from app.flow.effects import Understood
from app.flow.inputs import Heard
from app.flow.similarity import ACT, ASK, MARGIN
from tests.flow.caller import Caller


def hear(caller: Caller, text: str, **similar: float) -> Caller:
    return caller.give(Heard(text, caller.state.language, None, caller.now, similar))


def test_near_enough_is_acted_on(call: Callable[..., Caller]) -> None:
    caller = hear(call("clinic"), "Something came up on Friday", cancel=ACT, book=ACT - MARGIN - 0.01)
    assert caller.node == "ask_callback"
    assert [one.rung for one in caller.effects if isinstance(one, Understood)] == ["similarity"]


def test_less_is_asked_back_in_the_flows_words(call: Callable[..., Caller]) -> None:
    caller = hear(call("clinic"), "Something came up on Friday", cancel=ACT - 0.01)
    assert caller.heard == "Did you say I can't make it to my appointment?"
    assert caller.say("Yes.").node == "ask_callback"


@pytest.mark.parametrize(
    "similar",
    [{}, {"cancel": ASK - 0.01}, {"cancel": ACT, "book": ACT - MARGIN + 0.01}, {"unheard_of": 0.99}],
)
def test_too_far_or_between_two_is_not_understood(
    call: Callable[..., Caller], similar: dict[str, float]
) -> None:
    caller = hear(call("clinic"), "Something came up on Friday", **similar)
    assert caller.node == "main_menu"
    assert caller.events[-1] == "no_match"


def test_a_phrase_of_the_flows_goes_first(call: Callable[..., Caller]) -> None:
    assert hear(call("clinic"), "Book an appointment", cancel=0.99).node == "ask_day"


def test_globals_are_near_everywhere_but_at_modal_questions(call: Callable[..., Caller]) -> None:
    caller = hear(call("clinic").press("1"), "Is anybody alive over there", agent=ACT)
    assert caller.node == "connect"
    caller = hear(call("clinic").press("1").say("Monday").say("nine thirty"), "anybody alive", agent=ACT)
    assert caller.node == "ask_dob"


def test_the_choice_behind_anything_else_may_be_near_too(call: Callable[..., Caller]) -> None:
    caller = call("clinic").say("Where are you?").model_says("We are at 20 Mill Road.", "answered")
    hear(caller, "Something came up on Friday", cancel=ACT)
    assert caller.node == "ask_callback"


def test_only_what_words_do_not_settle_needs_a_comparison(call: Callable[..., Caller]) -> None:
    caller = call("clinic")
    for text, clear in [("Book an appointment", True), ("Something came up on Friday", False)]:
        heard = Heard(text, "en", None, caller.now)
        assert understood(step(caller.flow, caller.state, heard)) is clear


def test_every_intent_has_something_to_be_compared_with(call: Callable[..., Caller]) -> None:
    flow = call("clinic").flow
    for code in flow.languages:
        samples = flow.samples(code)
        assert {intent for intent, _ in samples} == set(flow.intents)
        assert 30 < len(samples) < 120
