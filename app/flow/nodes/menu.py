"""`menu`: ask for one of the choices, by voice or key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.flow.answering import accept
from app.flow.draft import Draft
from app.flow.early import beside, less, without_details
from app.flow.keypad import read_press, spoken_key
from app.flow.languages import language
from app.flow.model import Meaning, Node, Scene, Settings
from app.flow.nodes import node_type
from app.flow.offers import place
from app.flow.phrases import PhraseSet, begins, complete, match_corrected, words_of
from app.flow.question import SURE_SCORE, Question
from app.flow.relevance import strays
from app.flow.routes import Route, required_route
from app.flow.section import Section, suggestion
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Choice:
    """`name` is the intent, or the key where there is none."""

    name: str
    intent: str | None
    key: str | None
    goto: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Question):
    choices: tuple[Choice, ...]

    @property
    def routes(self) -> Mapping[str, Route]:
        return {choice.name: choice.goto for choice in self.choices}

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        spoken = language(scene.state.language)
        return (
            self.chosen(scene, text)
            or spoken_key(self.all_keys(scene), text, spoken)
            or self._placed(scene, text)
        )

    def _placed(self, scene: Scene, text: str) -> Meaning | None:
        """ "The second one", and nothing else."""
        found = place(text, len(self.choices), language(scene.state.language))
        if found is None or strays(scene, found[1], "", self.ask, self.again):
            return None
        return Meaning("choice", "choice", 1.0, self.choices[found[0]].name, heard=text)

    def chosen(self, scene: Scene, text: str) -> Meaning | None:
        """The choice that was named, by itself or beside values: "an appointment on Monday at eleven"."""
        phrases, spoken = self.phrases(scene), language(scene.state.language)
        found = match_corrected(words_of(text), phrases, spoken)
        if found is not None:
            return Meaning(
                "choice", "choice", found.score, found.name, heard=text, rest=beside(text, found.span)
            )
        reduced = without_details(scene, text)
        found = match_corrected(words_of(reduced), phrases, spoken) if reduced != text else None
        if found is None:
            return None
        return Meaning("choice", "choice", found.score, found.name, heard=text, rest=less(text, reduced))

    def alternatives(self, scene: Scene) -> Mapping[str, Meaning]:
        return {
            name: Meaning("choice", "similarity", 0, name, heard=phrases.sample)
            for name, phrases in self.phrases(scene).items()
        }

    def enter(self, turn: Turn) -> str | None:
        """Who has said already which of the choices it is, is not asked."""
        meaning = self.chosen(turn.scene, turn.state.early) if turn.state.early and not self.modal else None
        if meaning is None or meaning.score < SURE_SCORE:
            return Question.enter(self, turn)
        turn.state = replace(turn.state, early="", returning=None, dropped={})
        return accept(turn, self, meaning)

    def described(self, scene: Scene) -> Mapping[str, str]:
        intents = (scene.flow.intents[choice.intent] for choice in self.choices if choice.intent)
        return {one.name: one.meaning for one in intents if one.meaning}

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        return self.routes[meaning.name].choose(turn)

    def complete(self, scene: Scene, text: str) -> bool | None:
        return complete(words_of(text), self.phrases(scene).values(), language(scene.state.language))

    def begins(self, scene: Scene, text: str) -> bool:
        return begins(words_of(text), self.phrases(scene).values(), language(scene.state.language))

    def hints(self, scene: Scene) -> tuple[str, ...]:
        return tuple(text for known in self.phrases(scene).values() for text in known.texts)

    def key_options(self, scene: Scene) -> Mapping[str, Meaning]:
        return {
            choice.key: Meaning("choice", "keypad", 1.0, choice.name) for choice in self.choices if choice.key
        }

    def phrases(self, scene: Scene) -> Mapping[str, PhraseSet]:
        flow = scene.flow
        return {
            choice.intent: flow.intents[choice.intent].in_language(scene.state.language, flow.languages[0])
            for choice in self.choices
            if choice.intent
        }


@node_type("menu")
def read_menu(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    choices: list[Choice] = []
    for tree in section.items("choices"):
        inner = section.as_section(tree, f"a choice of {section.what}")
        choice = _read_choice(inner, draft) if inner else None
        if choice is not None and inner is not None:
            _check_unique(choice, choices, inner)
            choices.append(choice)
    if not choices:
        section.missing("choices", "[{intent: help, press: 1, goto: help}]")
    return Menu(
        name=name,
        settings=draft.settings(section, name, defaults),
        ask=draft.prompt(section, "menu", f"{name}.menu"),
        again=draft.prompt(section, "again", f"{name}.again"),
        modal=section.flag("modal"),
        choices=tuple(choices),
    )


def _read_choice(section: Section, draft: Draft) -> Choice | None:
    intent, key, goto = (
        section.name("intent"),
        read_press(section, "press"),
        required_route(section, draft, "goto"),
    )
    section.finish()
    if intent is not None and intent not in draft.intents:
        place = section.fields.values["intent"].place
        section.fault(place, f'there is no intent "{intent}"; {suggestion(intent, draft.intents)}')
        intent = None
    if intent is None and key is None:
        section.fault(section.place, f"{section.what} needs an intent, a press, or both")
        return None
    return Choice(intent or key or "", intent, key, goto)


def _check_unique(choice: Choice, others: list[Choice], section: Section) -> None:
    for other in others:
        if choice.key is not None and choice.key == other.key:
            section.fault(
                section.place_of("press"),
                f"key {choice.key} is taken by the choice before; use another",
                "duplicate-key",
            )
        if choice.name == other.name and choice.intent:
            section.fault(section.place_of("intent"), f'"{choice.intent}" is a choice already; remove one')
