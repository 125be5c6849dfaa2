from __future__ import annotations

import pytest

from app.dialogue.backchannel import unrepeated, words_beyond


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ("Mm-hm, okay.", "", 0),
        ("Aha!", "", 0),
        ("Yeah, yeah, yeah.", "", 0),
        ("Ten, ten, ten,", "", 1),
        ("Where can you park?", "", 4),
        ("Okay, stop it.", "", 2),
        ("Open on Fridays.", "We are open on Fridays until nine.", 0),
    ],
)
def test_counts_different_words_that_are_no_sign_of_listening(text: str, said: str, words: int) -> None:
    assert words_beyond(text, "en", said) == words


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("Stop, stop, stop,", "Stop,"),
        ("Hold on, hold on", "Hold on, hold on"),
        ("I want to to speak.", "I want to speak."),
        ("Don't, don’t", "Don't, don’t"),
        ("", ""),
    ],
)
def test_says_once_what_a_recogniser_repeats(text: str, once: str) -> None:
    assert unrepeated(text) == once
