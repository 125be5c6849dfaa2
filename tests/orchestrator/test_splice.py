from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orchestrator.splice import Splice, WholeWords


def spliced(said: str, *pieces: str) -> str:
    splice = Splice(said)
    return said + "".join(map(splice.feed, pieces)) + splice.end()


@pytest.mark.parametrize(
    ("said", "continuation", "whole"),
    [
        ("", "Hello there.", "Hello there."),
        ("We open", " at nine.", "We open at nine."),
        ("We open", "at nine.", "We open at nine."),
        ("We open at", "at nine.", "We open at nine."),
        ("We open at", "We open at nine.", "We open at nine."),
        ("We open at", "open at nine.", "We open at nine."),
        ("We open at nine", "We open at nine. Bye.", "We open at nine. Bye."),
        ("We open at nine.", "nine. Bye.", "We open at nine. Bye."),
        ("We open at nine,", "nine and close at five.", "We open at nine, and close at five."),
        ("We open at nine", ".", "We open at nine."),
        ("We open at nine.", "", "We open at nine."),
        ("We open at nine.", "We open at nine.", "We open at nine."),
        ("We open at nine on Monday", "at the weekend too", "We open at nine on Monday at the weekend too"),
        ("Abrimos a las nueve", "¿Algo más?", "Abrimos a las nueve ¿Algo más?"),
        ("It is 3:30", "3:30 sharp", "It is 3:30 sharp"),
    ],
)
def test_nothing_is_said_twice(said: str, continuation: str, whole: str) -> None:
    assert spliced(said, continuation) == whole
    words = [piece + " " for piece in continuation.split(" ")]
    assert spliced(said, *words).rstrip() == whole


def test_what_is_new_is_let_through_at_once() -> None:
    splice = Splice("We open at")
    assert splice.feed("nine") == " nine"
    assert splice.feed(" sharp") == " sharp"


def test_what_may_be_a_repetition_is_held_back() -> None:
    splice = Splice("We open at")
    assert splice.feed("We") == ""
    assert splice.feed(" open at") == ""
    assert splice.feed(" nine") == " nine"


DISTINCT = st.lists(st.integers(100, 999), min_size=2, max_size=30, unique=True).map(
    lambda numbers: [f"w{number}" for number in numbers]
)


@given(DISTINCT, st.data())
def test_any_cut_and_any_overlap_give_the_sentence(words: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(words) - 1))
    again = data.draw(st.integers(0, cut))
    pieces = [f" {word}" for word in words[again:]]
    assert spliced(" ".join(words[:cut]), *pieces) == " ".join(words)


@given(st.text(), st.data())
def test_no_text_is_lost_by_waiting_for_whole_words(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    words = WholeWords()
    ends = [0, *cuts, len(text)]
    pieces = [words.feed(text[start:end]) for start, end in pairwise(ends)]
    assert "".join(pieces) + words.end() == text


def test_a_word_is_passed_on_when_it_is_whole() -> None:
    words = WholeWords()
    assert [words.feed(piece) for piece in ("Good", " mor", "ning", " to", " you.")] == [
        "",
        "Good",
        "",
        " morning",
        " to",
    ]
    assert words.end() == " you."


def test_scripts_without_spaces_are_not_held_for_ever() -> None:
    words = WholeWords()
    assert "".join(words.feed("東") for _ in range(50)).startswith("東" * 41)
