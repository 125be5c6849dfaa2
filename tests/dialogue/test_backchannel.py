from __future__ import annotations

import pytest

from app.dialogue.backchannel import words_beyond


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
