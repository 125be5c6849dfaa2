"""What the tests of a flow have come by, and what none of them took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.flow.document import Place
from app.flow.graph import edges
from app.flow.model import Flow
from app.flow.question import Question
from app.flow.rehearsal.run import Result


@dataclass(frozen=True, slots=True)
class Transition:
    """A place where the flow says where to go: `name` is `main_menu.book`, `lookup.ok.2`, `defaults.no_input`."""

    name: str
    target: str
    place: Place


@dataclass(frozen=True, slots=True)
class Coverage:
    """`reasons` say, by a transition's name, why no test takes it."""

    nodes: Mapping[str, Place]
    transitions: tuple[Transition, ...]
    visited: frozenset[str]
    taken: frozenset[Place]
    reasons: Mapping[str, str]

    @property
    def missed_nodes(self) -> list[tuple[str, Place]]:
        return [(name, place) for name, place in self.nodes.items() if name not in self.visited]

    @property
    def missed(self) -> list[Transition]:
        """In the order of the file."""
        return [one for one in self.transitions if one.place not in self.taken]

    @property
    def unexplained(self) -> list[Transition]:
        return [one for one in self.missed if one.name not in self.reasons]

    @property
    def stale(self) -> list[str]:
        """Reasons for what is taken after all, or is not there."""
        missed = {one.name for one in self.missed}
        return [name for name in self.reasons if name not in missed]


def coverage(flow: Flow, results: Iterable[Result], reasons: Mapping[str, str]) -> Coverage:
    """Of the flow and of every flow that it calls."""
    results = list(results)
    parts = [flow, *flow.subflows.values()]
    places: dict[str, Place] = {}
    for part in parts:
        places |= {name: part.places[name] for name in part.nodes}
    return Coverage(
        places,
        tuple(one for part in parts for one in transitions(part)),
        frozenset(name for result in results for name in result.visited),
        frozenset(place for result in results for place in result.taken),
        reasons,
    )


def transitions(flow: Flow) -> tuple[Transition, ...]:
    """Every place once, in the order of the file."""
    found: dict[Place, Transition] = {}
    counts: dict[str, int] = {}
    for edge in edges(flow):
        if edge.place is None or edge.place in found:
            continue
        name = _owner(flow, edge.source, edge.label, edge.kind)
        counts[name] = counts.get(name, 0) + 1
        number = f".{counts[name]}" if counts[name] > 1 else ""
        found[edge.place] = Transition(f"{name}{number}", edge.target, edge.place)
    return tuple(sorted(found.values(), key=lambda one: one.place))


def _owner(flow: Flow, source: str, label: str, kind: str) -> str:
    """The part of the file that names the target."""
    node, part = flow.nodes[source], "" if flow.startable else f"{flow.name}."
    if kind == "global":
        return f"{part}globals.{label}"
    if kind == "ladder" and isinstance(node, Question):
        own = getattr(node.settings, label)
        if own.way_out is None:
            return f"{part}globals.agent"
        return f"{part}defaults.{label}" if own is getattr(flow.settings, label) else f"{source}.{label}"
    return f"{source}.{label}"
