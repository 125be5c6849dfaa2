"""What all questions share: ladders, keys, globals, asking back, and how prompts vary."""

from __future__ import annotations

import pytest

from app.flow import load
from app.flow.effects import Event, HangUp, Listen, Say, Understood
from app.flow.failing import MAX_FAILURES
from app.flow.inputs import NoInput, Pressed
from tests.flow.caller import NOW, Caller

FLOW = """\
flow: desk
format: 1
languages: [en, es]
start: top
defaults:
  timeout: 4s
  barge_in: speech
  no_input: [Silence one., Silence two., {goto: person}]
  no_match: [Pardon one., Pardon two., {goto: person, say: I give up.}]
slots:
  day:  {type: date, from: today}
  code: {type: digits, length: 4}
  pin:  {type: digits, min: 4, max: 6, sensitive: true}
intents:
  book:  {phrases: ["book [a table]"]}
  agent: {phrases: ["[a] person"]}
globals:
  agent:   {press: 0, goto: person}
  spanish: {press: 7, set: {language: es}, then: repeat}
  help:    {press: star, say: Say book., then: repeat}
nodes:
  top:
    menu: Top?
    again: Say book, or press 1.
    barge_in: none
    min_words: 2
    choices: [{intent: book, press: 1, goto: day}, {press: 2, goto: code}, {press: 3, goto: pin}]
  day: {collect: day, ask: Day?, again: Which day?, keypad: {length: 4, ask: Type the day.}, next: top}
  code: {collect: code, ask: Code?, confirm_value: always, next: top}
  pin: {collect: pin, modal: true, ask: Pin?, timeout: 9s, keypad: {max: 6, finish: "#"}, next: secret}
  secret: {say: "Pin {{ pin | digits }}.", next: top}
  person: {say: {one_of: [A, B, C]}, next: end}
  end: {hangup: {audio: bye.wav, text: Bye.}}
"""
SPANISH = """\
flow: desk
language: es
intents: {book: {phrases: ["reservar [mesa]"]}}
prompts:
  top.menu: ¿Qué desea?
  defaults.no_input: [Silencio uno., Silencio dos.]
"""


@pytest.fixture
def caller() -> Caller:
    return Caller(load(FLOW, "desk.yaml", {"desk.es.yaml": SPANISH}))


def test_silence_is_answered_ever_more_clearly_and_then_by_a_person(caller: Caller) -> None:
    assert caller.silent().heard == "Silence one. Say book, or press 1."
    assert caller.silent().heard == "Silence two. Say book, or press 1."
    assert caller.silent().node == "end"
    assert caller.events == ["no_input"] * 3


def test_silence_and_misunderstanding_share_the_attempts_but_not_the_ladder(caller: Caller) -> None:
    assert caller.silent().heard.startswith("Silence one.")
    assert caller.say("what a day").heard.startswith("Pardon one.")
    assert caller.say("nonsense").node == "end"


def test_the_last_rung_speaks_before_it_leads_away(caller: Caller) -> None:
    caller.say("x1").say("x2").say("x3")
    assert caller.heard.startswith("I give up.")
    assert isinstance(caller.last, HangUp)


def test_counters_begin_anew_when_a_node_is_entered_anew(caller: Caller) -> None:
    caller.silent(2).press("1").say("tomorrow")
    assert caller.node == "top"
    assert caller.silent().heard.startswith("Silence one.")


def test_from_the_second_failure_on_the_keypad_is_offered(caller: Caller) -> None:
    caller.press("1")
    assert caller.silent().heard == "Silence one. Which day?"
    assert caller.silent().heard == "Silence two. Which day? Type the day."


def test_without_a_way_out_the_call_ends_with_an_apology() -> None:
    text = "flow: a\nformat: 1\nlanguages: [en]\nstart: q\nnodes: {q: {confirm: Q?, yes: q, no: q}}"
    caller = Caller(load(text, "a.yaml")).silent(2)
    assert "still can't hear" in caller.heard
    assert "Goodbye" in caller.silent().heard
    assert caller.last == HangUp("gave_up")


def test_two_silent_nodes_that_hand_the_caller_to_each_other_do_not_do_so_for_ever() -> None:
    text = (
        "flow: a\nformat: 1\nlanguages: [en]\nstart: q\nnodes:\n"
        "  q: {confirm: Q?, yes: q, no: q, no_input: [{goto: r}]}\n"
        "  r: {confirm: R?, yes: r, no: r, no_input: [{goto: q}]}\n"
    )
    caller = Caller(load(text, "a.yaml"))
    while not caller.state.ended:
        caller.silent()
    assert caller.last == HangUp("gave_up")
    assert len(caller.events) < 15


def test_who_is_understood_now_and_then_is_never_given_up() -> None:
    text = "flow: a\nformat: 1\nlanguages: [en]\nstart: q\nnodes: {q: {confirm: Q?, yes: q, no: q}}"
    caller = Caller(load(text, "a.yaml"))
    for _ in range(20):
        caller.silent(2).press("1")
    assert not caller.state.ended


def test_a_flow_that_runs_in_circles_without_the_caller_ends() -> None:
    text = (
        "flow: a\nformat: 1\nlanguages: [en]\nstart: q\nnodes: {q: {say: Q., next: r}, r: {say: R., next: q}}"
    )
    caller = Caller(load(text, "a.yaml"))
    assert caller.last == HangUp("endless_loop")


def test_prompts_carry_how_they_may_be_interrupted(caller: Caller) -> None:
    (top,) = [effect for effect in caller.effects if isinstance(effect, Say)]
    assert (top.barge_in, top.min_words, top.key, top.wording) == ("none", 2, "top.menu", "static")
    (day,) = [effect for effect in caller.press("1").effects if isinstance(effect, Say)]
    assert (day.barge_in, day.min_words, day.node) == ("speech", 1, "day")
    assert caller.listen.timeout_ms == 4000


def test_a_recording_carries_its_file_and_its_words(caller: Caller) -> None:
    caller.press("0")
    (*_, bye) = [effect for effect in caller.effects if isinstance(effect, Say)]
    assert (bye.audio, bye.text) == ("bye.wav", "Bye.")


def test_one_of_is_drawn_by_the_calls_seed() -> None:
    flow = load(FLOW, "desk.yaml", {"desk.es.yaml": SPANISH})
    drawn = {seed: Caller(flow, seed=seed).press("0").heard for seed in range(20)}
    assert {text[0] for text in drawn.values()} == {"A", "B", "C"}
    assert drawn == {seed: Caller(flow, seed=seed).press("0").heard for seed in range(20)}


def test_a_sequence_goes_on_with_each_time_and_stays_at_its_last() -> None:
    text = (
        "flow: a\nformat: 1\nlanguages: [en]\nstart: q\nnodes:\n"
        "  q: {say: {sequence: [First., Second.]}, next: r}\n  r: {confirm: R?, yes: q, no: q}\n"
    )
    caller = Caller(load(text, "a.yaml"))
    heard = [caller.heard, *(caller.press("1").heard for _ in range(2))]
    assert heard == ["First. R?", "Second. R?", "Second. R?"]


# languages


def test_a_global_changes_the_language_and_repeats(caller: Caller) -> None:
    caller.press("7")
    assert caller.heard == "¿Qué desea?"
    assert caller.listen.language == "es"
    assert caller.say("Quisiera reservar mesa, por favor").node == "day"


def test_what_is_not_translated_is_said_in_the_first_language_and_voice(caller: Caller) -> None:
    caller.press("7")
    says = [effect for effect in caller.silent().effects if isinstance(effect, Say)]
    assert [(say.text, say.language) for say in says] == [
        ("Silencio uno.", "es"),
        ("Say book, or press 1.", "en"),
    ]


def test_a_global_says_something_and_repeats_without_counting(caller: Caller) -> None:
    caller.silent()
    assert caller.press("*").heard == "Say book. Top?"
    assert caller.silent().heard.startswith("Silence two.")


# keys


def test_a_key_is_understood_the_moment_it_comes(caller: Caller) -> None:
    caller.press("1")
    assert caller.node == "day"
    assert caller.effects[0] == Understood("keypad", 1.0, "book")


def test_a_finish_key_out_of_habit_is_not_leaked_to_the_next_question(caller: Caller) -> None:
    caller.press("1").press("2411")
    assert caller.node == "top"
    assert caller.press("#").effects == ()
    assert caller.press("#").effects[0] == Event("no_match")


def test_a_finish_key_is_forgiven_only_right_away(caller: Caller) -> None:
    caller.press("1").press("2411").silent()
    assert caller.press("#").effects[0] == Event("no_match")


def test_typing_may_be_ended_by_a_key_or_a_pause(caller: Caller) -> None:
    assert caller.press("3").press("12345#").node == "top"
    assert caller.press("3").press("12345").node == "pin"
    assert caller.listen.collected == 5
    assert caller.pause().node == "top"


def test_silence_while_typing_is_a_pause(caller: Caller) -> None:
    assert caller.press("3").press("12345").give(NoInput(NOW)).node == "top"
    assert "no_input" not in caller.events


def test_too_few_keys_are_not_understood(caller: Caller) -> None:
    caller.press("3").press("12#")
    assert caller.effects[0] == Event("no_match")
    assert caller.state.keys == ""


def test_a_voice_in_the_background_does_not_disturb_typing(caller: Caller) -> None:
    caller.press("1").press("24").say("dinner is ready")
    assert caller.effects == (Event("speech_ignored"),)
    assert caller.press("11").node == "top"


def test_a_spoken_answer_supersedes_half_typed_keys(caller: Caller) -> None:
    caller.press("1").press("24").say("tomorrow")
    assert caller.node == "top"
    assert caller.state.keys == ""


def test_keys_of_globals_sleep_while_digits_are_typed_until_a_pause_shows_they_were_meant(
    caller: Caller,
) -> None:
    caller.press("1").press("0")
    assert caller.listen.collected == 1
    assert caller.pause().node == "end"


def test_a_modal_question_hears_no_globals(caller: Caller) -> None:
    caller.press("3").say("a person")
    assert caller.node == "pin"
    assert caller.press("0").pause().node == "pin"


# asking back


def test_low_confidence_asks_back_before_it_acts(caller: Caller) -> None:
    caller.say("book a table", confidence=0.3)
    assert caller.heard == "Did you say book a table?"
    assert caller.node == "top"
    assert caller.say("yes").node == "day"


def test_a_no_to_asking_back_counts_and_puts_the_question_again(caller: Caller) -> None:
    caller.press("2").say("4471", confidence=0.9)
    assert caller.heard == "Did you say four four seven one?"
    assert caller.press("2").heard == "Code?"
    assert caller.state.slots.get("code") is None
    assert caller.state.no_matches == 1


def test_the_right_answer_instead_of_a_no_is_taken(caller: Caller) -> None:
    caller.press("2").say("4471").say("no, 4472")
    assert caller.heard == "Did you say four four seven two?"
    assert caller.say("yes").state.slots["code"] == "4472"


def test_confidence_that_is_high_or_unknown_is_not_doubted(caller: Caller) -> None:
    assert caller.say("book", confidence=0.9).node == "day"
    assert caller.say("tomorrow").node == "top"


def test_a_value_in_the_middle_of_a_story_is_asked_back(caller: Caller) -> None:
    caller.press("1").say("My neighbour went to the market tomorrow morning")
    assert caller.heard == "Did you say Saturday, November fourteenth?"
    assert caller.say("No, Monday.").state.slots["day"] == "2026-11-16"


@pytest.mark.parametrize("said", ["One moment, please.", "Hold on a second.", "Um, let me check."])
def test_who_asks_for_patience_is_waited_for(caller: Caller, said: str) -> None:
    caller.press("1").say(said)
    assert caller.heard == ""
    assert caller.events == ["hold"]
    assert isinstance(caller.last, Listen)
    assert caller.say("tomorrow").node == "top"


@pytest.mark.parametrize("said", ["Hello?", "Hi, good morning.", "Um, hello? Is anybody there?"])
def test_a_greeting_is_no_misunderstanding(caller: Caller, said: str) -> None:
    caller.press("1")
    question = caller.heard
    caller.say(said)
    assert caller.heard == question
    assert caller.events == ["greeted"]
    assert caller.state.no_matches == 0
    assert caller.say("Hello, tomorrow.").node == "top"


def test_who_only_ever_greets_is_led_out(caller: Caller) -> None:
    caller.press("1")
    node = caller.node
    for _ in range(MAX_FAILURES):
        caller.say("hello")
    assert caller.state.ended or caller.node != node


@pytest.mark.parametrize("said", ["one", "Press one.", "Number one, please.", "Option 1."])
def test_a_key_may_be_said(caller: Caller, said: str) -> None:
    assert caller.say(said).node == "day"


def test_a_key_of_the_globals_may_be_said(caller: Caller) -> None:
    assert caller.say("press zero").node == "end"


# secrets


def test_what_is_sensitive_is_marked_everywhere_and_shown_nowhere(caller: Caller) -> None:
    caller.press("3")
    assert caller.listen.sensitive
    assert caller.listen.timeout_ms == 9000
    caller.press("13579#")
    assert any(
        isinstance(effect, Say) and effect.sensitive and "one three five" in effect.text
        for effect in caller.effects
    )
    for shown in (repr(caller.effects), repr(caller.state), repr(Pressed("5", NOW))):
        assert "13579" not in shown
        assert "five" not in shown
        assert "5'" not in shown


def test_a_question_waits_with_the_hints_a_recogniser_needs(caller: Caller) -> None:
    assert set(caller.listen.hints) == {"book", "book a table"}
    assert isinstance(caller.last, Listen)
