from __future__ import annotations

import pytest

from scripts.benches.words import error_rate, normalised


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        (
            "en",
            "Please enter a new extension, followed by pound.",
            "please enter a new extension followed by pound",
        ),
        ("en", "The number 27 and 1,250.", "the number twenty seven and one thousand two hundred and fifty"),
        ("en", "On the 3rd, at 10:30.", "on the third at ten thirty"),
        ("en", "It costs 2.5.", "it costs two point five"),
        (
            "en",
            "Extension 0042, or 55512345",
            "extension zero zero four two or five five five one two three four five",
        ),
        ("en", "Mr. Dashwood", "mister dashwood"),
        ("en", "an ill-disposed “young man”", "an ill disposed young man"),
        ("en", "I don't, 'cause it’s late", "i don't cause it's late"),
        ("es", "El 1.250, ¿no?", "el mil doscientos cincuenta no"),
        ("es", "El 2º día, Sra. López", "el segundo día señora lópez"),
        ("fr", "L’indicatif, s'il vous plaît : 21", "l'indicatif s'il vous plaît vingt et un"),
        ("fr", "Le 1er essai, M. Roy", "le premier essai monsieur roy"),
        ("it", "Prego, 3 e 40.", "prego tre e quaranta"),
    ],
)
def test_texts_are_written_as_they_are_spoken(language: str, written: str, spoken: str) -> None:
    assert normalised(written, language) == spoken


def test_letters_with_accents_are_the_same_however_they_are_encoded() -> None:
    assert normalised("plai\u0302t", "fr") == normalised("plaît", "fr")


@pytest.mark.parametrize(
    ("heard", "rate"),
    [
        ("Ten of clubs!", 0.0),
        ("ten of clubs clubs", 1 / 3),
        ("ten clubs", 1 / 3),
        ("tin of clubs", 1 / 3),
        ("", 1.0),
    ],
)
def test_errors_are_counted_in_words(heard: str, rate: float) -> None:
    assert error_rate([("10 of clubs", heard)], "en") == pytest.approx(rate)


def test_long_texts_weigh_more_than_short_ones() -> None:
    assert error_rate([("one", "two"), ("one two three", "one two three")], "en") == pytest.approx(1 / 4)


def test_a_contraction_is_not_what_it_stands_for() -> None:
    assert error_rate([("don't", "do not")], "en") == 2.0


def test_nothing_has_no_rate() -> None:
    assert error_rate([], "en") is None
