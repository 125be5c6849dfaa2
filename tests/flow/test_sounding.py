"""What was misheard, and what a sentence only mentions: asked back in the flow's own words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.flow import step, understood
from app.flow.effects import Understood
from app.flow.inputs import Heard
from app.flow.languages import language
from app.flow.phrases import words_of
from tests.flow.caller import Caller


@pytest.mark.parametrize(
    ("code", "heard", "said"),
    [
        ("es", "un acito", "una cita"),
        ("es", "hola gua", "ola gua"),
        ("es", "kiero beintidós", "quiero veintidós"),
        ("en", "book an a pointment", "book an appointment"),
        ("de", "ferschieben", "verschieben"),
        ("fr", "une farmassi", "une pharmassi"),
        ("it", "kiudere", "chiudere"),
    ],
)
def test_sounds_are_nearer_than_spellings(code: str, heard: str, said: str) -> None:
    sound = language(code).sound
    differing = sum(a != b for a, b in zip(sound(words_of(heard)), sound(words_of(said)), strict=False))
    assert differing <= 1


@pytest.mark.parametrize(
    ("code", "heard", "node"),
    [
        ("es", "Un acito.", "ask_day"),
        ("es", "Un acito, por sabor.", "ask_day"),
        ("es", "Quiero pedir un acita.", "ask_day"),
        ("es", "Anular mi sita.", "ask_callback"),
        ("en", "Book an a pointment.", "ask_day"),
        ("en", "Cancel my point mint.", "ask_callback"),
    ],
)
def test_what_sounds_like_a_choice_is_it_once_the_caller_agrees(
    call: Callable[..., Caller], code: str, heard: str, node: str
) -> None:
    caller = call("clinic", language=code).say(heard)
    if caller.state.phase == "confirming":
        caller.say("Sí." if code == "es" else "Yes.")
    assert caller.node == node
    rungs = [one.rung for one in caller.log if isinstance(one, Understood)]
    assert rungs[0] in ("sound", "confirmation", "choice")


@pytest.mark.parametrize(
    "heard", ["Pizza.", "A sewing machine.", "Bach.", "Cancer ward.", "Look at the pond."]
)
def test_other_words_sound_like_nothing(call: Callable[..., Caller], heard: str) -> None:
    caller = call("clinic").say(heard)
    assert caller.node == "main_menu"
    assert caller.state.phase == "asking"


@pytest.mark.parametrize(
    ("heard", "time"), [("Alas once de la mañana.", "11:00"), ("Prefierro la última.", "14:00")]
)
def test_misheard_words_of_no_weight_are_none_beside_a_value(
    call: Callable[..., Caller], heard: str, time: str
) -> None:
    caller = call("clinic", language="es").say("Una cita.").say("El martes.")
    assert caller.say(heard).state.slots["time"] == time


def test_what_is_only_mentioned_is_asked_back_and_never_acted_on(call: Callable[..., Caller]) -> None:
    caller = call("clinic").say("Could you cancel the milkman's Friday order?")
    assert caller.node == "main_menu"
    assert caller.heard.startswith("Did you say")
    assert caller.say("No.").node == "main_menu"


def test_a_mention_far_off_in_meaning_is_not_asked_back(call: Callable[..., Caller]) -> None:
    caller = call("clinic")
    text = "Could you cancel the milkman's Friday order?"
    caller.give(Heard(text, "en", None, caller.now, {"cancel": 0.1}))
    assert caller.state.phase == "asking"


def test_a_guess_is_worth_looking_for_a_better_meaning(call: Callable[..., Caller]) -> None:
    caller = call("clinic")
    heard = Heard("Cancel the milkman", "en", None, caller.now)
    assert not understood(step(caller.flow, caller.state, heard))


def test_what_is_asked_back_behind_anything_else_is_not_forgotten(call: Callable[..., Caller]) -> None:
    caller = call("clinic").say("Where are you?").model_says("We are at 20 Mill Road.", "answered")
    caller.say("Cancel the tennis match.")
    assert caller.heard.startswith("Did you say")
    assert caller.say("Yes.").node == "ask_callback"


@pytest.mark.parametrize(
    "said", ["I don't know who might want to cancel what.", "No idea, something of a human."]
)
def test_who_begins_by_not_knowing_has_asked_for_nothing(call: Callable[..., Caller], said: str) -> None:
    caller = call("clinic")
    caller.give(Heard(said, "en", None, caller.now, {"cancel": 0.99}))
    assert caller.node == "main_menu"
    assert caller.state.phase == "asking"
