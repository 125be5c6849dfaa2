"""What may be said next: the prompts that a call can come to from where it waits, found by walking the graph.

Successors are literal names, so the set is small and complete to its depth: the question's own repeats, the next step
of its ladders, the globals, and every way on, through silent nodes, up to three prompts ahead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.flow.graph import route_edges
from app.flow.model import Flow, Node, Settings
from app.flow.nodes.branch import Branch
from app.flow.nodes.call import Call
from app.flow.nodes.collect import Collect
from app.flow.nodes.http import Http
from app.flow.nodes.say import Say
from app.flow.nodes.set import Set
from app.flow.prompts import Prompt
from app.flow.question import Question
from app.flow.state import State
from app.flow.turn import Turn

DEPTH: Final = 3
# what is said in a node only after something went wrong there
_LATER = re.compile(r"\.(again|keypad\.ask|reject\.\d+|no_input\.\d+|no_match\.\d+)$")
_PASSED: Final = Say | Branch | Set | Http | Call


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that can be prepared now. `depth` 0 is said without leaving the node, 1 by the next that speaks.

    `probability` is its chance of being next to be said: equal for all ways out, as long as nobody has counted them.
    """

    node: str
    key: str
    language: str
    text: str
    depth: int
    probability: float


@dataclass(frozen=True, slots=True)
class _Ahead:
    node: str
    prompt: Prompt
    settings: Settings
    depth: int
    probability: float


def predict(flow: Flow, state: State, now: datetime) -> tuple[Candidate, ...]:
    """The candidates, the likeliest first. What lacks a value is left out: it cannot be rendered yet."""
    if state.ended:
        return ()
    node = flow.part(state.node).nodes[state.node]
    ahead = (*_here(flow, state, node), *_beyond(flow, node))
    return _rendered(flow, state, now, ahead)


def predict_start(flow: Flow, state: State, now: datetime) -> tuple[Candidate, ...]:
    """What a call will say first, before it has begun; `state` is that of its beginning."""
    return _rendered(flow, state, now, _entering(flow, flow.start, 1, 1.0, frozenset()))


def _rendered(flow: Flow, state: State, now: datetime, ahead: Iterable[_Ahead]) -> tuple[Candidate, ...]:
    found: dict[tuple[str, str], Candidate] = {}
    for one in ahead:
        candidate = _candidate(flow, state, now, one)
        if candidate is not None:
            known = found.setdefault((candidate.key, candidate.text), candidate)
            if known is not candidate:
                merged = replace(known, probability=known.probability + candidate.probability)
                found[candidate.key, candidate.text] = merged
    return tuple(sorted(found.values(), key=lambda one: (-one.probability, one.depth)))


def _candidate(flow: Flow, state: State, now: datetime, ahead: _Ahead) -> Candidate | None:
    part = flow.part(ahead.node)
    slots = state.slots if flow.part(state.node) is part else {}
    turn = Turn(flow, replace(state, node=ahead.node, slots=slots), now)
    language = ahead.prompt.language(state.language, part.languages[0])
    line = ahead.prompt.line(language, state.seed, state.said.get(ahead.prompt.key, 0))
    if any(turn.value(name) is None for name in line.template.needed if not name.startswith("env.")):
        return None
    said = turn.line(ahead.prompt, ahead.settings)
    if said is None:
        return None
    return Candidate(ahead.node, said.key, said.language, said.text, ahead.depth, ahead.probability)


# here


def _here(flow: Flow, state: State, node: Node) -> Iterator[_Ahead]:
    """Repeats and ladders: one way each among the others."""
    if not isinstance(node, Question):
        return
    part, settings = flow.part(node.name), node.settings
    repeats = [node.again, node.ask, node.keypad_ask if isinstance(node, Collect) else None]
    counted = ((settings.no_input, state.no_inputs), (settings.no_match, state.no_matches))
    rungs = [ladder.rung(count + 1) for ladder, count in counted]
    refusals = [one.prompt for one in node.rejections] if isinstance(node, Collect) else []
    helps = [] if node.modal else [one.say for one in part.globals.values()]
    prompts = [*repeats, *(rung.prompt for rung in rungs if rung), *refusals, *helps]
    share = 1 / (1 + len(_ways(flow, node)))
    for prompt in prompts:
        if prompt is not None:
            yield _Ahead(node.name, prompt, settings, 0, share)


# beyond


def _ways(flow: Flow, node: Node) -> list[str]:
    """Where the node leads: its own ways, its ladders', the globals', the start of what it calls."""
    part = flow.part(node.name)
    targets = [edge.target for edge in route_edges(node)]
    if isinstance(node, Call):
        targets.append(node.start)
    if isinstance(node, Question):
        ladders = (node.settings.no_input, node.settings.no_match)
        targets += [rung.goto for ladder in ladders if (rung := ladder.way_out) and rung.goto]
        targets += [one.goto for one in part.globals.values() if one.goto and not node.modal]
    return list(dict.fromkeys(targets))


def _beyond(flow: Flow, node: Node) -> Iterator[_Ahead]:
    ways = _ways(flow, node)
    for target in ways:
        yield from _entering(flow, target, 1, 1 / (1 + len(ways)), frozenset((node.name,)))


def _entering(
    flow: Flow, name: str, depth: int, probability: float, passed: frozenset[str]
) -> Iterator[_Ahead]:
    """What is said on coming to a node, and on going on from it where it does not wait."""
    if name in passed or not flow.has_node(name):
        return
    node = flow.part(name).nodes[name]
    prompts = [one for one in flow.part(name).prompts if _entry(one.key, name)]
    settings = getattr(node, "settings", flow.settings)
    for prompt in prompts:
        yield _Ahead(name, prompt, settings, depth, probability)
    following = depth + bool(prompts)
    if isinstance(node, _PASSED) and following <= DEPTH:
        ways = _ways(flow, node)
        for target in ways:
            yield from _entering(flow, target, following, probability / len(ways), passed | {name})


def _entry(key: str, node: str) -> bool:
    return key.startswith(f"{node}.") and "." not in key[len(node) + 1 :] and not _LATER.search(key)
