from __future__ import annotations

import pytest

from providers.spoken_text import LONGEST, sentences, speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Press # to go on, or * to repeat.", "Press pound to go on, or star to repeat."),
        ("Press *.", "Press star."),
        ("You are #5 in line.", "You are number 5 in line."),
        ("**Great** news, _really_.", "Great news, really."),
        ("Your code is 0042.", "Your code is 0 0 4 2."),
        ("Room 007A.", "Room 0 0 7A."),
        ("Order 4815162342.", "Order 4 8 1 5 1 6 2 3 4 2."),
        ("Call 555-0142.", "Call 5 5 5, 0 1 4 2."),
        ("Call +1 415 555 0142 now.", "Call plus 1, 4 1 5, 5 5 5, 0 1 4 2 now."),
        ("Call (415) 555-0142.", "Call 4 1 5, 5 5 5, 0 1 4 2."),
    ],
)
def test_signs_and_codes_are_written_out(written: str, spoken: str) -> None:
    assert speakable(written, "en") == spoken


@pytest.mark.parametrize(
    "text",
    [
        "The total is $1,250.50.",
        "It costs 15000 euros.",
        "We open at 08:30 on 2026-03-05.",
        "Between 0.5 and 3.05, from 10-12.",
        "Half past 9 on 05/03/2026.",
        "In 2026 we had 120 calls.",
    ],
)
def test_quantities_times_and_dates_are_left_to_the_voice(text: str) -> None:
    assert speakable(text, "en") == text


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        ("de", "Drücken Sie Raute oder Stern, Nummer 5, plus 4 9, 3 0, 1 2 3."),
        ("es", "Drücken Sie almohadilla oder asterisco, número 5, más 4 9, 3 0, 1 2 3."),
        ("fr", "Drücken Sie dièse oder étoile, numéro 5, plus 4 9, 3 0, 1 2 3."),
        ("it", "Drücken Sie cancelletto oder asterisco, numero 5, più 4 9, 3 0, 1 2 3."),
    ],
)
def test_each_language_has_its_own_words_for_signs(language: str, spoken: str) -> None:
    assert speakable("Drücken Sie # oder *, #5, +49 30 123.", language) == spoken


@pytest.mark.parametrize(
    "parts",
    [
        ["Hello.", "How are you?", "Fine!"],
        ["For help, press 1.", "For all else, press 2."],
        ["Goodbye, Dr. Smith.", "See you!"],
        ["Ask for J. K. Rowling.", "Now."],
        ["¿Cómo está?", "¡Bien!", "Adiós."],
        ['He said "Yes."', "Good…", "Then go."],
        ["It costs 3.50 dollars.", "Pay now."],
        ["No end"],
    ],
)
def test_text_is_cut_into_sentences(parts: list[str]) -> None:
    assert sentences(" ".join(parts), "en") == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["Ihr Termin ist am 3. März.", "Bis dann!"],
        ["Ist das die 2. Impfung?", "Sagen Sie ja oder nein."],
        ["Für Termine drücken Sie die 1.", "Für alles andere die 2.", "Oder bleiben Sie dran."],
    ],
)
def test_a_german_number_with_a_full_stop_is_an_ordinal_unless_a_sentence_begins_behind_it(
    parts: list[str],
) -> None:
    assert sentences(" ".join(parts), "de") == parts


def test_a_new_line_ends_a_sentence_and_nothing_is_none() -> None:
    assert sentences("one\n\n two \nthree", "en") == ["one", "two", "three"]
    assert sentences(" \n ", "en") == []


def test_what_is_too_long_for_one_breath_is_cut_between_words() -> None:
    text = "word " * 200
    parts = sentences(text, "en")
    assert max(map(len, parts)) <= LONGEST
    assert " ".join(parts) == text.strip()
