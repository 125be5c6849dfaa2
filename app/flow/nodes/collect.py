"""`collect`: fill one slot, by voice or keypad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from app.flow.answering import accept, ask_back
from app.flow.asking import pose
from app.flow.assignments import as_json
from app.flow.document import Tree
from app.flow.draft import Draft, built_in_prompt
from app.flow.early import less, sure_beside_values, without_values
from app.flow.effects import Keypad
from app.flow.expressions import Expression
from app.flow.failing import reject
from app.flow.global_intents import global_keys
from app.flow.keypad import PAUSE_MS, Keys, as_keys
from app.flow.model import Meaning, Node, Scene, Settings, Slot
from app.flow.nodes import node_type
from app.flow.offers import pick
from app.flow.phrases import without_courtesy
from app.flow.prompts import Prompt
from app.flow.question import DOUBTFUL, Question
from app.flow.relevance import bare, strays
from app.flow.routes import Route, required_route
from app.flow.section import Section
from app.flow.slots import KeyRule, Reading
from app.flow.speaking import say
from app.flow.turn import Turn
from app.flow.values import Json

Confirmation = Literal["always", "low_confidence", "never"]
REJECTED = built_in_prompt("rejected")


@dataclass(frozen=True, slots=True)
class Rejection:
    """What is said when a value will not do, though it was understood."""

    condition: Expression
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect(Question):
    """`values` is the list slot that holds what may be chosen."""

    slot: Slot
    next: Route
    keys: KeyRule | None
    keypad_ask: Prompt | None
    values: str | None
    rejections: tuple[Rejection, ...]
    confirmation: Confirmation

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"next": self.next}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        checked = frozenset(name for one in self.rejections for name in one.condition.names)
        return {self.slot.name: checked | ({self.values} if self.values else set())}

    def enter(self, turn: Turn) -> str | None:
        """What was said before it was asked for, and what a correction has left as it was, is not asked again."""
        if turn.state.returning and turn.state.slots.get(self.slot.name) is not None:
            return self.next.choose(turn)
        meaning = self.early(turn.scene, turn.state.early)
        if meaning is not None:
            turn.state = replace(turn.state, early="")
            return self._take_early(turn, meaning)
        kept = turn.state.dropped.get(self.slot.name) if turn.state.returning else None
        if kept is not None and self.refusal(turn, kept) is None:
            turn.fill(self.slot.name, kept)
            return self.next.choose(turn)
        pose(turn, self, self.ask)
        return None

    def early(self, scene: Scene, text: str) -> Meaning | None:
        """The value, if it was said plainly among other things, and will do but for the flow's own objections."""
        kind = self.slot.type
        if not (text and kind.early) or self.modal or self.sensitive:
            return None
        reading = self._read(scene, text, without_values(scene, text, kind.kind))
        if reading is None or reading.weak:
            return None
        reading, offered = sure_beside_values(scene, reading), self._offered(scene)
        for value in (reading.value, *reading.others):
            if kind.accepts(value, scene.hearing) and (offered is None or value in offered):
                return self._meaning(replace(reading, value=value), scene, "slot")
        return None

    def _take_early(self, turn: Turn, meaning: Meaning) -> str | None:
        if self.confirmation != "always":
            return accept(turn, self, meaning)
        ask_back(turn, self, meaning)
        return None

    def repeat(self, scene: Scene) -> tuple[Prompt, ...]:
        """From the second failure on the keypad is offered too."""
        state, asked = scene.state, Question.repeat(self, scene)
        if self.keypad_ask and state.no_inputs + state.no_matches + state.rejections > 1:
            return (*asked, self.keypad_ask)
        return asked

    # words

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        """The value; of several numbers the one that belongs to no other kind: "two, at eight o'clock" are two."""
        kind = self.slot.type
        reading = self._read(scene, text, text)
        if reading is None and kind.early:
            reading = self._read(scene, text, without_values(scene, text, kind.kind))
        if reading is not None and kind.early:
            reading = sure_beside_values(scene, reading)
        offered = self._offered(scene)
        if offered is not None:
            reading = pick(reading, offered, text, scene.hearing.language)
        reading = self._weighed(scene, reading) if reading and kind.weighed else reading
        return self._meaning(reading, scene, "slot") if reading else None

    def _weighed(self, scene: Scene, reading: Reading) -> Reading | None:
        """How sure it is that the value is the answer: less so beside words about something else.

        A value that will not do is refused in so many words only where it was plainly meant as the answer.
        """
        kind = self.slot.type.kind
        alone = bare(scene, reading.rest, kind, self.ask, self.again)
        offered = self._offered(scene)
        known = offered is None or reading.value in offered
        if not alone and not (known and self.slot.type.accepts(reading.value, scene.hearing)):
            return None
        if alone:
            return replace(reading, score=1.0)
        stray = strays(scene, reading.rest, kind, self.ask, self.again)
        return replace(reading, score=DOUBTFUL) if stray or reading.weak else reading

    def _read(self, scene: Scene, text: str, reduced: str) -> Reading | None:
        """The value in what is left of the text."""
        reading = self.slot.type.understand(reduced, scene.hearing)
        if reading is None or reduced == text:
            return reading
        spoken = scene.hearing.language
        plain = " ".join(spoken.numbers.numerals(spoken.tokens(text)))
        return replace(reading, rest=less(plain, less(reduced, reading.rest)))

    def _offered(self, scene: Scene) -> list[Json] | None:
        """What may be chosen, None where anything may."""
        offered = scene.state.slots.get(self.values) if self.values else None
        return offered if isinstance(offered, list) else None

    def _meaning(self, reading: Reading, scene: Scene, rung: Literal["slot", "keypad"]) -> Meaning:
        hearing = scene.hearing
        words = say(self.slot.type.native(reading.value), hearing.language, hearing.today)
        return Meaning("value", rung, reading.score, self.slot.name, reading.value, words, reading.rest)

    @property
    def takes_anything(self) -> bool:
        return self.slot.type.takes_anything

    @property
    def yields(self) -> bool:
        return self.slot.type.yields and not self.modal

    def doubts(self, meaning: Meaning, confidence: float | None) -> bool:
        if meaning.kind != "value" or self.confirmation == "low_confidence":
            return Question.doubts(self, meaning, confidence)
        return self.confirmation == "always"

    def complete(self, scene: Scene, text: str) -> bool | None:
        """Words of courtesy behind a value end a turn as the value does."""
        return self.slot.type.complete(without_courtesy(text, scene.hearing.language), scene.hearing)

    def begins(self, scene: Scene, text: str) -> bool:
        return self.slot.type.begins(text, scene.hearing)

    def hints(self, scene: Scene) -> tuple[str, ...]:
        return self.slot.type.hints(scene.state.language)

    # keys

    def keypad(self, scene: Scene) -> Keypad | None:
        if self.keys is None:
            return Question.keypad(self, scene)
        return Keypad(self.keys.length or self.keys.most, PAUSE_MS, self.keys.finish)

    def read_keys(self, scene: Scene, keys: str, *, paused: bool) -> Meaning | Keys | None:
        """Digits until there are enough of them, or a finish key or a pause ends them."""
        rule = self.keys
        if rule is None:
            return Question.read_keys(self, scene, keys, paused=paused)
        finished = keys[-1] in rule.finish and len(keys) > 1
        digits = keys[:-1] if finished else keys
        if not (finished or paused or len(digits) >= (rule.length or rule.most)):
            return Keys.MORE
        reading = self.slot.type.keyed(digits, scene.hearing)
        if reading is not None and rule.length in (None, len(digits)):
            return self._meaning(reading, scene, "keypad")
        # nothing more is coming, so a key of the globals is meant as such
        return global_keys(scene).get(keys) if paused and not self.modal else None

    # values

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        refusal = self.refusal(turn, meaning.value)
        if refusal is not None:
            return reject(turn, self, refusal)
        turn.fill(self.slot.name, meaning.value)
        return self.next.choose(turn)

    def refusal(self, turn: Turn, value: Json) -> Prompt | None:
        """What to say to a value that will not do; None: it will."""
        before = turn.state
        turn.state = replace(before, slots={**before.slots, self.slot.name: value})
        held = [one.prompt for one in self.rejections if one.condition.holds(turn)]
        turn.state = before
        if held:
            return held[0]
        offered = self._offered(turn.scene)
        known = offered is None or value in [as_json(one) for one in offered]
        return None if known and self.slot.type.accepts(value, turn.scene.hearing) else REJECTED


@node_type("collect")
def read_collect(name: str, section: Section, draft: Draft, defaults: Settings) -> Node | None:
    slot = draft.slot(section, "collect")
    settings = draft.settings(section, name, defaults)
    ask = draft.prompt(section, "ask", f"{name}.ask")
    again = draft.prompt(section, "again", f"{name}.again")
    modal = section.flag("modal")
    following = required_route(section, draft, "next")
    keys, keypad_ask = _keypad(section, draft, name, slot.type.key_rule() if slot else None)
    values = _values(section, draft)
    rejections = _rejections(section, draft, name)
    confirmation = section.choice("confirm_value", ("always", "low_confidence", "never")) or "low_confidence"
    if slot is None:
        return None
    draft.collected.add(slot.name)
    return Collect(
        name=name,
        settings=settings,
        ask=ask,
        again=again,
        modal=modal,
        sensitive=slot.sensitive,
        slot=slot,
        next=following,
        keys=keys,
        keypad_ask=keypad_ask,
        values=values,
        rejections=rejections,
        confirmation=cast(Confirmation, confirmation),
    )


def _keypad(
    section: Section, draft: Draft, name: str, base: KeyRule | None
) -> tuple[KeyRule | None, Prompt | None]:
    inner = section.section("keypad", f"keypad of {section.what}")
    if inner is None:
        return base, None
    length, most = inner.integer("length", 1, 32), inner.integer("max", 1, 32)
    finish = inner.text("finish")
    keys = as_keys(inner, finish, inner.fields.values["finish"].place) if finish is not None else None
    if (length is None) == (most is None):
        inner.fault(inner.place, f"{inner.what} needs either length or max: how many keys to wait for")
    ask = draft.prompt(inner, "ask", f"{name}.keypad.ask")
    inner.finish()
    if base is None:
        inner.fault(inner.place, f"what {section.what} collects cannot be typed; remove keypad")
    return KeyRule(length or most or 1, length, keys or "#"), ask


def _values(section: Section, draft: Draft) -> str | None:
    slot = draft.slot(section, "values")
    if slot is not None and slot.type.expression_type != "list":
        place = section.fields.values["values"].place
        section.fault(
            place, f'values must name a list slot; "{slot.name}" is none, declare it {{type: list}}'
        )
    return slot.name if slot else None


def _rejections(section: Section, draft: Draft, name: str) -> tuple[Rejection, ...]:
    conditions: list[Expression] = []
    said: list[Tree] = []
    for tree in section.items("reject"):
        inner = section.as_section(tree, f"a rejection of {section.what}")
        if inner is None:
            continue
        condition, words = draft.condition(inner), inner.tree("say")
        if condition is None and "if" not in inner:
            inner.missing("if", '"day.weekday > 5"')
        if words is None:
            inner.missing("say", "We are closed at weekends.")
        inner.finish()
        if condition is not None and words is not None:
            conditions.append(condition)
            said.append(words)
    prompts = draft.indexed_prompts(said, f"{name}.reject")
    return tuple(Rejection(*pair) for pair in zip(conditions, prompts, strict=True))
