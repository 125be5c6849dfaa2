"""What a test expects, held against what happened; each check yields what did not hold, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from app.flow.effects import Say
from app.flow.model import Flow
from app.flow.rehearsal.call import Rehearsal
from app.flow.rehearsal.script import Bot, Expect
from app.flow.state import State
from app.flow.values import Json


class Witnessed(Protocol):
    """What can be known of a call, rehearsed or real. `said` and `entered` are since the caller last did something."""

    @property
    def flow(self) -> Flow: ...

    @property
    def state(self) -> State: ...

    @property
    def said(self) -> Sequence[Say]: ...

    @property
    def entered(self) -> Sequence[str]: ...

    @property
    def events(self) -> Sequence[str]: ...

    @property
    def asked(self) -> Counter[str]: ...

    @property
    def sent(self) -> Mapping[str, Json]: ...


def check_bot(call: Rehearsal, wanted: Bot) -> Iterator[str]:
    """All of it: of a rehearsal the times are known, too, and what could have been prepared."""
    yield from check_turn(call, wanted)
    if wanted.prepared is not None:
        yield from _check_prepared(call, wanted)
    if wanted.within_ms is not None and (call.answer_ms is None or call.answer_ms > wanted.within_ms):
        took = "never" if call.answer_ms is None else f"after {call.answer_ms:.0f} ms"
        yield f"the first words came {took}, not within {wanted.within_ms} ms"
    if wanted.waits_ms is not None and wanted.waits_ms != call.waits_ms:
        yield f"an answer is waited for {call.waits_ms} ms, not {wanted.waits_ms}"


def check_turn(call: Witnessed, wanted: Bot) -> Iterator[str]:
    """Where the call is, what was said, and the slots."""
    own = [say.text for say in call.said if wanted.node in (None, say.node, _bare(say.node))]
    everything = " ".join(say.text for say in call.said)
    words = " ".join(own) if own else everything
    if wanted.node is not None and not _is_at(call, wanted.node):
        yield f'the call is at "{call.state.node}", not at "{wanted.node}"; it said: {everything or "nothing"}'
    for part in wanted.contains:
        if part.casefold() not in words.casefold():
            yield f'"{part}" was not said, but: {words or "nothing"}'
    for part in wanted.absent:
        if part.casefold() in everything.casefold():
            yield f'"{part}" was said: {everything}'
    yield from _check_slots(call, wanted)


def check_call(call: Witnessed, wanted: Expect) -> Iterator[str]:
    if wanted.node is not None and wanted.node not in (call.state.node, _bare(call.state.node)):
        yield f'the call is at "{call.state.node}", not at "{wanted.node}"'
    for event in wanted.events:
        if event not in call.events:
            yield f'the event "{event}" did not happen, but: {", ".join(call.events) or "none"}'
    for node, count in wanted.http.items():
        asked = call.asked[node] or sum(n for name, n in call.asked.items() if _bare(name) == node)
        if asked != count:
            yield f'the service of "{node}" was asked {asked} times, not {count}'
    for node, body in wanted.sent.items():
        yield from _check_sent(call, node, body)
    if wanted.ended is not None and call.state.ended != wanted.ended:
        yield f"the call {'has ended' if call.state.ended else 'goes on'}"


def _check_sent(call: Witnessed, node: str, wanted: Json) -> Iterator[str]:
    bodies = [body for name, body in call.sent.items() if node in (name, _bare(name))]
    if not bodies:
        yield f'the service of "{node}" was not asked'
        return
    found = bodies[-1]
    parts = wanted.items() if isinstance(wanted, Mapping) else [("", wanted)]
    for key, value in parts:
        sent = found.get(key) if key and isinstance(found, Mapping) else found
        if sent != value and str(sent) != str(value):
            yield f'the service of "{node}" was sent {sent!r} {f"as {key}" if key else ""}, not {value!r}'


def _bare(node: str) -> str:
    """A subflow's node by its own name."""
    return node.rpartition(".")[2]


def _is_at(call: Witnessed, node: str) -> bool:
    """Whether the call is there, or has been since the caller last did something."""
    return any(node in (one, _bare(one)) for one in (call.state.node, *call.entered))


def _check_slots(call: Witnessed, wanted: Bot) -> Iterator[str]:
    for name, value in wanted.slots.items():
        if name not in call.flow.part(call.state.node).slots:
            yield f'there is no slot "{name}"'
            continue
        found = call.state.slots.get(name)
        if found != value and str(found) != str(value):
            shown = "•••" if call.flow.part(call.state.node).slots[name].sensitive else repr(found)
            yield f"{name} is {shown}, not {value!r}"


def _check_prepared(call: Rehearsal, wanted: Bot) -> Iterator[str]:
    known = {(one.key, one.text) for one in call.predicted}
    said = [say for say in call.said if wanted.node in (None, say.node, _bare(say.node))]
    ahead = bool(said) and all((say.key, say.text) in known for say in said)
    if ahead != wanted.prepared:
        keys = ", ".join(sorted(key for key, _ in known)) or "nothing"
        words = "; ".join(say.text for say in said) or "nothing"
        yield f"{words} — this could {'not ' if wanted.prepared else ''}be prepared; what could: {keys}"
