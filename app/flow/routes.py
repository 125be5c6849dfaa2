"""Where a node leads: one name, or the first of several whose condition holds."""

from __future__ import annotations

from dataclasses import dataclass

from app.flow.draft import Draft
from app.flow.section import Section
from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Route:
    """`branches` are tried in order; the last has no condition."""

    branches: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        return self.branches

    def choose(self, turn: Turn) -> str:
        return self.branches[-1]


def read_route(section: Section, draft: Draft, key: str) -> Route | None:
    """None where the key is missing."""
    target = draft.target(section, key)
    return None if target is None else Route((target,))


def required_route(section: Section, draft: Draft, key: str) -> Route:
    route = read_route(section, draft, key)
    if route is None:
        section.missing(key, "the name of a node")
    return route or Route(("",))
