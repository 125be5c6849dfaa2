"""Globals: what can be said or pressed at every question that is not modal."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

from app.flow.assignments import read_assignments
from app.flow.draft import Draft
from app.flow.keypad import read_press
from app.flow.languages import language
from app.flow.model import Global, Meaning, Scene, Settings
from app.flow.phrases import PhraseSet, match, words_of
from app.flow.section import Section
from app.flow.standard_intents import STANDARD, standard_phrases
from app.flow.turn import Turn


def global_keys(scene: Scene) -> Mapping[str, Meaning]:
    keys: dict[str, Meaning] = {}
    for _, one in scene.globals:
        if one.key:
            keys.setdefault(one.key, Meaning("global", "keypad", 1.0, one.name))
    return keys


def global_phrases(scene: Scene) -> Mapping[str, PhraseSet]:
    spoken = scene.state.language
    return {
        one.name: flow.intents[one.name].in_language(spoken, flow.languages[0])
        if one.name in flow.intents
        else standard_phrases(one.name, spoken)
        for flow, one in scene.globals
    }


def global_meanings(scene: Scene) -> Mapping[str, str]:
    """The descriptions of those that have one, for a model."""
    found: dict[str, str] = {}
    for flow, one in scene.globals:
        meaning = flow.intents[one.name].meaning if one.name in flow.intents else None
        if meaning:
            found.setdefault(one.name, meaning)
    return found


def understand_global(scene: Scene, text: str) -> Meaning | None:
    found = match(words_of(text), global_phrases(scene), language(scene.state.language))
    return Meaning("global", "global", found.score, found.name, heard=text) if found else None


def act_globally(turn: Turn, settings: Settings, name: str) -> str | None:
    """Carry a global out; the node to go to, or None: the question is put again."""
    flow, chosen = next((flow, one) for flow, one in turn.scene.globals if one.name == name)
    with nullcontext() if flow is turn.flow else turn.as_caller(flow):
        for one in chosen.assign:
            one.carry_out(turn)
        if chosen.say is not None:
            turn.say(chosen.say, settings)
    turn.via = chosen.place
    return chosen.goto


def read_globals(section: Section | None, draft: Draft) -> dict[str, Global]:
    if section is None:
        return {}
    return {name: _read(name, inner, draft) for name, inner in section.sections("global {}")}


def _read(name: str, section: Section, draft: Draft) -> Global:
    goto = draft.target(section, "goto")
    then = section.choice("then", ("repeat",))
    if (goto is None) == (then is None):
        section.fault(section.place, f"{section.what} needs either `goto: NODE` or `then: repeat`")
    found = Global(
        name=name,
        key=read_press(section, "press"),
        goto=goto,
        say=draft.prompt(section, "say", f"globals.{name}.say"),
        assign=read_assignments(section, draft, "set"),
        place=section.fields.values["goto"].place if goto else None,
    )
    if found.key is None and name not in draft.intents and name not in STANDARD:
        section.fault(
            section.place, f'nobody can reach {section.what}; add `press:` or declare the intent "{name}"'
        )
    section.finish()
    return found
