"""`http`: ask a service, keep what it answers, go on by whether it did.

`waiting` is said only when the answer is not there at once. Any answer from 200 to 299 is `ok`; all else, and a service
that is late, broken or not allowed, is `failed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from app.flow.document import Scalar
from app.flow.draft import ALWAYS_KNOWN, Draft, built_in_prompt
from app.flow.effects import CallService
from app.flow.inputs import Input, ServiceAnswered, ServiceFailed
from app.flow.model import Node, Settings, Slot
from app.flow.nodes import node_type
from app.flow.prompts import Prompt
from app.flow.requests import RequestTemplate, read_request, read_timeout_ms
from app.flow.routes import Route, required_route
from app.flow.saving import find, fitted
from app.flow.section import Section
from app.flow.turn import Turn

Prefetch = Literal["never", "call_start", "ready"]

# a flow's own words bridge every wait that can be heard, the language's own only one that worries
WAITING_AFTER_MS: Final = 300
BUILT_IN_WAITING_AFTER_MS: Final = 1500
WAITING: Final = built_in_prompt("waiting")


@dataclass(frozen=True, slots=True)
class Http:
    """`save` are slots, each with the path of its value in the answer."""

    name: str
    settings: Settings
    request: RequestTemplate
    timeout_ms: int
    waiting: Prompt | None
    prefetch: Prefetch
    save: tuple[tuple[Slot, str], ...]
    ok: Route
    failed: Route

    @property
    def routes(self) -> Mapping[str, Route]:
        return {"ok": self.ok, "failed": self.failed}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {slot.name: self.request.names for slot, _ in self.save}

    def enter(self, turn: Turn) -> str | None:
        turn.state = replace(turn.state, phase="calling")
        turn.emit(self.call(turn))
        return None

    def call(self, turn: Turn) -> CallService:
        """What is to be asked now."""
        own = self.waiting is not None
        return CallService(
            self.name,
            self.request.render(turn),
            self.timeout_ms,
            turn.line(self.waiting or WAITING, self.settings),
            WAITING_AFTER_MS if own else BUILT_IN_WAITING_AFTER_MS,
        )

    def resume(self, turn: Turn) -> str | None:
        """What only reads is asked again. Whether a writing request arrived nobody knows: it is never sent twice."""
        if self.request.method == "GET":
            return self.enter(turn)
        turn.log("service_outcome_unknown")
        return self.failed.choose(turn)

    def take(self, turn: Turn, given: Input) -> str | None:
        match given:
            case ServiceAnswered(status=status) if 200 <= status < 300:
                return self._save(turn, given)
            case ServiceAnswered():
                turn.log("service_refused")
                return self.failed.choose(turn)
            case ServiceFailed():
                turn.log("service_failed")
                return self.failed.choose(turn)
        return None

    def _save(self, turn: Turn, answer: ServiceAnswered) -> str:
        if self.save and not answer.readable:
            turn.log("service_unreadable")
            return self.failed.choose(turn)
        for slot, path in self.save:
            value = find(answer.json, path)
            fitting = fitted(slot, value)
            if fitting is None and value is not None:
                turn.log("saved_misfit")
            turn.fill(slot.name, fitting)
        return self.ok.choose(turn)


@node_type("http")
def read_http(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    request = read_request(section, draft)
    timeout_ms = read_timeout_ms(section)
    return Http(
        name=name,
        settings=draft.manner(section, defaults),
        request=request,
        timeout_ms=timeout_ms,
        waiting=draft.prompt(section, "waiting", f"{name}.waiting"),
        prefetch=_prefetch(section, request),
        save=_saves(section, draft),
        ok=required_route(section, draft, "ok"),
        failed=required_route(section, draft, "failed"),
    )


def _prefetch(section: Section, request: RequestTemplate) -> Prefetch:
    tree = section.tree("prefetch")
    if tree is None or (isinstance(tree, Scalar) and tree.value is False):
        return "never"
    wish = "ready" if isinstance(tree, Scalar) and tree.value is True else "call_start"
    if wish == "call_start" and not (isinstance(tree, Scalar) and tree.text == "call_start"):
        section.fault(tree.place, "prefetch must be call_start, true or false")
    if request.method != "GET":
        section.fault(
            tree.place,
            f"a {request.method} cannot run ahead: it may change something; remove prefetch",
            "prefetch-changes",
        )
    later = [name for name in request.names if not name.startswith("env.") and name not in ALWAYS_KNOWN]
    if wish == "call_start" and later:
        section.fault(
            tree.place, f'"{min(later)}" is not known when the call starts; use prefetch: true instead'
        )
    return cast(Prefetch, wish)


def _saves(section: Section, draft: Draft) -> tuple[tuple[Slot, str], ...]:
    inner = section.section("save", f"save of {section.what}")
    found = []
    for name, place in inner.fields.keys.items() if inner else ():
        assert inner
        slot, path = draft.known_slot(name, place), inner.text(name)
        if slot is not None and path is not None:
            found.append((slot, path))
    return tuple(found)
