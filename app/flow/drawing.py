"""A flow as a drawing: Mermaid's text, which many editors and code hosts show."""

from __future__ import annotations

from collections.abc import Iterator

from app.flow.graph import Edge, edges
from app.flow.model import Flow, Node
from app.flow.nodes.call import Call
from app.flow.nodes.http import Http
from app.flow.nodes.llm import Llm
from app.flow.nodes.say import Say
from app.flow.nodes.transfer import Transfer
from app.flow.question import Question


def verb(node: Node) -> str:
    """The node's kind, as the file calls it."""
    if isinstance(node, Say):
        # a goodbye and an outcome are made of the same
        return node.prompt.key.rpartition(".")[2] if node.prompt else "outcome"
    return type(node).__name__.lower()


def mermaid(flow: Flow) -> str:
    """A flowchart; what can be done everywhere is drawn once."""
    return "\n".join(["flowchart TD", *(f"  {line}" for line in _lines(flow))]) + "\n"


def drawn_edges(flow: Flow) -> list[Edge]:
    """The edges worth drawing: every way out of a node, and each place of a ladder or a global once."""
    found: dict[tuple[object, ...], Edge] = {}
    for edge in edges(flow):
        own = edge.kind in ("route", "correction")
        key = (edge.source, edge.label, edge.target, edge.place) if own else (edge.place,)
        found.setdefault(key, edge)
    return list(found.values())


def _lines(flow: Flow) -> Iterator[str]:
    # a prefix, because `end` and others are words of Mermaid's own
    yield f"call_begins((call)) --> n_{flow.start}"
    for name, node in flow.nodes.items():
        before, after = _shape(node)
        yield f'n_{name}{before}"{name}<br/>{verb(node)}"{after}'
    for edge in drawn_edges(flow):
        source = "everywhere((everywhere))" if is_everywhere(flow, edge) else f"n_{edge.source}"
        arrow = "-.->" if edge.kind != "route" else "-->"
        label = f"{edge.label}: {edge.condition.source}" if edge.condition else edge.label
        yield f'{source} {arrow}|"{_quoted(label)}"| n_{edge.target}'


def is_everywhere(flow: Flow, edge: Edge) -> bool:
    """Whether what leads there is written outside of the nodes: a global, or a ladder of the defaults."""
    if edge.kind not in ("global", "ladder") or edge.place is None:
        return False
    node = flow.nodes[edge.source]
    if edge.kind == "global" or not isinstance(node, Question):
        return True
    own = getattr(node.settings, edge.label)
    return own is getattr(flow.settings, edge.label) or own.way_out is None


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;")


def _shape(node: Node) -> tuple[str, str]:
    if isinstance(node, Question) and not isinstance(node, Llm):
        return "{{", "}}"
    if isinstance(node, Http | Llm | Call):
        return "[[", "]]"
    return ("([", "])") if isinstance(node, Transfer) or not node.routes else ("[", "]")
