from __future__ import annotations

from collections.abc import Callable
from functools import partial

from app.dialogue.interim import Interim


def always(complete: bool | None) -> Callable[[], bool | None]:
    return lambda: complete


def guessed(*heard: tuple[float, str, bool | None], until: float) -> list[float]:
    """When a guess was made, looking every 0.1 s, while these words came."""
    interim, coming, guesses = Interim(), list(heard), []
    for tenth in range(round(until * 10) + 1):
        now = tenth / 10
        while coming and coming[0][0] <= now:
            _, text, complete = coming.pop(0)
            interim.heard(tuple(text.split()), always(complete), now)
        if interim.worth_a_guess(now):
            guesses.append(now)
    return guesses


def test_an_answer_is_guessed_at_once_and_only_once() -> None:
    assert guessed((0.2, "on friday", True), (0.4, "on friday", True), until=2.0) == [0.2]


def test_words_that_stay_the_same_are_guessed_once_they_are_settled() -> None:
    assert guessed(
        (0.2, "do you", None), (0.4, "do you park", None), (0.5, "do you park", None), until=2.0
    ) == [0.7]


def test_the_beginning_of_an_answer_is_not_guessed_at() -> None:
    assert guessed((0.2, "four four", False), until=2.0) == []


def test_other_words_are_guessed_anew_but_not_for_ever() -> None:
    heard = [
        (0.2, "friday", True),
        (0.6, "friday or", None),
        (0.7, "friday or saturday", True),
        (1.0, "no", True),
    ]
    assert guessed(*heard, until=3.0) == [0.2, 0.7]


def test_nothing_is_no_guess() -> None:
    assert guessed((0.0, "", True), until=1.0) == []


def test_whether_they_are_an_answer_is_asked_of_other_words_only() -> None:
    interim, asked = Interim(), list[str]()
    for words in ("on", "on friday", "on friday"):
        interim.heard((words,), partial(asked.append, words), now=0.0)
    assert asked == ["on", "on friday"]


def test_the_words_are_not_shown() -> None:
    interim = Interim()
    interim.heard(("friday",), lambda: True, now=0.0)
    assert interim.worth_a_guess(0.0)
    assert "friday" not in repr(interim)
