from __future__ import annotations

import pytest

from app.orchestrator.speaking_rate import SpeakingRate, letters


def test_pauses_sound_too_but_for_the_one_behind_it_all() -> None:
    assert letters("") == 0
    assert letters("one two") == 8
    assert letters("one, two.") == 8 + 2 + 5


def test_a_rate_is_learned() -> None:
    rate = SpeakingRate()
    rate.learn("one two", 800)
    assert rate.letter_ms == 100
    rate.learn("one two", 1600)
    assert rate.letter_ms == pytest.approx(130)
    rate.learn("", 100)
    assert rate.letter_ms == pytest.approx(130)


@pytest.mark.parametrize(
    ("spoken_ms", "said"),
    [(0, ""), (190, ""), (200, "one"), (590, "one"), (600, "one two"), (9000, "one two  three")],
)
def test_a_word_counts_when_half_of_it_was_heard(spoken_ms: float, said: str) -> None:
    assert SpeakingRate(letter_ms=100).said("one two  three ", spoken_ms) == said


def test_a_word_with_a_pause_behind_it_counts_when_half_of_the_word_was_heard() -> None:
    rate = SpeakingRate(letter_ms=100)
    assert rate.said("one, two", 250) == "one,"
    assert rate.said("one, two", 1200) == "one, two"
