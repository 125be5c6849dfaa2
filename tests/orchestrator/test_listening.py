from __future__ import annotations

import pytest

from app.orchestrator.listening import Verdict, must_join, verdict


@pytest.mark.parametrize(
    ("speech_ms", "since_words_ms", "has_words", "joins"),
    [
        (280, 280, False, False),
        (300, 300, False, True),
        (900, 900, True, False),
        (2000, 1200, True, True),
    ],
)
def test_when_the_standby_joins(
    speech_ms: float, since_words_ms: float, has_words: bool, joins: bool
) -> None:
    assert must_join(speech_ms, since_words_ms, has_words) is joins


@pytest.mark.parametrize(
    ("lead", "standby", "speech_ms", "lent", "partials", "expected"),
    [
        ("yes", "", 500, 0, True, "lead"),
        ("", "", 5000, 0, True, "lead"),
        ("yes please", "yes please do", 900, 0, True, "lead"),
        ("", "yes", 400, 0, True, "lend"),
        ("", "yes", 400, 1, True, "lend"),
        ("", "yes", 400, 2, True, "replace"),
        ("", "yes please", 1000, 0, True, "replace"),
        ("i want", "i want a table for two", 2000, 0, True, "replace"),
        ("", "yes please", 3000, 0, False, "lend"),
        ("", "yes please", 3000, 2, False, "replace"),
        ("i want", "i want a table for two", 2000, 0, False, "lead"),
    ],
)
def test_whose_words_count(
    lead: str, standby: str, speech_ms: float, lent: int, partials: bool, expected: Verdict
) -> None:
    assert verdict(lead, standby, speech_ms, lent, "en", partials=partials) == expected


@pytest.mark.parametrize(
    ("lead", "standby", "partials", "expected"),
    [
        ("I want a table,", "i want a table for two", True, "lend"),
        ("I want a table,", "i want a table for two", False, "lend"),
        ("I", "i want a table for two", False, "lend"),
        ("I", "i want a table for two", True, "replace"),
        ("I want a table for two.", "i want a table for two", True, "lead"),
        ("I want a table for two.", "i won't a table for two please", True, "lead"),
        ("I want a table for two.", "i want a table", True, "lead"),
    ],
)
def test_words_that_came_to_no_end_are_made_whole(
    lead: str, standby: str, partials: bool, expected: Verdict
) -> None:
    assert verdict(lead, standby, 2000, 0, "en", partials=partials, broken_off=True) == expected
    if len(standby.split()) < len(lead.split()) + 3:
        assert verdict(lead, standby, 2000, 0, "en", partials=partials) == "lead"


@pytest.mark.parametrize(
    ("lead", "standby", "language"),
    [
        ("My number is 44", "My number is 447", "en"),
        ("My number is 4 4", "my number is four four seven", "en-GB"),
        ("my number is forty four", "My number is 447.", "en"),
        ("I’d like a", "I'd like a table", "en"),
        ("a table for tw", "a table for two", "en"),
        ("My number is twenty", "my number is twenty one", "en"),
        ("मेरा नंबर", "मेरा नंबर 447", "hi"),
    ],
)
def test_what_was_broken_off_is_known_however_it_is_written(lead: str, standby: str, language: str) -> None:
    assert verdict(lead, standby, 2000, 0, language, partials=False, broken_off=True) == "lend"
    assert verdict(lead, lead.upper(), 2000, 0, language, partials=False, broken_off=True) == "lead"
