"""Phrase templates, and matching what callers say against them."""

from __future__ import annotations

import pytest

from app.flow.languages import language
from app.flow.phrases import PhraseSet, begins, complete, expand, match, words_of

PHRASES = {
    "book": PhraseSet.of(expand("(book|make|get) (an|my) appointment"), language("en")),
    "cancel": PhraseSet.of([*expand("cancel [my|the] appointment"), "can't make it"], language("en")),
    "agent": PhraseSet.of(
        [*expand("[speak|talk] to (a|an) (person|agent|human)"), "receptionist"], language("en")
    ),
    "spanish": PhraseSet.of(expand("habla[s] español"), language("es")),
}


@pytest.mark.parametrize(
    ("template", "texts"),
    [
        ("tea", ["tea"]),
        ("[a] tea", ["a tea", "tea"]),
        ("(tea|coffee)", ["coffee", "tea"]),
        ("tea|coffee", ["coffee", "tea"]),
        ("habla[s] español", ["habla español", "hablas español"]),
        ("[a [big]] tea", ["a big tea", "a tea", "tea"]),
        ("(a|b) (c|d)", ["a c", "a d", "b c", "b d"]),
    ],
)
def test_expand(template: str, texts: list[str]) -> None:
    assert list(expand(template)) == texts


@pytest.mark.parametrize("template", ["(tea", "tea)", "[tea", "tea]", "(tea]", "", "[]", "[a]" * 12])
def test_a_broken_template_says_what_is_wrong(template: str) -> None:
    with pytest.raises(ValueError, match=r'".*"'):
        expand(template)


def test_words_have_no_case_accent_or_punctuation() -> None:
    assert words_of("¿Qué tal? I'd like Señor Müller's 9:30!") == (
        *("que", "tal", "id", "like", "senor", "mullers", "9", "30"),
    )


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("Book an appointment.", "book"),
        ("I'd like to book an appointment.", "book"),
        ("Um, hello, I would like to make an appointment, please.", "book"),
        ("Yes, hi, can I get an appointment if possible?", "book"),
        ("Could you book my appointment please?", "book"),
        ("I need to cancel my appointment.", "cancel"),
        ("Cancel the appointment", "cancel"),
        ("Sorry, I can't make it.", "cancel"),
        ("Can I speak to a person?", "agent"),
        ("To a human, please.", "agent"),
        ("The receptionist, please.", "agent"),
        ("HABLAS ESPANOL", "spanish"),
        ("I want to make an appointment for Tuesday", "book"),
        ("Book in appointment.", "book"),
        ("I'd like to book and appointment, please.", "book"),
        ("Can't sell my appointment.", None),
        ("I don't want to book an appointment.", None),
        ("Never cancel my appointment!", None),
        ("Book an appointment or cancel my appointment", None),
        ("My neighbour said that your receptionist was extremely helpful with all of her questions", None),
        ("What is the weather like?", None),
        ("appointment", None),
        ("", None),
        ("...", None),
    ],
)
def test_match(said: str, intent: str | None) -> None:
    found = match(words_of(said), PHRASES, language("en"))
    assert (found.name if found else None) == intent


def test_the_score_tells_how_much_of_the_sentence_the_phrase_is() -> None:
    whole = match(words_of("please book an appointment"), PHRASES, language("en"))
    part = match(words_of("book an appointment for my daughter"), PHRASES, language("en"))
    assert whole
    assert part
    assert whole.score == 1.0
    assert 0.5 <= part.score < 1.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("book an appointment", True),
        ("I'd like to book an appointment please", True),
        ("book", False),
        ("I'd like to book an", False),
        ("I'd like to", False),
        ("um", False),
        ("what a lovely day", None),
        ("", None),
    ],
)
def test_complete(said: str, expected: bool | None) -> None:
    assert complete(words_of(said), PHRASES.values(), language("en")) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("book", True),
        ("I'd like to book an", True),
        ("I'd like to", False),
        ("I think", False),
        ("what a lovely day", False),
        ("", False),
    ],
)
def test_an_opening_alone_begins_no_phrase(said: str, expected: bool) -> None:
    assert begins(words_of(said), PHRASES.values(), language("en")) is expected
