"""`record`: take a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.flow.draft import Draft
from app.flow.effects import Record as RecordEffect
from app.flow.inputs import Input, RecordingEnded
from app.flow.keypad import FINISH, read_press
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.prompts import Prompt
from app.flow.routes import Route, required_route
from app.flow.section import Section
from app.flow.turn import Turn

MAX_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    settings: Settings
    prompt: Prompt | None
    max_s: int
    finish: str
    next: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"next": self.next}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        if self.prompt is not None:
            turn.say(self.prompt, self.settings)
        turn.state = replace(turn.state, phase="recording", returning=None)
        turn.emit(RecordEffect(self.name, self.max_s, self.finish))
        return None

    def resume(self, turn: Turn) -> str | None:
        return self.enter(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        if not isinstance(given, RecordingEnded):
            return None
        turn.log("message_recorded" if given.seconds > 0 else "message_empty")
        return self.next.choose(turn)


@node_type("record")
def read_record(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    max_ms = section.duration_ms("max")
    return Record(
        name=name,
        settings=draft.manner(section, defaults),
        prompt=draft.prompt(section, "record", f"{name}.record"),
        max_s=max(1, round((MAX_MS if max_ms is None else max_ms) / 1000)),
        finish=read_press(section, "finish") or FINISH,
        next=required_route(section, draft, "next"),
    )
