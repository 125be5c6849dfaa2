from __future__ import annotations

from providers.phrases_heard import PhrasesHeard


def test_words_of_several_phrases_join() -> None:
    phrases = PhrasesHeard()
    phrases.began(0)
    phrases.hypothesis("i want", 500)
    assert (phrases.text, phrases.settled) == ("i want", False)
    phrases.final("I want a table.", 900)
    phrases.hypothesis("for", 1500)
    assert (phrases.text, phrases.settled) == ("I want a table. for", False)
    phrases.final("For two.", 1800)
    assert (phrases.text, phrases.settled) == ("I want a table. For two.", True)


def test_a_phrase_that_goes_on_gives_each_utterance_its_own_words() -> None:
    phrases = PhrasesHeard()
    phrases.began(0)
    phrases.hypothesis("i want a table", 900)
    assert phrases.take() == "i want a table"
    phrases.began(1000)
    phrases.hypothesis("i want a table for two", 1600)
    assert phrases.text == "for two"
    phrases.final("I want a table for two.", 1700)
    assert phrases.take() == "for two."


def test_a_final_that_comes_late_belongs_to_nobody() -> None:
    phrases = PhrasesHeard()
    phrases.began(0)
    phrases.hypothesis("yes", 400)
    assert phrases.take() == "yes"
    phrases.hypothesis("yes please", 800)
    phrases.began(1000)
    phrases.final("Yes, please.", 800)
    assert phrases.text == ""
    phrases.hypothesis("tomorrow", 1500)
    assert phrases.take() == "tomorrow"


def test_words_before_an_utterance_are_not_its_own() -> None:
    phrases = PhrasesHeard()
    phrases.hypothesis("a radio", 3000)
    phrases.began(5000)
    assert phrases.text == ""
    phrases.hypothesis("a radio hello", 5600)
    assert phrases.text == "hello"


def test_words_that_a_late_detector_missed_are_its_own() -> None:
    phrases = PhrasesHeard()
    phrases.hypothesis("hello", 300)
    phrases.began(100)
    assert phrases.text == "hello"
