"""Which slots are sure to have a value when a node is entered, whichever way a call has come there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.flow.expressions import Expression
from app.flow.graph import Edge
from app.flow.model import Flow

_NAME = re.compile(r"\w+")
_EMPTY = re.compile(r"not\s+(\w+)")


def filled_on_entry(
    flow: Flow, ways: Iterable[Edge], given: frozenset[str] = frozenset()
) -> dict[str, frozenset[str]]:
    """By node, without those that no call comes to. `given` are the inputs of a subflow."""
    outgoing: dict[str, list[Edge]] = {}
    for edge in ways:
        outgoing.setdefault(edge.source, []).append(edge)
    filled = {flow.start: given}
    waiting = [flow.start]
    while waiting:
        source = waiting.pop()
        for edge in outgoing.get(source, ()):
            arriving = _after(flow, edge, filled[source])
            known = filled.get(edge.target)
            meeting = arriving if known is None else known & arriving
            if meeting != known:
                filled[edge.target] = meeting
                waiting.append(edge.target)
    return filled


def _after(flow: Flow, edge: Edge, filled: frozenset[str]) -> frozenset[str]:
    """What is filled when the edge has been taken."""
    node = flow.nodes[edge.source]
    if edge.kind == "correction":
        return filled - {edge.label} - flow.dependents.get(edge.label, frozenset())
    if edge.kind == "global":
        return filled | {one.slot for one in flow.globals[edge.label].assign}
    if edge.kind == "ladder":
        return filled
    filled -= frozenset(getattr(node, "clear", ()))
    if edge.label != "failed":
        for slot in node.derived:
            filled = (filled - flow.dependents.get(slot, frozenset())) | {slot}
    return filled | _shown(edge)


def _shown(edge: Edge) -> frozenset[str]:
    """What the conditions of a branch prove: a comparison with an empty slot is false, and `not slot` true."""
    proven = {found[1] for one in edge.earlier if (found := _EMPTY.fullmatch(one.source.strip()))}
    return frozenset(proven | _holding(edge.condition))


def _holding(condition: Expression | None) -> set[str]:
    if condition is None or {"or", "not"} & set(_NAME.findall(condition.source)):
        return set()
    return {name.partition(".")[0] for name in condition.names}
