from __future__ import annotations

import pytest

from app.audio import endpoint
from app.audio.endpoint import Pause, silence_needed_ms


@pytest.mark.parametrize(
    ("pause", "needed_ms"),
    [
        (Pause(), endpoint.UNKNOWN_MS),
        (Pause("Yes.", True), endpoint.COMPLETE_MS),
        (Pause("Yes.", True, 0.9), endpoint.COMPLETE_MS),
        (Pause("No, I don't.", True, 0.1), endpoint.UNLIKELY_MS),
        (Pause("No, I don't.", True, 0.1, 0.01), endpoint.UNLIKELY_MS),
        (Pause("Yes, it is.", True, 0.1, 0.95), endpoint.STILL_LIKELY_MS),
        (Pause("My number is four four.", False, 0.99), endpoint.UNLIKELY_MS),
        (Pause("", None, 0.99), endpoint.UNLIKELY_MS),
        (Pause("I would like to see the.", None, 0.99), endpoint.UNLIKELY_MS),
        (Pause("Half past half past half past", None, 0.99), endpoint.UNLIKELY_MS),
        (Pause("It costs too much.", None, 0.999), endpoint.LIKELY_MS),
        (Pause("It costs too much.", None, 0.2), endpoint.UNLIKELY_MS),
        (Pause("It costs too much.", None), endpoint.UNLIKELY_MS),
        (Pause("It costs too much.", None, 0.2, 0.99), endpoint.STILL_LIKELY_MS),
        (Pause("It costs too much.", None, 0.97, 0.01), endpoint.UNLIKELY_MS),
        (Pause("The heating", None, 0.2, 0.99), endpoint.UNLIKELY_MS),
        (Pause("The heating", None, 0.99), endpoint.UNLIKELY_MS),
    ],
)
def test_waits_by_what_is_known(pause: Pause, needed_ms: float) -> None:
    assert silence_needed_ms(pause, "en") == needed_ms


def test_the_surer_the_voice_the_shorter_the_wait() -> None:
    at_once = [silence_needed_ms(Pause("It costs too much.", None, p / 1000), "en") for p in range(1001)]
    later = [silence_needed_ms(Pause("It costs too much.", None, 0.5, p / 1000), "en") for p in range(1001)]
    for waits in (at_once, later):
        assert waits == sorted(waits, reverse=True)
        assert len(set(waits)) > 5


def test_what_is_found_later_comes_from_after_it_was_asked() -> None:
    assert min(endpoint.STILL_LIKELY_MS, endpoint.UNLIKELY_MS) > endpoint.ASK_AGAIN_MS > endpoint.LIKELY_MS


def test_every_language_has_words_of_its_own_that_nobody_ends_on() -> None:
    for language, text in {"es": "quiero una", "fr": "je voudrais un", "de": "ich möchte einen"}.items():
        assert silence_needed_ms(Pause(text, None, 0.99), language) == endpoint.UNLIKELY_MS
    assert silence_needed_ms(Pause("a b of", None, 0.999), "xx") == endpoint.LIKELY_MS
