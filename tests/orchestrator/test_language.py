from __future__ import annotations

import pytest

from app.orchestrator.language import LanguageChoice, identified

AMONG = ("en", "es", "fr", "de")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I would like to book an appointment", "en"),
        ("quiero una cita para mañana", "es"),
        ("je voudrais un rendez-vous", "fr"),
        ("ich möchte einen Termin", "de"),
        ("sí", ""),
        ("42 42 42 42 42", ""),
    ],
)
def test_words_tell_their_language(text: str, language: str) -> None:
    assert identified(text, AMONG)[0] == language


def choice(*scores: tuple[str, float]) -> LanguageChoice:
    told = iter(scores)
    return LanguageChoice(AMONG, lambda text, among: next(told), others=["it"])


def test_what_the_recogniser_heard_counts_at_once() -> None:
    assert choice().heard("hola", "es-ES", "en") == "es"
    assert choice(("en", 0.9)).heard("ciao", "it", "en") is None


def test_one_text_without_doubt_counts() -> None:
    assert choice(("fr", 0.96)).heard("…", "en", "en") == "fr"


def test_two_texts_that_agree_count() -> None:
    texts = choice(("fr", 0.9), ("fr", 0.9), ("fr", 0.9))
    assert [texts.heard("…", "en", "en") for _ in range(3)] == [None, "fr", None]


def test_a_text_in_the_calls_language_ends_a_suspicion_and_one_that_says_nothing_does_not() -> None:
    texts = choice(("fr", 0.9), ("en", 0.9), ("fr", 0.9), ("", 0.0), ("fr", 0.9))
    assert [texts.heard("…", "en", "en") for _ in range(5)] == [None, None, None, None, "fr"]


def test_a_language_that_the_call_cannot_go_on_in_must_be_sure_twice() -> None:
    texts = choice(("it", 0.99), ("it", 0.99), ("it", 0.9), ("it", 0.9), ("it", 0.99))
    assert [texts.heard("…", "en", "en") for _ in range(5)] == [None, "it", None, None, "it"]
