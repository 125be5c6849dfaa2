"""The flows that ship do what they are there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.designer.files import directory_texts
from app.flow import Library, build_library, resume
from app.flow.effects import HangUp, Listen, Record, Say, Transfer
from app.flow.prefetch import ready_requests
from tests.flow.caller import NOW, Caller
from tests.flow.conftest import FLOWS


def test_every_shipped_flow_loads(library: Library) -> None:
    assert not library.faults, "\n".join(map(str, library.faults.values()))
    assert {"echo", "greeting"} <= set(library.flows)


def test_echo_repeats_what_it_understood(call: Callable[..., Caller]) -> None:
    caller = call("echo")
    assert caller.heard == "Go ahead."
    assert caller.say("The quick brown fox.").heard == "The quick brown fox."
    assert caller.say("4 4 7 1").heard == "4 4 7 1"


def test_echo_never_gives_up_on_silence(call: Callable[..., Caller]) -> None:
    caller = call("echo").silent(50)
    assert isinstance(caller.last, Listen)
    assert caller.say("still here").heard == "still here"


@pytest.mark.parametrize(
    ("language", "words"), [("es", "Adelante."), ("fr", "Allez-y."), ("it", "Dica pure.")]
)
def test_echo_speaks_the_callers_language(call: Callable[..., Caller], language: str, words: str) -> None:
    caller = call("echo", language=language)
    assert caller.heard == words
    assert caller.listen.language == language


@pytest.mark.parametrize(
    ("answer", "node"),
    [
        ("Um, what time are you open?", "more"),
        ("Where are you, please?", "more"),
        ("Goodbye.", "goodbye"),
        ("I'd like the address please", "more"),
    ],
)
def test_greeting_by_voice(call: Callable[..., Caller], answer: str, node: str) -> None:
    assert call("greeting").say(answer).node == node


@pytest.mark.parametrize(
    ("key", "words"), [("1", "eight in the morning"), ("2", "Mill Lane"), ("3", "oodbye")]
)
def test_greeting_by_key(call: Callable[..., Caller], key: str, words: str) -> None:
    assert words in call("greeting").press(key).heard


def test_greeting_ends_with_a_silent_caller(call: Callable[..., Caller]) -> None:
    caller = call("greeting").silent()
    assert "didn't hear" in caller.heard
    assert "press 1" in caller.heard
    assert isinstance(caller.silent(2).last, HangUp)
    assert caller.state.ended


def test_a_lost_line_brings_the_question_again(call: Callable[..., Caller]) -> None:
    caller = call("greeting").silent()
    state, effects = resume(caller.flow, caller.state, caller.now)
    assert any(isinstance(effect, Say) and "Which would you like" in effect.text for effect in effects)
    assert isinstance(effects[-1], Listen)
    assert state.no_inputs == 1


# the clinic


def test_an_appointment_by_voice_with_a_correction(call: Callable[..., Caller]) -> None:
    caller = call("clinic")
    assert caller.say("I need to see the doctor").node == "ask_day"
    assert "nine thirty, eleven o'clock and two o'clock" in caller.say("Next Tuesday.").heard
    assert caller.say("Half past nine.").node == "ask_dob"
    caller.say("February fourteenth nineteen eighty five")
    assert "Tuesday, November seventeenth, at nine thirty" in caller.heard
    assert "Thursday, November nineteenth, at nine thirty" in caller.say("No, Thursday.").heard
    assert "Thursday, November nineteenth, at two o'clock" in caller.say("No, at two o'clock").heard
    assert "Wednesday, November eighteenth, at eleven o'clock" in caller.say("No, Wednesday at eleven.").heard
    assert "Thursday, November nineteenth, at two o'clock" in caller.say("No, Thursday at two.").heard
    assert caller.state.slots["dob"] == "1985-02-14"
    assert caller.say("Yes please.").node == "more"
    assert "appointment_booked" in caller.events
    assert isinstance(caller.say("No, that's all, thank you.").last, HangUp)


def test_an_appointment_by_keypad(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1").press("1117").press("0930").press("02141985").press("1")
    assert caller.node == "more"
    assert "appointment_booked" in caller.events
    assert caller.state.slots["day"] == "2026-11-17"


def test_an_appointment_in_spanish(call: Callable[..., Caller]) -> None:
    caller = call("clinic").say("Habla español.")
    for said in (
        "Quisiera pedir una cita, por favor.",
        "El martes que viene.",
        "A las nueve y media.",
        "El catorce de febrero de mil novecientos ochenta y cinco.",
    ):
        caller.say(said)
    assert caller.heard == "El martes diecisiete de noviembre a las nueve y media. ¿Le reservo la cita?"
    caller.say("No, el jueves.")
    assert "jueves diecinueve de noviembre a las nueve y media" in caller.heard
    assert caller.say("Sí, gracias.").node == "more"
    assert {effect.language for effect in caller.log if isinstance(effect, Say)} == {"en", "es"}


def test_the_spanish_clinic_says_nothing_in_english(call: Callable[..., Caller]) -> None:
    caller = call("clinic", language="es").silent(3).transfer_ends("no_answer").recorded(5)
    says = [effect for effect in caller.log if isinstance(effect, Say)]
    assert len(says) > 6
    assert {say.language for say in says} == {"es"}


@pytest.mark.parametrize(
    "said",
    ["Can I speak to a person?", "receptionist please", "I want to talk to someone", "Put me through."],
)
def test_a_person_is_one_sentence_away(call: Callable[..., Caller], said: str) -> None:
    caller = call("clinic").say(said)
    assert caller.last == Transfer("connect", "+15555550123", 25)


def test_a_transfer_that_is_not_answered_comes_back(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("0").transfer_ends("no_answer")
    assert isinstance(caller.last, Record)
    assert isinstance(caller.recorded(4).last, HangUp)


def test_after_hours_nobody_is_rung(call: Callable[..., Caller]) -> None:
    caller = call("clinic", now=NOW.replace(day=14))
    assert "closed" in caller.heard
    assert isinstance(caller.press("0").last, Record)


def test_a_weekend_is_refused_with_a_reason(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1").say("Saturday")
    assert "closed at weekends" in caller.heard
    assert caller.node == "ask_day"


def test_a_public_holiday_is_refused_too(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1").say("November twenty-sixth")
    assert "closed on that day" in caller.heard
    assert caller.say("November twenty-seventh").node == "ask_time"


def test_the_keypad_is_offered_after_the_question_not_instead_of_it(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1").say("a banana").say("a banana")
    assert "Tell me a day, like next Tuesday, or the twentieth. Or type the month" in caller.heard


def test_a_time_that_is_not_offered_is_refused(call: Callable[..., Caller]) -> None:
    caller = call("clinic").press("1").say("Monday").say("three o'clock")
    assert "won't work" in caller.heard
    assert caller.say("the last one").state.slots["time"] == "14:00"


def test_what_a_model_is_told_of_the_clinic(call: Callable[..., Caller]) -> None:
    ask = call("clinic").say("Where can I park?").ask
    assert "Parking is free behind the building" in ask.facts
    assert "medical advice, prices" in ask.instruction
    assert ask.max_tokens == 90
    assert ask.reuse
    assert set(ask.outcomes) == {"answered", "wants_booking", "wants_cancelling", "unsure"}


def test_the_clinic_looks_up_who_calls_while_it_greets() -> None:
    files = directory_texts(FLOWS)
    for address, asked in (("https://api.example", ["look_up"]), ("", [])):
        flow = build_library(files, {"CLINIC_API": address}).flows["clinic"]
        caller = Caller(flow)
        assert [one.node for one in ready_requests(flow, caller.state, NOW)] == asked


# the parcel line


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("one two three four five six seven eight", "on its way"),
        ("20304050", "delivered yesterday"),
        ("It's 2 0 3 0, 4 0 5 0.", "delivered yesterday"),
        ("double oh double oh double oh double oh", "can't find"),
    ],
)
def test_a_parcel_is_tracked(call: Callable[..., Caller], answer: str, words: str) -> None:
    assert words in call("parcel").say(answer).heard


def test_a_missed_parcel_is_delivered_again(call: Callable[..., Caller]) -> None:
    caller = call("parcel").press("30405060").say("yes").say("on Thursday").say("no, Friday")
    assert "Friday, November twentieth" in caller.heard
    caller.say("yes").press("2")
    assert isinstance(caller.last, HangUp)
    assert "redelivery_arranged" in caller.events
