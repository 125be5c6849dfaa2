"""What a caller says before it is asked for settles those questions too: plainly, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.flow import load
from app.flow.effects import NodeEntered, Understood
from tests.flow.caller import Caller

RESTAURANT = """
flow: restaurant
format: 1
languages: [en]
start: top
slots:
  party: {type: number, min: 1, max: 12}
  day:   {type: date, from: today}
  at:    {type: time, from: "17:00", until: "22:00"}
  pin:   {type: digits, length: 4, sensitive: true}
  phone: {type: phone, country: US}
intents:
  table: {phrases: ["(book|reserve|get) a table", "[a] table"]}
  other: {phrases: ["[something] else"]}
nodes:
  top:
    menu: A table, or something else?
    choices:
      - {intent: table, press: 1, goto: party}
      - {intent: other, press: 2, goto: pin}
  party: {collect: party, ask: How many?, next: day}
  day:   {collect: day, ask: Which day?, reject: [{if: day.weekday == 7, say: Not on Sundays.}], next: at}
  at:    {collect: at, ask: What time?, next: phone}
  phone: {collect: phone, ask: Your number?, confirm_value: always, next: sure}
  sure:
    confirm: "{{ party }} on {{ day | spoken }} at {{ at | spoken }}?"
    change: [party, day, at]
    yes: top
    no: top
  pin: {collect: pin, ask: Pin?, next: day}
"""


@pytest.fixture
def caller() -> Caller:
    return Caller(load(RESTAURANT, "restaurant.yaml"))


@pytest.mark.parametrize(
    ("said", "node", "slots"),
    [
        ("A table, please.", "party", {}),
        ("I'd like to book a table for four.", "day", {"party": 4}),
        ("A table on Friday at eight.", "party", {}),
        ("A table for four on Friday at eight.", "phone", {"party": 4, "day": "2026-11-20", "at": "20:00"}),
        ("Could I get a table for two next Tuesday, please?", "at", {"party": 2, "day": "2026-11-17"}),
        ("A table for two or three.", "party", {}),
        ("A table for two on Tuesday or Thursday.", "day", {"party": 2}),
        ("A table for forty.", "party", {}),
        ("A table for two at noon on Tuesday.", "at", {"party": 2, "day": "2026-11-17"}),
        ("I don't want a table on Friday.", "top", {}),
    ],
)
def test_said_at_the_menu(caller: Caller, said: str, node: str, slots: dict[str, object]) -> None:
    caller.say(said)
    assert caller.node == node
    assert caller.state.slots == slots


def test_said_with_another_answer(caller: Caller) -> None:
    assert caller.say("A table.").say("Two, on Tuesday.").node == "at"
    assert caller.state.slots == {"party": 2, "day": "2026-11-17"}


def test_what_waits_behind_a_question_is_not_forgotten(caller: Caller) -> None:
    assert caller.say("A table on Friday at eight.").heard == "How many?"
    assert caller.say("Four.").node == "phone"
    assert caller.state.slots == {"party": 4, "day": "2026-11-20", "at": "20:00"}


def test_the_journal_can_tell_how_it_was_understood(caller: Caller) -> None:
    caller.say("A table for four on Friday.")
    taken = [(one.rung, one.intent) for one in caller.effects if isinstance(one, Understood)]
    assert taken == [("choice", "table"), ("slot", "party"), ("slot", "day")]
    assert [one.node for one in caller.effects if isinstance(one, NodeEntered)] == ["party", "day", "at"]


def test_a_value_that_the_flow_objects_to_is_refused_in_its_words(caller: Caller) -> None:
    caller.say("A table for four on Sunday at eight.")
    assert caller.heard == "Not on Sundays. Which day?"
    assert caller.say("Monday then.").node == "phone"


def test_what_is_always_read_back_still_is(caller: Caller) -> None:
    caller.say("A table for four on Friday at eight, my number is 212 555 0147.")
    assert caller.heard.startswith("Did you say plus one two one two")
    assert caller.state.phase == "confirming"
    assert caller.say("Yes.").node == "sure"


def test_secrets_are_asked_for_all_the_same(caller: Caller) -> None:
    assert caller.say("Something else, 4471.").node == "pin"
    assert "pin" not in caller.state.slots


def test_doubtful_words_settle_nothing_but_the_question(caller: Caller) -> None:
    caller.say("A table for four on Friday.", confidence=0.2)
    assert caller.state.phase == "confirming"
    assert caller.say("Yes.").node == "party"


def test_nothing_is_taken_twice(caller: Caller) -> None:
    caller.say("A table for four on Friday at eight.").say("212 555 0147").say("Yes.").say("Yes.")
    assert caller.heard == "A table, or something else?"
    assert caller.state.early == ""


def test_a_correction_may_change_several_values(caller: Caller) -> None:
    caller.say("A table for four on Friday at eight.").say("212 555 0147").say("Yes.")
    assert caller.heard == "4 on Friday, November twentieth at eight o'clock in the evening?"
    caller.say("No, Saturday at nine.")
    assert caller.heard == "4 on Saturday, November fourteenth at nine o'clock in the evening?"


# the clinic


def asked_once(call: Callable[..., Caller]) -> Caller:
    """A caller who got an answer, and is asked what else there is."""
    return call("clinic").say("Where are you?").model_says("We are at 20 Mill Road.", "answered")


def test_an_appointment_in_one_sentence(call: Callable[..., Caller]) -> None:
    caller = call("clinic").say("I want an appointment on Monday at eleven.")
    assert caller.node == "ask_dob"
    assert caller.state.slots["day"] == "2026-11-16"
    assert caller.state.slots["time"] == "11:00"


def test_a_time_that_is_not_offered_is_asked_for(call: Callable[..., Caller]) -> None:
    caller = call("clinic").say("I want an appointment on Monday at ten.")
    assert caller.node == "ask_time"
    assert "Which do you prefer?" in caller.heard
    assert not caller.state.rejections


@pytest.mark.parametrize(
    ("said", "node"),
    [
        ("Yes, cancel an appointment.", "ask_callback"),
        ("Cancel my appointment.", "ask_callback"),
        ("I'd like to cancel my appointment, please.", "ask_callback"),
        ("Yes, another appointment on Monday.", "ask_time"),
        ("Yes.", "main_menu"),
        ("No, thank you.", "goodbye"),
        ("No, I don't want to cancel anything.", "goodbye"),
    ],
)
def test_anything_else_is_answered_by_what_it_is(call: Callable[..., Caller], said: str, node: str) -> None:
    caller = asked_once(call)
    assert caller.node == "more"
    assert caller.say(said).node == node


def test_the_ear_knows_the_choices_behind_a_yes(call: Callable[..., Caller]) -> None:
    grammar = asked_once(call).listen.grammar
    assert grammar.complete("cancel my appointment") is True
    assert grammar.complete("no") is True


ROUND_TRIP = """
flow: trip
format: 1
languages: [en]
start: out
slots:
  out:  {type: date, from: today}
  back: {type: date, from: today}
nodes:
  out:  {collect: out, ask: Which day?, next: sure}
  sure: {confirm: "On {{ out | spoken }}?", change: [out], yes: both, no: out}
  both: {confirm: And back?, yes: back, no: bye}
  back: {collect: back, ask: Back on which day?, next: bye}
  bye:  {hangup: Bye.}
"""


@pytest.mark.parametrize(
    ("said", "asked", "back"),
    [
        ("Yes please, next Thursday.", False, "2026-11-19"),
        ("Yes please, if that's all right.", True, None),
        ("No, thanks a lot.", False, None),
    ],
)
def test_what_a_yes_leads_to_asking_for_may_be_said_with_it(said: str, asked: bool, back: str | None) -> None:
    caller = Caller(load(ROUND_TRIP, "trip.yaml")).say("On Tuesday.").say("Yes.").say(said)
    assert caller.state.slots.get("back") == back
    assert (caller.state.node == "back") == asked


def test_what_was_confirmed_is_not_what_comes_next() -> None:
    flow = load(ROUND_TRIP.replace("yes: both", "yes: back"), "trip.yaml")
    caller = Caller(flow).say("On Tuesday.").say("Yes, on Tuesday.")
    assert (caller.state.node, caller.state.slots["out"]) == ("back", "2026-11-17")
    assert "back" not in caller.state.slots
