"""What may be said next is known before it is."""

from __future__ import annotations

from collections.abc import Callable

from app.flow.effects import Say
from app.flow.predict import predict
from tests.flow.caller import Caller


def texts(caller: Caller) -> set[str]:
    return {one.text for one in predict(caller.flow, caller.state, caller.now)}


def test_every_way_out_of_a_menu_is_a_candidate(call: Callable[..., Caller]) -> None:
    caller = call("clinic")
    known = {one.key for one in predict(caller.flow, caller.state, caller.now)}
    assert {
        "ask_day.ask",
        "ask_callback.ask",
        "answer.opening",
        "cancel_booking.find.waiting",
        "connect.say",
    } <= known
    assert {"main_menu.again", "defaults.no_input.1", "defaults.no_match.1", "globals.help.say"} <= known


def test_the_next_step_of_a_ladder_is_a_candidate(call: Callable[..., Caller]) -> None:
    caller = call("clinic").silent()
    assert "I still can't hear you. You can use your keypad as well." in texts(caller)
    assert "Sorry, I didn't hear you." not in texts(caller)


def test_what_lacks_a_value_waits_until_it_is_known(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1")
    keys = {one.key for one in predict(caller.flow, caller.state, caller.now)}
    assert "ask_time.ask" not in keys
    caller.say("next Tuesday").say("half past nine")
    assert any(text.startswith("That's Tuesday, November seventeenth") for text in texts(caller))


def test_the_rest_of_a_call_is_predicted_word_for_word(call: Callable[..., Caller]) -> None:
    caller = call("greeting")
    for key in ("1", "2", "3"):
        known = texts(caller)
        caller.press(key)
        assert {effect.text for effect in caller.effects if isinstance(effect, Say)} <= known


def test_an_ended_call_has_no_future(call: Callable[..., Caller]) -> None:
    caller = call("greeting").press("3")
    assert predict(caller.flow, caller.state, caller.now) == ()


def test_chances_are_shares_of_one(call: Callable[..., Caller]) -> None:
    caller = call("clinic")
    found = predict(caller.flow, caller.state, caller.now)
    assert all(0 < one.probability <= 1 for one in found)
    assert found == tuple(sorted(found, key=lambda one: (-one.probability, one.depth)))
