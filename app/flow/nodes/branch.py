"""`branch`: decide, silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.flow.draft import Draft
from app.flow.inputs import Input
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.routes import Route, required_route
from app.flow.section import Section
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    route: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"branch": self.route}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        return self.route.choose(turn)

    def resume(self, turn: Turn) -> str | None:
        return self.enter(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        return None


@node_type("branch")
def read_branch(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    return Branch(name, required_route(section, draft, "branch"))
