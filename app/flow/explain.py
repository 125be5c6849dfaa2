"""A node in plain words: what is said, what is understood, where it leads, how it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from app.flow.failing import MAX_FAILURES
from app.flow.graph import route_edges
from app.flow.model import Flow, Node
from app.flow.nodes.call import Call
from app.flow.nodes.collect import Collect
from app.flow.nodes.confirm import Confirm
from app.flow.nodes.http import Http
from app.flow.nodes.llm import Llm
from app.flow.nodes.menu import Menu
from app.flow.nodes.record import Record
from app.flow.nodes.transfer import Transfer
from app.flow.prompts import Ladder, Prompt
from app.flow.question import Question

EXAMPLES: Final = 4
_INTERRUPTED: Final[Mapping[str, str]] = {
    "none": "The caller cannot interrupt it.",
    "dtmf": "A key interrupts it, speech does not.",
    "speech": "Speech interrupts it.",
    "any": "Speech and keys interrupt it.",
}


def explain(flow: Flow, node: Node) -> Iterator[str]:
    """Lines; those that begin with two spaces belong to the one above."""
    yield f"{node.name}: {_purpose(flow, node)}"
    yield from _said(flow, node)
    yield from _understood(flow, node)
    yield from _leads(flow, node)
    if isinstance(node, Question):
        yield from _fails(flow, node)


def _purpose(flow: Flow, node: Node) -> str:
    match node:
        case Menu():
            return f"asks for one of {len(node.choices)} choices."
        case Collect():
            secret = ", and keeps it secret" if node.slot.sensitive else ""
            return f'asks for "{node.slot.name}", a {node.slot.type.kind}{secret}.'
        case Confirm():
            return "asks for a yes or a no."
        case Http():
            saved = ", ".join(slot.name for slot, _ in node.save)
            return f"asks a service ({node.request.method}), for at most {node.timeout_ms / 1000:g} s" + (
                f", and keeps {saved}." if saved else "."
            )
        case Llm():
            return f"lets a model talk, for at most {node.max_turns} turns; its instruction: {node.instruction.source}"
        case Call():
            return f'runs the flow "{flow.part(node.start).name}", and goes on by how that ends.'
        case Transfer():
            return f"connects the caller to {node.number.source}, ringing for {node.ring_s} s."
        case Record():
            return f"takes a message of at most {node.max_s} s, ended by {node.finish}."
        case _:
            return "ends the call." if not node.routes else "goes on by itself."


def _said(flow: Flow, node: Node) -> Iterator[str]:
    prompts = [one for one in flow.prompts if one.key.startswith(f"{node.name}.")]
    if not prompts:
        yield "It says nothing of its own."
        return
    yield "It says:"
    for prompt in prompts:
        for language, texts in _wordings(prompt):
            yield f"  {prompt.key[len(node.name) + 1 :]} ({language}): {' | '.join(texts)}"
    settings = getattr(node, "settings", None)
    if settings is not None:
        yield f"  {_INTERRUPTED[settings.barge_in]}"


def _wordings(prompt: Prompt) -> Iterator[tuple[str, list[str]]]:
    for language, lines in prompt.lines.items():
        yield language, [line.template.source for line in lines]


def _understood(flow: Flow, node: Node) -> Iterator[str]:
    if not isinstance(node, Question):
        return
    yield "It understands:"
    if isinstance(node, Menu):
        for choice in node.choices:
            key = f"key {choice.key}" if choice.key else ""
            yield f"  {choice.name}: {', or '.join(filter(None, (_phrases(flow, choice.intent), key)))}"
    elif isinstance(node, Confirm):
        yield "  yes or no, or the keys 1 and 2"
        if node.change:
            yield f"  another {' or '.join(node.change)}, which is then asked about again"
    elif isinstance(node, Collect):
        keys = node.keys
        typed = f", or {keys.length or f'up to {keys.most}'} keys" if keys else ""
        yield f"  a {node.slot.type.kind}{typed}"
    everywhere = [] if node.modal else [one.name for one in flow.globals.values()]
    if everywhere:
        yield f"  and what is understood everywhere: {', '.join(everywhere)}"


def _phrases(flow: Flow, intent: str | None) -> str:
    known = flow.intents.get(intent or "")
    if known is None:
        return ""
    texts = known.in_language(flow.languages[0], flow.languages[0]).texts[:EXAMPLES]
    return ", ".join(f'"{text}"' for text in texts) or known.meaning or ""


def _leads(flow: Flow, node: Node) -> Iterator[str]:
    ways = list(route_edges(node))
    if ways:
        yield "It leads:"
    for edge in ways:
        condition = f" if {edge.condition.source}" if edge.condition else ""
        line = f" (line {edge.place.line})" if edge.place else ""
        yield f"  {edge.label}: to {edge.target}{condition}{line}"


def _fails(flow: Flow, node: Question) -> Iterator[str]:
    settings = node.settings
    yield f"When the caller is silent for {settings.timeout_ms / 1000:g} s:"
    yield from _ladder(flow, settings.no_input)
    yield "When the caller is not understood:"
    yield from _ladder(flow, settings.no_match)
    if settings.max_attempts is None:
        yield "It asks for ever."
        return
    led = settings.no_input.way_out or settings.no_match.way_out
    elsewhere = ", unless a list above leads elsewhere" if led else ""
    yield f"After {settings.max_attempts} failures in all it {_way_out(flow, node)}{elsewhere}."
    yield f"After more than {MAX_FAILURES} in a row, whatever was asked, it apologises and hangs up."


def _way_out(flow: Flow, node: Question) -> str:
    """Where a caller goes whom the question could not help: see `failing.leave`."""
    out = flow.way_out
    if out is not None and out.goto != node.name:
        return f"goes to {out.goto}"
    called = out is None and not flow.startable
    return "goes back to the flow that called, as failed" if called else "apologises and hangs up"


def _ladder(flow: Flow, ladder: Ladder) -> Iterator[str]:
    for number, rung in enumerate(ladder.rungs, 1):
        said = f'"{rung.prompt.lines[flow.languages[0]][0].template.source}", then ' if rung.prompt else ""
        goes = f"it goes to {rung.goto}" if rung.goto else "it asks again"
        yield f"  time {number}: {said}{goes}"
    if not ladder.rungs:
        yield "  it asks again"
