"""Findings about where the flow leads."""

from __future__ import annotations

from collections.abc import Iterator

from app.flow.document import Scalar
from app.flow.graph import reachable, walk
from app.flow.lint.finding import Finding
from app.flow.lint.subject import Subject, items, text
from app.flow.model import Node
from app.flow.question import Question

# what goes on by itself, whatever the caller does
SILENT = ("say", "branch", "set", "http")


def check(subject: Subject) -> Iterator[Finding]:
    if subject.complete and subject.flow.start in subject.flow.nodes:
        yield from _unreachable(subject)
        yield from _endings(subject)
    yield from _silent_cycles(subject)
    yield from _outcomes(subject)


def _unreachable(subject: Subject) -> Iterator[Finding]:
    known = reachable([subject.flow.start], subject.edges)
    for name in subject.flow.nodes:
        if name not in known:
            yield Finding(
                subject.place(name),
                "unreachable",
                f'nothing leads to node "{name}"',
                "lead there from some node, or remove it",
            )


def _endings(subject: Subject) -> Iterator[Finding]:
    flow = subject.flow
    before: dict[str, set[str]] = {}
    for edge in subject.edges:
        before.setdefault(edge.target, set()).add(edge.source)
    saved = walk([name for name, node in flow.nodes.items() if _ends(subject, node)], before)
    lost = reachable([flow.start], subject.edges) - saved
    if flow.start in lost:
        yield Finding(
            subject.tree.keys["start"],
            "no-end",
            "the flow can neither hang up nor reach a person",
            "add a node with `hangup: true` or a transfer, and lead to it",
        )
        return
    for name in flow.nodes:
        if name in lost:
            yield Finding(
                subject.place(name),
                "dead-end",
                f'from node "{name}" no call comes to an end or to a person',
                "lead on to a node that hangs up or transfers",
            )


def _ends(subject: Subject, node: Node) -> bool:
    """A hangup, an outcome, a person; or a question without limit, which only the caller ends."""
    asks_for_ever = isinstance(node, Question) and node.settings.max_attempts is None
    return not node.routes or "transfer" in subject.nodes[node.name].values or asks_for_ever


def _silent_cycles(subject: Subject) -> Iterator[Finding]:
    following: dict[str, set[str]] = {}
    for edge in subject.edges:
        if _silent(subject, edge.source):
            following.setdefault(edge.source, set()).add(edge.target)
    reported: set[str] = set()
    for name, targets in following.items():
        around = walk(targets, following)
        if name in around and not reported & around:
            reported |= around
            yield Finding(
                subject.place(name),
                "silent-cycle",
                f'from node "{name}" the flow comes back to it without the caller',
                "put a question, or another way out, into the circle",
            )


def _silent(subject: Subject, name: str) -> bool:
    written = subject.nodes[name].values
    asks = isinstance(subject.flow.nodes[name], Question) or "transfer" in written or "record" in written
    return not asks and any(verb in written for verb in SILENT)


def _outcomes(subject: Subject) -> Iterator[Finding]:
    used = {text(node, "outcome") for node in subject.nodes.values()}
    for declared in items(subject.tree, "outcomes"):
        if isinstance(declared, Scalar) and declared.text not in used:
            yield Finding(
                declared.place,
                "unused-outcome",
                f'no node ends in the outcome "{declared.text}"',
                f"give a node `outcome: {declared.text}`, or remove it here",
            )
