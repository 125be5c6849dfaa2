"""`confirm`: yes or no, or a correction: "no, Thursday" changes that slot, redoes what hangs on it, and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain

from app.flow.draft import Draft
from app.flow.early import beside
from app.flow.global_intents import understand_global
from app.flow.keypad import spoken_key
from app.flow.languages import language
from app.flow.model import Meaning, Node, Scene, Settings
from app.flow.nodes import node_type
from app.flow.nodes.collect import Collect
from app.flow.nodes.menu import Menu
from app.flow.phrases import PhraseMatch, PhraseSet, begins, complete, peelings, words_of
from app.flow.question import DOUBTFUL, SURE_SCORE, Question
from app.flow.relevance import strays
from app.flow.routes import Route, required_route
from app.flow.section import Section
from app.flow.turn import Turn
from app.flow.yes_no import YES_NO_KEYS, is_unsure, understand_yes_no, yes_no_phrases


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Question):
    """`change` are the slots that may be corrected here, the likeliest first."""

    yes: Route
    no: Route
    change: tuple[str, ...]

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"yes": self.yes, "no": self.no}

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        """A whole yes or no; with more beside it only where that corrects nothing.

        "Anything else?" is also answered by a choice of the menu that yes leads to.
        """
        spoken = language(scene.state.language)
        found = understand_yes_no(text, spoken)
        if found is not None and found.score == 1:
            return Meaning("choice", "choice", found.score, found.name, heard=text)
        if self.correct(scene, text):
            return None
        ahead = self._ahead(scene)
        chosen = ahead.chosen(scene, text) if ahead else None
        if chosen is not None:
            return replace(chosen, name="yes", rest=text)
        if ahead and any(words in spoken.more for words in peelings(words_of(text), spoken)):
            return Meaning("choice", "choice", 1.0, "yes", heard=text)
        if found is not None:
            return self._with_more(scene, text, found)
        if self._agrees(scene, text):
            return Meaning("choice", "choice", SURE_SCORE, "yes", heard=text)
        return spoken_key(self.all_keys(scene), text, spoken)

    def _with_more(self, scene: Scene, text: str, found: PhraseMatch) -> Meaning | None:
        """A yes or no that more was said with: what that means, where it means anything, goes before."""
        if not self.modal and (more := understand_global(scene, beside(text, found.span))):
            return more
        if self._ahead(scene) and strays(scene, beside(text, found.span), "", self.ask, self.again):
            return None
        rest = self._beforehand(scene, found.name, beside(text, found.span))
        return Meaning("choice", "choice", found.score, found.name, heard=text, rest=rest)

    def _beforehand(self, scene: Scene, answer: str, more: str) -> str:
        """ "Yes, next Thursday": what the answer leads to asking for was said with it. What was confirmed is not it."""
        targets = self.routes[answer].targets
        node = scene.flow.nodes.get(targets[0]) if len(targets) == 1 else None
        found = node.early(scene, more) if isinstance(node, Collect) else None
        confirmed = [scene.state.slots.get(slot) for slot in self.change]
        return more if found is not None and found.value not in confirmed else ""

    def presumed(self, scene: Scene, text: str) -> Meaning | None:
        """The yes or no alone, when nobody knows what else was said."""
        found = understand_yes_no(text, language(scene.state.language))
        if found is None or self.correct(scene, text):
            return None
        return Meaning("choice", "guess", found.score, found.name, heard=text)

    def phrases(self, scene: Scene) -> Mapping[str, PhraseSet]:
        ahead = self._ahead(scene)
        return ahead.phrases(scene) if ahead else {}

    def leaves_open(self, scene: Scene, text: str) -> bool:
        """ "I don't know yet." is neither, whatever it may mean elsewhere."""
        return is_unsure(text, language(scene.state.language))

    def alternatives(self, scene: Scene) -> Mapping[str, Meaning]:
        """The choices of the menu ahead, each chosen there by its own words."""
        ahead = self._ahead(scene)
        chosen = ahead.alternatives(scene) if ahead else {}
        return {name: replace(one, name="yes", rest=one.heard) for name, one in chosen.items()}

    def _ahead(self, scene: Scene) -> Menu | None:
        """The menu that yes leads to."""
        node = scene.flow.nodes.get(self.yes.targets[0]) if len(self.yes.targets) == 1 else None
        return node if isinstance(node, Menu) and not self.modal else None

    def correct(self, scene: Scene, text: str) -> Meaning | None:
        """What stands out as a value of its kind first: "Saturday at nine" is no number of people."""
        collects = [one for one in (_collect(scene, name) for name in self.change) if one]
        asked = [one for one in collects if not one.slot.type.takes_anything]
        early = (one.early(scene, text) for one in asked)
        plain = (one.understand(scene, text) for one in asked)
        for found in chain(early, plain):
            if found is not None and found.value != scene.state.slots.get(found.name):
                return replace(found, kind="correction", rung="correction")
        return self._named(scene, text)

    def _named(self, scene: Scene, text: str) -> Meaning | None:
        """ "change the day": the slot is named, by its own name or its kind, and asked for again.

        Not so where it is asked about, "what day was that?", or where much else is said.
        """
        spoken, words = language(scene.state.language), words_of(text)
        asking = not spoken.changes & set(words) and bool(spoken.questions & set(words))
        for name in () if asking else self.change:
            kind = scene.flow.slots[name].type.kind
            own = set(words_of(name.replace("_", " ")))
            if own <= set(words) or spoken.kinds.get(kind, frozenset()) & set(words):
                stray = set(strays(scene, text, kind, self.ask, self.again)) - own
                return Meaning("correction", "correction", DOUBTFUL if stray else 1.0, name, heard=text)
        return None

    def _agrees(self, scene: Scene, text: str) -> bool:
        """ "Tuesday is fine": what was asked is said again, and nothing against it."""
        spoken = language(scene.state.language)
        words = set(words_of(text))
        if words & spoken.negations or any((word,) in spoken.no for word in words):
            return False
        collects = (_collect(scene, name) for name in self.change)
        found = (
            (one, one.understand(scene, text)) for one in collects if one and not one.slot.type.takes_anything
        )
        return any(
            meaning is not None
            and meaning.score >= SURE_SCORE
            and meaning.value == scene.state.slots[one.slot.name]
            for one, meaning in found
        )

    def doubts(self, meaning: Meaning, confidence: float | None) -> bool:
        """A yes is not asked back with "Did you say yes?", though what is behind it may be."""
        plain = meaning.kind == "choice" and meaning.rung in ("choice", "keypad")
        return not plain and not self._is_presumed(meaning) and Question.doubts(self, meaning, confidence)

    def _is_presumed(self, meaning: Meaning) -> bool:
        return meaning.rung == "guess" and not meaning.rest

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        if meaning.kind == "correction":
            return self._redo(turn, meaning)
        return (self.yes if meaning.name == "yes" else self.no).choose(turn)

    def _redo(self, turn: Turn, meaning: Meaning) -> str | None:
        collect = _collect(turn.scene, meaning.name)
        assert collect is not None, "only what is collected somewhere can be understood as a correction"
        turn.log("corrected")
        turn.state = replace(turn.state, returning=self.name)
        if meaning.value is None:
            turn.fill(meaning.name, None)
            return collect.name
        self._open_again(turn, meaning)
        refusal = collect.refusal(turn, meaning.value)
        if refusal is None:
            turn.fill(meaning.name, meaning.value)
            return collect.next.choose(turn)
        turn.say(refusal, collect.settings)
        turn.fill(meaning.name, None)
        return collect.name

    def _open_again(self, turn: Turn, meaning: Meaning) -> None:
        """ "No, Thursday at eleven" changes the time too."""
        for name in self.change:
            collect = _collect(turn.scene, name)
            if name != meaning.name and collect and collect.early(turn.scene, meaning.rest):
                turn.fill(name, None)

    def complete(self, scene: Scene, text: str) -> bool | None:
        spoken = language(scene.state.language)
        words, ahead = words_of(text), self._ahead(scene)
        whole = complete(words, yes_no_phrases(spoken).values(), spoken)
        if whole is None and self._is_whole_correction(scene, text):
            return True
        return ahead.complete(scene, text) if whole is None and ahead else whole

    def begins(self, scene: Scene, text: str) -> bool:
        spoken = language(scene.state.language)
        phrases = [*yes_no_phrases(spoken).values(), *self.phrases(scene).values()]
        return begins(words_of(text), phrases, spoken)

    def _is_whole_correction(self, scene: Scene, text: str) -> bool:
        """ "No, Thursday": a whole value of what may be changed."""
        collects = (_collect(scene, name) for name in self.change)
        return any(one.complete(scene, text) for one in collects if one and not one.slot.type.takes_anything)

    def key_options(self, scene: Scene) -> Mapping[str, Meaning]:
        return YES_NO_KEYS


def _collect(scene: Scene, slot: str) -> Collect | None:
    """The node that asks for a slot."""
    nodes = scene.flow.nodes.values()
    return next((node for node in nodes if isinstance(node, Collect) and node.slot.name == slot), None)


@node_type("confirm")
def read_confirm(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    change = []
    for tree in section.items("change"):
        slot = section.as_text(tree, "change")
        if slot is not None and draft.known_slot(slot, tree.place):
            change.append(slot)
            draft.changed.append((slot, tree.place))
    return Confirm(
        name=name,
        settings=draft.settings(section, name, defaults),
        ask=draft.prompt(section, "confirm", f"{name}.confirm"),
        again=draft.prompt(section, "again", f"{name}.again"),
        modal=section.flag("modal"),
        yes=required_route(section, draft, "yes"),
        no=required_route(section, draft, "no"),
        change=tuple(change),
        sensitive=any(draft.slots[name].sensitive for name in change),
    )
