"""What may be said next: the prompts that a call can come to from where it waits, found by walking the graph.

Successors are literal names, so the set is small and complete to its depth: the question's own repeats, the next step
of its ladders, the globals, and every way on, through silent nodes, up to three prompts ahead.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from app.flow.chances import STAY, UNLEARNED, Chances
from app.flow.model import Flow, Node, Settings
from app.flow.nodes.branch import Branch
from app.flow.nodes.call import Call
from app.flow.nodes.collect import Collect
from app.flow.nodes.http import Http
from app.flow.nodes.say import Say
from app.flow.nodes.set import Set
from app.flow.prompts import Line, Prompt
from app.flow.question import Question
from app.flow.sentences import sentences
from app.flow.state import State
from app.flow.templates import Template
from app.flow.turn import Turn

DEPTH: Final = 3
# what the graph alone says of how likely a way is; a plain one weighs 1
RARE: Final = 0.05
AGAIN: Final = 0.2
FAILURES: Final = ("failed", "no_answer", "busy", "no_input", "no_match")
# what is said in a node only after something went wrong there
_LATER = re.compile(r"\.(again|keypad\.ask|reject\.\d+|no_input\.\d+|no_match\.\d+)$")
_PASSED: Final = Say | Branch | Set | Http | Call


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that can be prepared now. `depth` 0 is said without leaving the node, 1 by the next that speaks.

    `probability` is its chance of being said: equal for all ways out, as long as nobody has counted them.
    """

    node: str
    key: str
    language: str
    text: str = field(repr=False)
    depth: int
    probability: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of a prompt that can be made into speech now; `key` is the prompt's, `chance` that of its being said."""

    key: str
    language: str
    text: str = field(repr=False)
    kind: Literal["static", "templated"]
    chance: float


@dataclass(frozen=True, slots=True)
class _Ahead:
    """`lost` are the slots that have another value by then."""

    node: str
    prompt: Prompt
    settings: Settings
    depth: int
    probability: float
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a walk through the graph goes by."""

    flow: Flow
    chances: Chances
    depth: int


def predict(flow: Flow, state: State, now: datetime) -> tuple[Candidate, ...]:
    """The candidates, the likeliest first. What lacks a value is left out: it cannot be rendered yet."""
    return _rendered(flow, state, now, _ahead(_Walk(flow, UNLEARNED, DEPTH), state))


def foresee(
    flow: Flow, state: State, now: datetime, chances: Chances = UNLEARNED, depth: int = DEPTH
) -> tuple[Sentence, ...]:
    """The sentences whose values are known, the likeliest first; nothing sensitive, and nothing recorded."""
    found: dict[tuple[str, str], Sentence] = {}
    for ahead in _ahead(_Walk(flow, chances, depth), state):
        for one in _sentences(flow, state, now, ahead):
            known = found.get((one.text, one.language))
            chance = min(1.0, one.chance + (known.chance if known else 0.0))
            found[one.text, one.language] = replace(one, chance=chance)
    return tuple(sorted(found.values(), key=lambda one: -one.chance))


def _ahead(walk: _Walk, state: State) -> tuple[_Ahead, ...]:
    if state.ended:
        return ()
    node = walk.flow.part(state.node).nodes[state.node]
    return (*_here(walk, state, node), *_beyond(walk, node))


def predict_start(flow: Flow, state: State, now: datetime) -> tuple[Candidate, ...]:
    """What a call will say first, before it has begun; `state` is that of its beginning."""
    return _rendered(
        flow, state, now, _entering(_Walk(flow, UNLEARNED, DEPTH), flow.start, 1, 1.0, frozenset())
    )


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


def _moment(flow: Flow, state: State, now: datetime, ahead: _Ahead) -> tuple[Turn, Line, str]:
    """When it would be said: what is known then, the wording and its language."""
    part = flow.part(ahead.node)
    slots = state.slots if flow.part(state.node) is part else {}
    kept = {name: value for name, value in slots.items() if name not in ahead.lost}
    turn = Turn(flow, replace(state, node=ahead.node, slots=kept), now)
    language = ahead.prompt.language(state.language, part.languages[0])
    return turn, ahead.prompt.line(language, state.seed, state.said.get(ahead.prompt.key, 0)), language


def _known(turn: Turn, template: Template) -> bool:
    return all(turn.value(name) is not None for name in template.needed if not name.startswith("env."))


def _sentences(flow: Flow, state: State, now: datetime, ahead: _Ahead) -> Iterator[Sentence]:
    turn, line, language = _moment(flow, state, now, ahead)
    template, key = line.template, ahead.prompt.key
    if line.audio or any(turn.is_sensitive(name) for name in template.names):
        return
    if template.static:
        yield Sentence(key, language, template.render({}), "static", ahead.probability)
        return
    names = turn.names(template.names, language)
    for one in template.sentences:
        if _known(turn, one):
            kind: Literal["static", "templated"] = "static" if one.static else "templated"
            for text in sentences(one.render(names)):
                yield Sentence(key, language, text, kind, ahead.probability)


def _candidate(flow: Flow, state: State, now: datetime, ahead: _Ahead) -> Candidate | None:
    turn, line, _ = _moment(flow, state, now, ahead)
    if not _known(turn, line.template):
        return None
    said = turn.line(ahead.prompt, ahead.settings)
    if said is None:
        return None
    return Candidate(ahead.node, said.key, said.language, said.text, ahead.depth, ahead.probability)


# here


def _here(walk: _Walk, state: State, node: Node) -> Iterator[_Ahead]:
    """Repeats and ladders: one way each among the others."""
    if not isinstance(node, Question):
        return
    flow = walk.flow
    part, settings = flow.part(node.name), node.settings
    repeats = [node.again, node.ask, node.keypad_ask if isinstance(node, Collect) else None]
    counted = ((settings.no_input, state.no_inputs), (settings.no_match, state.no_matches))
    rungs = [ladder.rung(count + 1) for ladder, count in counted]
    refusals = [one.prompt for one in node.rejections] if isinstance(node, Collect) else []
    helps = [] if node.modal else [one.say for one in part.globals.values()]
    prompts = [*repeats, *(rung.prompt for rung in rungs if rung), *refusals, *helps]
    share = walk.chances.shares(node.name, _ways(flow, node))[STAY]
    for prompt in prompts:
        if prompt is not None:
            yield _Ahead(node.name, prompt, settings, 0, share)


# beyond


def _ways(flow: Flow, node: Node) -> dict[str, float]:
    """Where the node leads, and how likely as long as nobody has counted: its own ways, its ladders', the globals', the
    start of what it calls, and `STAY` where it waits for the caller.
    """
    part = flow.part(node.name)
    ways: defaultdict[str, float] = defaultdict(float)
    for label, route in node.routes.items():
        rare = label in FAILURES or isinstance(node, Call)
        for target in route.targets:
            ways[target] += (RARE if rare else 1.0) / len(route.targets)
    if isinstance(node, Call):
        ways[node.start] += 1.0
    if isinstance(node, Question):
        ways[STAY] = AGAIN
        ladders = (node.settings.no_input, node.settings.no_match)
        away = [rung.goto for ladder in ladders if (rung := ladder.way_out) and rung.goto]
        away += [one.goto for one in part.globals.values() if one.goto and not node.modal]
        for target in away:
            ways[target] += RARE
    return dict(ways)


def _beyond(walk: _Walk, node: Node) -> Iterator[_Ahead]:
    ways, lost = _ways(walk.flow, node), _filled(walk.flow, node)
    shares = walk.chances.shares(node.name, ways)
    for target in ways.keys() - {STAY}:
        yield from _entering(walk, target, 1, shares[target], frozenset((node.name,)), lost)


def _filled(flow: Flow, node: Node) -> frozenset[str]:
    """The slots that have another value once the node is left, and those that lose theirs thereby."""
    dependents = flow.part(node.name).dependents
    own = frozenset(node.derived) | frozenset(getattr(node, "clear", ()))
    return own.union(*(dependents.get(slot, ()) for slot in own))


def _entering(
    walk: _Walk,
    name: str,
    depth: int,
    probability: float,
    passed: frozenset[str],
    lost: frozenset[str] = frozenset(),
) -> Iterator[_Ahead]:
    """What is said on coming to a node, and on going on from it where it does not wait."""
    flow = walk.flow
    if name in passed or not flow.has_node(name):
        return
    node = flow.part(name).nodes[name]
    prompts = [one for one in flow.part(name).prompts if _entry(one.key, name)]
    settings = getattr(node, "settings", flow.settings)
    for prompt in prompts:
        yield _Ahead(name, prompt, settings, depth, probability, lost)
    following = depth + bool(prompts)
    if isinstance(node, _PASSED) and following <= walk.depth:
        ways, lost = _ways(flow, node), lost | _filled(flow, node)
        for target, share in walk.chances.shares(name, ways).items():
            yield from _entering(walk, target, following, probability * share, passed | {name}, lost)


def _entry(key: str, node: str) -> bool:
    return key.startswith(f"{node}.") and "." not in key[len(node) + 1 :] and not _LATER.search(key)
