"""`set`: assign slots, silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.flow.assignments import Assignment, read_assignments
from app.flow.draft import Draft
from app.flow.inputs import Input
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.routes import Route, required_route
from app.flow.section import Section
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Set:
    name: str
    assignments: tuple[Assignment, ...]
    next: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"next": self.next}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {one.slot: one.names for one in self.assignments}

    def enter(self, turn: Turn) -> str | None:
        for one in self.assignments:
            one.carry_out(turn)
        return self.next.choose(turn)

    def resume(self, turn: Turn) -> str | None:
        return self.enter(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        return None


@node_type("set")
def read_set(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    return Set(name, read_assignments(section, draft, "set"), required_route(section, draft, "next"))
