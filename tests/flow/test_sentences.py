from __future__ import annotations

import pytest

from app.flow.sentences import sentences, template_sentences
from app.flow.templates import compile_template


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Lee is here. Come in.", ["Dr. Lee is here.", "Come in."]),
        ("Am 3. März. Gut.", ["Am 3. März.", "Gut."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_sentences_end_where_something_follows(text: str, parts: list[str]) -> None:
    assert list(sentences(text)) == parts


CONDITION = '{% if a == "x. y" %}Yes. No.{% endif %} So.'
NESTED = "{% if a %}Oh. {% if b %}Ah. {% endif %}Eh. {% endif %}Ih."


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("Hello. It is {{ day | digits }}. Bye.", ["Hello.", "It is {{ day | digits }}.", "Bye."]),
        (f"Hi. {CONDITION} End", ["Hi.", CONDITION, "End"]),
        (f"Uh. {NESTED} So.", ["Uh.", NESTED, "So."]),
    ],
)
def test_a_templates_sentences_are_templates(source: str, parts: list[str]) -> None:
    assert list(template_sentences(source)) == parts
    values = {"day": "12", "a": "1", "b": "", "language": "en", "today": None}
    whole = compile_template(source)
    assert " ".join(one.render(values) for one in whole.sentences) == whole.render(values)


def test_what_is_fixed_in_a_template_is_known_beforehand() -> None:
    assert compile_template("Hello. It is {{ day }}. Bye.").fixed == ("Hello.", "Bye.")
    assert compile_template("Hello. Bye.").fixed == ("Hello. Bye.",)
