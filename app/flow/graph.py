"""A flow as a graph: every way from a node to another, with the place in the file that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from app.flow.document import Place
from app.flow.expressions import Expression
from app.flow.model import Flow, Node
from app.flow.nodes.collect import Collect
from app.flow.nodes.confirm import Confirm
from app.flow.question import Question

EdgeKind = Literal["route", "ladder", "global", "correction"]


@dataclass(frozen=True, slots=True)
class Edge:
    """`label` is what leads on: `next`, `yes`, a choice's or a global's name, `no_input`, the slot corrected.

    `condition` has to hold, and none of `earlier` may; `place` None: nothing in the file says so in as many words.
    """

    source: str
    label: str
    target: str
    kind: EdgeKind
    place: Place | None
    condition: Expression | None = None
    earlier: tuple[Expression, ...] = ()


def edges(flow: Flow) -> tuple[Edge, ...]:
    """In the order of the file's nodes; what leads nowhere is left out, or taken for the name it nearly is."""
    found = (edge for node in flow.nodes.values() for edge in _edges_from(flow, node))
    return tuple(meant for edge in found if (meant := _meant(flow, edge)))


def _meant(flow: Flow, edge: Edge) -> Edge | None:
    """One misspelt name shall not make half of a flow look unreachable."""
    if edge.target in flow.nodes:
        return edge
    near = get_close_matches(edge.target, flow.nodes, 1)
    return replace(edge, target=near[0]) if near else None


def _edges_from(flow: Flow, node: Node) -> Iterator[Edge]:
    yield from route_edges(node)
    if isinstance(node, Question):
        yield from _ladder_edges(flow, node)
        if not node.modal:
            yield from _global_edges(flow, node)
    if isinstance(node, Confirm):
        yield from _corrections(flow, node)


def route_edges(node: Node) -> Iterator[Edge]:
    """The ways out that the node itself names."""
    for label, route in node.routes.items():
        earlier: list[Expression] = []
        for branch in route.branches:
            yield Edge(node.name, label, branch.goto, "route", branch.place, branch.condition, tuple(earlier))
            earlier += [branch.condition] if branch.condition else []


def _ladder_edges(flow: Flow, node: Question) -> Iterator[Edge]:
    settings = node.settings
    for label, ladder in (("no_input", settings.no_input), ("no_match", settings.no_match)):
        rung = ladder.way_out
        if rung is not None and rung.goto:
            yield Edge(node.name, label, rung.goto, "ladder", rung.place)
        elif settings.max_attempts is not None and flow.way_out and flow.way_out.goto:
            yield Edge(node.name, label, flow.way_out.goto, "ladder", flow.way_out.place)


def _global_edges(flow: Flow, node: Question) -> Iterator[Edge]:
    for one in flow.globals.values():
        if one.goto:
            yield Edge(node.name, one.name, one.goto, "global", one.place)


def _corrections(flow: Flow, node: Confirm) -> Iterator[Edge]:
    for other in flow.nodes.values():
        if isinstance(other, Collect) and other.slot.name in node.change:
            yield Edge(node.name, other.slot.name, other.name, "correction", None)


def reachable(start: Iterable[str], ways: Iterable[Edge]) -> frozenset[str]:
    """Every node that can be come to from `start`, those included."""
    following: dict[str, set[str]] = {}
    for edge in ways:
        following.setdefault(edge.source, set()).add(edge.target)
    return walk(start, following)


def walk(start: Iterable[str], following: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found, waiting = set(start), list(start)
    while waiting:
        new = set(following.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return frozenset(found)
