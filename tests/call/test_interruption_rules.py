"""What interrupts, by its words, its length and what the agent was saying, without a call."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from app.call.interrupting import (
    BEGINNING_MS,
    LONG_MS,
    ONE_WORD_MS,
    SOME_WORDS_MS,
    SURELY_MEANT_MS,
    is_meant,
    lasts_too_long,
)
from app.call.saying import Prompt
from app.flow.effects import Listen
from providers.base import Hypothesis, Voice

WINDOW_MS = 32.0


@dataclass(frozen=True)
class StopIt:
    """The grammar of a question that is answered by "stop it"."""

    def complete(self, text: str) -> bool | None:
        return text.lower().strip(" .,") == "stop it" or None

    def begins(self, text: str) -> bool:
        return text.lower().strip(" .,") in ("stop", "it")


QUESTION = Listen("ask", "en", 5000, StopIt())


def heard(text: str, confidence: float | None = 0.9, audio_ms: float = 400.0) -> Hypothesis:
    return Hypothesis(text, "en", final=False, audio_ms=audio_ms, confidence=confidence)


def prompt(min_words: int = 1) -> Prompt:
    text = "We open at nine."
    return Prompt(text=text, record=text, node="ask", voice=Voice("hum", "en"), min_words=min_words)


@pytest.mark.parametrize(
    ("text", "from_ms"),
    [
        ("Stop it.", 0.0),
        ("Stop", BEGINNING_MS),
        ("Stop, stop, stop,", BEGINNING_MS),
        ("it", ONE_WORD_MS),
        ("It...", ONE_WORD_MS),
        ("It, it, it,", ONE_WORD_MS),
        ("where is it", SOME_WORDS_MS),
        ("Of her. Of her. Of", ONE_WORD_MS),
        ("hello", ONE_WORD_MS),
    ],
)
def test_words_interrupt_from_a_length_on(text: str, from_ms: float) -> None:
    assert is_meant(heard(text), from_ms, prompt(), QUESTION)
    assert not from_ms or not is_meant(heard(text), from_ms - WINDOW_MS, prompt(), QUESTION)


@pytest.mark.parametrize("text", ["mm-hm", "okay, yeah", "at nine", "We open."])
def test_signs_of_listening_and_echo_never_do(text: str) -> None:
    assert not is_meant(heard(text), 10_000, prompt(), QUESTION)


@pytest.mark.parametrize(
    ("text", "confidence", "meant"),
    [
        ("of her", 0.4, False),
        ("of her", 0.5, True),
        ("of her", None, True),
        ("where can one park", 0.4, True),
        ("stop it", 0.4, True),
    ],
)
def test_doubted_words_count_from_four_on_or_as_an_answer(
    text: str, confidence: float | None, meant: bool
) -> None:
    assert is_meant(heard(text, confidence), ONE_WORD_MS, prompt(), QUESTION) is meant


def test_a_prompt_may_ask_for_more_words() -> None:
    assert not is_meant(heard("hello"), 1000, prompt(min_words=2), QUESTION)
    assert is_meant(heard("hello again"), 1000, prompt(min_words=2), QUESTION)


@pytest.mark.parametrize(
    ("words", "min_words", "from_ms"),
    [
        ("", 1, LONG_MS),
        ("hold on", 1, LONG_MS),
        ("mm-hm", 1, SURELY_MEANT_MS),
        ("we open at nine", 1, SURELY_MEANT_MS),
        (None, 1, SURELY_MEANT_MS),
        ("hold on", 3, SURELY_MEANT_MS),
    ],
)
def test_what_lasts_too_long_interrupts_whatever_it_is(
    words: str | None, min_words: int, from_ms: float
) -> None:
    known = None if words is None else heard(words)
    assert lasts_too_long(from_ms, known, prompt(min_words=min_words))
    assert not lasts_too_long(from_ms - WINDOW_MS, known, prompt(min_words=min_words))
