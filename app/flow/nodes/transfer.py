"""`transfer`: connect the caller to somebody, and go on when nobody takes the call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.flow.draft import Draft, built_in_prompt
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
WHO_CALLS: Final = built_in_prompt("who_calls", template=True)
_DIALLABLE = re.compile(r"\+?\d{3,15}|sips?:[\w.+-]+@[\w.-]+(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A number that is empty or cannot be dialled leads to `failed` at once."""

    name: str
    settings: Settings
    number: Template
    prompt: Prompt | None
    ring_s: int
    whisper: Prompt | None
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
        number = _dialled(turn.render(self.number))
        if not _DIALLABLE.fullmatch(number):
            turn.log("transfer_impossible")
            return self.failed.choose(turn)
        if self.prompt is not None:
            turn.say(self.prompt, self.settings)
        turn.state = replace(turn.state, phase="transferring", returning=None)
        whisper = turn.line(self.whisper, self.settings) if self.whisper else None
        turn.emit(TransferEffect(self.name, number, self.ring_s, whisper))
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


def _dialled(written: str) -> str:
    """A number without what people write between its figures."""
    return re.sub(r"(?<=\d)[ ()-]+(?=\d)", "", written)


def _whisper(section: Section, draft: Draft, name: str) -> Prompt | None:
    """With `warm: true` whoever answers hears the `summary` first, or else who is calling."""
    warm, summary = section.flag("warm"), draft.prompt(section, "summary", f"{name}.summary")
    if summary is None:
        return WHO_CALLS if warm else None
    if not warm:
        section.fault(
            section.place_of("summary"), f"nobody hears the summary of {section.what}; add `warm: true`"
        )
    lines = (line for lines in summary.lines.values() for line in lines)
    for one in sorted({one for line in lines for one in line.template.names}):
        if draft.is_sensitive(one):
            section.fault(section.place_of("summary"), f'"{one}" is sensitive and not for others; remove it')
    return summary


@node_type("transfer")
def read_transfer(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    number = section.text("transfer")
    if number is None:
        section.missing("transfer", '"+15550100"')
    place = section.fields.values["transfer"].place
    if number and "{" not in number and not _DIALLABLE.fullmatch(_dialled(number)):
        section.fault(
            place, f'"{number}" is no telephone number; write one such as "+15550100", or sip:NAME@HOST'
        )
    no_answer = required_route(section, draft, "no_answer")
    ring_ms = section.duration_ms("ring")
    return Transfer(
        name=name,
        settings=draft.manner(section, defaults),
        number=draft.template(number or "", place),
        prompt=draft.prompt(section, "say", f"{name}.say"),
        ring_s=max(5, round((RING_MS if ring_ms is None else ring_ms) / 1000)),
        whisper=_whisper(section, draft, name),
        no_answer=no_answer,
        busy=read_route(section, draft, "busy") or no_answer,
        failed=read_route(section, draft, "failed") or no_answer,
    )
