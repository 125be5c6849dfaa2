"""The flows that ship do what they are there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.flow import Library, resume
from app.flow.effects import HangUp, Listen, Say
from tests.flow.caller import Caller


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
