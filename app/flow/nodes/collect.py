"""`collect`: fill one slot, by voice or keypad."""

from __future__ import annotations

from dataclasses import dataclass

from app.flow.draft import Draft
from app.flow.languages import language
from app.flow.model import Meaning, Node, Scene, Settings, Slot
from app.flow.nodes import node_type
from app.flow.question import Question
from app.flow.routes import Route, required_route
from app.flow.section import Section
from app.flow.slots import Hearing
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect(Question):
    slot: Slot
    next: Route

    @property
    def targets(self) -> tuple[str, ...]:
        return self.next.targets

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        reading = self.slot.type.understand(text, _hearing(scene))
        if reading is None:
            return None
        return Meaning("value", "slot", reading.score, self.slot.name, reading.value, text)

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        turn.fill(self.slot.name, meaning.value)
        return self.next.choose(turn)

    def complete(self, scene: Scene, text: str) -> bool | None:
        return self.slot.type.complete(text, _hearing(scene))


def _hearing(scene: Scene) -> Hearing:
    return Hearing(language(scene.state.language), scene.now)


@node_type("collect")
def read_collect(name: str, section: Section, draft: Draft, defaults: Settings) -> Node | None:
    slot = draft.slot(section, "collect")
    settings = draft.settings(section, name, defaults)
    ask = draft.prompt(section, "ask", f"{name}.ask")
    again = draft.prompt(section, "again", f"{name}.again")
    modal = section.flag("modal")
    following = required_route(section, draft, "next")
    if slot is None:
        return None
    return Collect(
        name=name,
        settings=settings,
        ask=ask,
        again=again,
        modal=modal,
        sensitive=slot.sensitive,
        slot=slot,
        next=following,
    )
