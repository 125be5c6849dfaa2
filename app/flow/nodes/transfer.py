"""`transfer`: connect the caller to somebody, and go on when nobody takes the call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.flow.draft import Draft
from app.flow.effects import Transfer as TransferEffect
from app.flow.inputs import Input, TransferEnded
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.prompts import Prompt
from app.flow.routes import Route, read_route, required_route
from app.flow.section import Section
from app.flow.templates import Template
from app.flow.turn import Turn

RING_MS: Final = 25_000
_DIALLABLE = re.compile(r"\+?\d{3,15}|sips?:[\w.+-]+@[\w.-]+(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A number that is empty or cannot be dialled leads to `failed` at once."""

    name: str
    settings: Settings
    number: Template
    prompt: Prompt | None
    ring_s: int
    no_answer: Route
    busy: Route
    failed: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"no_answer": self.no_answer, "busy": self.busy, "failed": self.failed}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        number = re.sub(r"(?<=\d)[ ()-]+(?=\d)", "", self.number.render(turn.names()))
        if not _DIALLABLE.fullmatch(number):
            turn.log("transfer_impossible")
            return self.failed.choose(turn)
        if self.prompt is not None:
            turn.say(self.prompt, self.settings)
        turn.state = replace(turn.state, phase="transferring", returning=None)
        turn.emit(TransferEffect(self.name, number, self.ring_s))
        return None

    def resume(self, turn: Turn) -> str | None:
        return self.enter(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        if not isinstance(given, TransferEnded):
            return None
        turn.log(f"transfer_{given.outcome}")
        if given.outcome == "completed":
            turn.hang_up("transferred")
            return None
        routes = {"no_answer": self.no_answer, "busy": self.busy, "failed": self.failed}
        return routes[given.outcome].choose(turn)


@node_type("transfer")
def read_transfer(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    number = section.text("transfer")
    if number is None:
        section.missing("transfer", '"+15550100"')
    place = section.fields.values["transfer"].place
    no_answer = required_route(section, draft, "no_answer")
    ring_ms = section.duration_ms("ring")
    return Transfer(
        name=name,
        settings=draft.settings(section, name, defaults),
        number=draft.template(number or "", place),
        prompt=draft.prompt(section, "say", f"{name}.say"),
        ring_s=max(5, round((RING_MS if ring_ms is None else ring_ms) / 1000)),
        no_answer=no_answer,
        busy=read_route(section, draft, "busy") or no_answer,
        failed=read_route(section, draft, "failed") or no_answer,
    )
