from __future__ import annotations

import pytest

from app.flow.phrases import is_courtesy, meant


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
        ("Yes, thank you very much", "en-GB", "yes"),
        ("um, please", "en", "um please"),
        ("Mañana, por favor, eh, gracias.", "es", "mañana"),
        ("Une table, s'il vous plaît.", "fr", "une table"),
        ("J'ai rendez-vous avec Ben, euh, merci", "fr", "j'ai rendez vous avec ben"),
        ("Am Montag, bitte schön.", "de", "am montag"),
        ("È martedì, per favore.", "it", "è martedì"),
        ("please", "hi", "please"),
        ("", "en", ""),
    ],
)
def test_what_is_meant_is_said_without_courtesies_and_hesitations(
    text: str, language: str, words: str
) -> None:
    assert " ".join(meant(text, language)) == words


@pytest.mark.parametrize(
    ("text", "language", "is_one"),
    [
        ("Please.", "en", True),
        ("Please. Thank you!", "en", True),
        ("Por favor", "es-MX", True),
        ("Tuesday, please.", "en", False),
        ("um", "en", False),
        ("please, um", "en", False),
        ("please", "hi", False),
        ("", "en", False),
    ],
)
def test_a_courtesy_has_no_word_beside_it(text: str, language: str, is_one: bool) -> None:
    assert is_courtesy(text, language) is is_one
