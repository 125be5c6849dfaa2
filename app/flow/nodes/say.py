"""`say`: speak, and go on or hang up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.flow.draft import Draft
from app.flow.inputs import Input
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.prompts import Prompt
from app.flow.routes import Route, read_route
from app.flow.section import Section, suggestion
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Say:
    """`next` None: the call ends here, or the subflow does with its `outcome`."""

    name: str
    settings: Settings
    prompt: Prompt | None
    next: Route | None
    log: str | None
    clear: tuple[str, ...]
    outcome: str | None = None

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"next": self.next} if self.next else {}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        if self.prompt is not None:
            turn.say(self.prompt, self.settings)
        if self.log is not None:
            turn.log(self.log)
        turn.clear(self.clear)
        if self.next is not None:
            return self.next.choose(turn)
        if self.outcome is not None:
            return turn.end_subflow(self.outcome)
        turn.hang_up(self.name)
        return None

    def resume(self, turn: Turn) -> str | None:
        return self.enter(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        return None


@node_type("say")
def read_say(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    hangup = section.flag("hangup")
    route = read_route(section, draft, "next")
    outcome = read_outcome(section, draft)
    if [hangup, route is not None, "outcome" in section].count(True) != 1 and "next" not in section:
        section.fault(section.place, f"{section.what} needs either `next: NODE` or `hangup: true`")
    elif "next" in section and (hangup or "outcome" in section):
        section.fault(section.place, f"{section.what} needs either `next: NODE` or `hangup: true`, not both")
    return Say(
        name=name,
        settings=draft.manner(section, defaults),
        prompt=draft.prompt(section, "say", f"{name}.say"),
        next=route,
        log=section.name("log"),
        clear=read_clear(section, draft),
        outcome=outcome,
    )


def read_outcome(section: Section, draft: Draft) -> str | None:
    """One of the outcomes that the flow declares."""
    name = section.name("outcome")
    if name is not None and name not in draft.outcomes:
        way_out = (
            suggestion(name, draft.outcomes) if draft.outcomes else "declare `outcomes: [...]` at the top"
        )
        section.fault(
            section.place_of("outcome"), f'the flow has no outcome "{name}"; {way_out}', "undeclared-outcome"
        )
    return name


def read_clear(section: Section, draft: Draft) -> tuple[str, ...]:
    names = []
    for tree in section.items("clear"):
        name = section.as_text(tree, "clear")
        if name is not None and draft.known_slot(name, tree.place):
            names.append(name)
    return tuple(names)
