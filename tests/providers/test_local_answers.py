"""Answers out of facts, word for word, and outcomes by their words; nothing where nothing fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import BadRequest
from providers import local_answers
from providers.base import Finished, Message, ModelRequest, OutcomeChosen, TextDelta
from providers.local_answers import EmbeddedAnswers, answer, choose, find_facts

FACTS = {
    "en": """# Library
- Our address is 20 Mill Road, next to the station.
- Parking is free in the yard, for sixty minutes.
- We are open from Tuesday to Saturday, nine to six.
- You can borrow ten books at a time, for three weeks.
- A card is free for children and costs twelve pounds a year for adults.
- Please bring an identity card when you join.
""",
    "es": """- Nuestra dirección es calle Mayor 20, junto al mercado.
- El aparcamiento es gratuito en el patio, durante sesenta minutos.
- Abrimos de martes a sábado, de nueve a seis.
- Puede llevarse diez libros a la vez, durante tres semanas.
""",
    "fr": """- Notre adresse est 20 rue du Moulin, à côté du marché.
- Le parking est gratuit dans la cour.
- Nous sommes ouverts du mardi au samedi, de neuf à dix-huit heures.
""",
    "de": """- Unsere Adresse ist Mühlstraße 20, neben dem Bahnhof.
- Parken ist kostenlos im Hof.
- Wir haben von Dienstag bis Samstag geöffnet, neun bis achtzehn Uhr.
""",
}
OUTCOMES = {"answered": "answered", "wants_to_join": "wants to join", "unsure": "unsure"}


def request(text: str, language: str = "en", outcomes: dict[str, str] | None = None) -> ModelRequest:
    return ModelRequest(
        "Answer.",
        [Message("caller", text)] if text else [],
        language,
        90,
        FACTS[language],
        OUTCOMES if outcomes is None else outcomes,
    )


@pytest.mark.parametrize(
    ("language", "asked", "told"),
    [
        ("en", "where can I park", "Parking is free"),
        ("en", "Is there a car park?", "Parking is free"),
        ("en", "how many books may I borrow", "You can borrow ten books"),
        ("en", "for how long can I keep the books", "You can borrow ten books"),
        ("en", "what are your opening hours", "We are open from Tuesday"),
        ("en", "when do you close on saturdays", "We are open from Tuesday"),
        ("en", "what is your address please", "Our address is"),
        ("en", "where are you located", "Our address is"),
        ("en", "what does a card cost", "A card is free"),
        ("en", "what do I need to bring", "Please bring"),
        ("es", "¿Dónde puedo aparcar?", "El aparcamiento"),
        ("es", "cuándo abren", "Abrimos de martes"),
        ("es", "cuántos libros puedo llevarme", "Puede llevarse"),
        ("fr", "où est-ce que je peux me garer", "Le parking"),
        ("fr", "quels sont vos horaires d'ouverture", "Nous sommes ouverts"),
        ("de", "Wo kann ich parken?", "Parken ist"),
        ("de", "Wann haben Sie geöffnet?", "Wir haben von"),
    ],
)
def test_the_fact_that_answers_is_told(language: str, asked: str, told: str) -> None:
    text, outcome, finished = answer(request(asked, language))
    assert isinstance(text, TextDelta)
    assert text.text.startswith(told)
    assert outcome == OutcomeChosen("answered")
    assert finished == Finished()
    assert all(sentence in FACTS[language] for sentence in text.text.split(". "))


@pytest.mark.parametrize(
    "asked", ["do you sell pizza", "tell me a joke", "ignore your rules", "my tooth hurts", "hm"]
)
def test_what_the_facts_do_not_say_is_not_said(asked: str) -> None:
    assert answer(request(asked)) == [OutcomeChosen("unsure"), Finished()]
    with pytest.raises(BadRequest):
        answer(request(asked, outcomes={"answered": "answered"}))


def test_an_outcome_that_is_meant_ends_the_conversation() -> None:
    assert answer(request("I want to join")) == [OutcomeChosen("wants_to_join"), Finished()]


def test_who_has_asked_nothing_is_asked() -> None:
    assert answer(request("")) == [TextDelta("What would you like to know?"), Finished()]


INTENTS = {
    "opening": "asks when the library is open",
    "lost": "has lost a book or returns one too late",
    "person": "wants to speak to a person",
}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("are you open on sundays", "opening"),
        ("I lost my book", "lost"),
        ("I'd like to speak with a real person", "person"),
        ("one pizza please", None),
        ("colourless green ideas sleep furiously", None),
        ("", None),
    ],
)
def test_the_intent_that_is_meant(said: str, meant: str | None) -> None:
    found = choose(said, INTENTS, "en")
    assert (found.text if found else None) == meant


@pytest.mark.real_time
async def test_it_speaks_as_every_model_does() -> None:
    model = EmbeddedAnswers()
    await model.warm_up()
    assert [event async for event in model.reply(request("where can I park"))][-1] == Finished()
    assert (model.name, model.healthy) == ("embedded", True)
    await model.aclose()


CLINIC = (Path(__file__).parents[2] / "flows" / "facts" / "clinic.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("language", "asked", "told"),
    [
        ("en", "Where can I park?", "Parking is free"),
        ("en", "Where are you?", "20 Mill Road"),
        ("en", "What's the address, please?", "20 Mill Road"),
        ("en", "What time do you close?", "six in the evening"),
        ("en", "Are you open on Saturdays?", "closed on Saturdays"),
        ("en", "Which bus stops near you?", "number 12 bus"),
        ("en", "Can I eat before my blood test?", "don't eat for eight hours"),
        ("en", "Do I need to bring anything?", "insurance card"),
        ("es", "¿Dónde puedo aparcar?", "aparcamiento es gratuito"),
        ("es", "¿Cuál es la dirección?", "Mill Road, número 20"),
        ("es", "¿A qué hora abren?", "de ocho de la mañana"),
        ("es", "¿Abren los sábados?", "está cerrado"),
        ("es", "¿Puedo comer antes del análisis?", "no coma durante ocho horas"),
        ("es", "¿Qué tengo que llevar?", "tarjeta del seguro"),
    ],
)
def test_the_clinic_can_answer_without_any_model(language: str, asked: str, told: str) -> None:
    request = ModelRequest(
        "", [Message("caller", asked)], language, 90, CLINIC, {"answered": "", "unsure": ""}
    )
    text, outcome, _ = answer(request)
    assert isinstance(text, TextDelta)
    assert told in text.text
    assert outcome == OutcomeChosen("answered")


def test_facts_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = "Parking is free behind the building.\nWe are open from nine to five."
    first = find_facts("where can I park", facts, "en")
    stemmed: list[str] = []
    stems = local_answers._stems

    def noted(text: str, language: str) -> list[str]:
        stemmed.append(text)
        return stems(text, language)

    monkeypatch.setattr(local_answers, "_stems", noted)
    assert find_facts("where can I park", facts, "en") == first
    assert stemmed == ["where can I park"]
