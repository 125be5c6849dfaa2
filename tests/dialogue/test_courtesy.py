from __future__ import annotations

import pytest

from app.dialogue.courtesy import meant


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("A table for two, please. Thank you!", "en", "a table for two"),
        ("Um, I need, uh, a taxi.", "en", "i need a taxi"),
        ("I'd like to thank your team.", "en", "i'd like to thank your team"),
        ("I’m umpteen minutes late", "en", "i'm umpteen minutes late"),
        ("Please.", "en", "please"),
        ("Should I come to the ER?", "en", "should i come to the er"),
        ("The lump is 5 mm.", "en", "the lump is 5 mm"),
        ("No, thank you.", "en", "no"),
        ("Mañana, por favor, eh, gracias.", "es", "mañana"),
        ("Une table, s'il vous plaît.", "fr", "une table"),
        ("Am Montag, bitte.", "de", "am montag"),
        ("please", "hi", "please"),
        ("", "en", ""),
    ],
)
def test_what_is_meant_is_said_without_courtesies_and_hesitations(
    text: str, language: str, words: str
) -> None:
    assert " ".join(meant(text, language)) == words
