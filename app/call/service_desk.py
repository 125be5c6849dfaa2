"""Asking services for a call: one at a time for the flow, and ahead of it what may be asked ahead.

What may change something waits until the turn that led to it can no longer be taken back, so a turn that is taken back
has never sent any; once sent, it is never sent again. While the caller waits, `waiting` bridges the silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.call.bridge import Bridged, bridge
from app.call.http_client import Answer, HttpServices, host_of
from app.call.journal import Journal
from app.call.tasks import Tasks
from app.clock import Clock
from app.flow.effects import CallService, ServiceRequest
from app.flow.inputs import ServiceAnswered, ServiceFailed

AHEAD_MAX = 8


class Counter(Bridged, Protocol):
    """The caller's side of the desk."""

    def sending(self) -> None:
        """A request that may change something goes out now: what led to it stands."""
        ...

    def answered(self, call: CallService, answer: Answer, asked: float) -> None:
        """The service that was asked for at a moment (monotonic seconds) has answered, or failed."""
        ...


@dataclass(slots=True)
class _Ahead:
    request: ServiceRequest
    task: asyncio.Task[Answer]
    used: bool = False


class ServiceDesk:
    """One stream's requests, run as its tasks."""

    def __init__(
        self,
        services: HttpServices,
        clock: Clock,
        journal: Journal,
        tasks: Tasks,
        counter: Counter,
    ) -> None:
        self._services = services
        self._clock = clock
        self._journal = journal
        self._tasks = tasks
        self._counter = counter
        self._asking: asyncio.Task[None] | None = None
        self._ahead: dict[str, _Ahead] = {}

    def look_ahead(self, calls: Sequence[CallService]) -> None:
        """Ask what will probably be needed. The same is asked ahead once; what has changed is asked anew."""
        for call in calls[:AHEAD_MAX]:
            known = self._ahead.get(call.node)
            if known and known.request == call.request:
                continue
            if known:
                known.task.cancel()
            task = self._tasks.create(self._send(call, ahead=True))
            self._ahead[call.node] = _Ahead(call.request, task)

    def ask(self, call: CallService, *, not_before: float) -> None:
        """Ask for the flow; what may change something goes out `not_before` a moment, in monotonic seconds."""
        self._asking = self._tasks.create(self._ask(call, not_before))

    def cancel(self) -> None:
        """The flow does not want to know any more."""
        if self._asking:
            self._asking.cancel()
            self._asking = None

    async def _ask(self, call: CallService, not_before: float) -> None:
        asked = self._clock.now()
        try:
            answer = await self._fetched(call, not_before)
        finally:
            if self._asking is asyncio.current_task():
                self._asking = None
        self._counter.answered(call, answer, asked)

    async def _fetched(self, call: CallService, not_before: float) -> Answer:
        waiting, after_s = call.waiting, call.waiting_after_ms / 1000
        # no task group of its own: one that is cancelled leaves a cycle (Python before 3.13)
        bridging = self._tasks.create(bridge(self._counter, waiting, after_s)) if waiting else None
        try:
            answer = await self._used_ahead(call)
            if answer is None:
                if call.request.writes:
                    await asyncio.sleep(max(0.0, not_before - self._clock.now()))
                    self._counter.sending()
                answer = await self._send(call, ahead=False)
        finally:
            if bridging:
                bridging.cancel()
        return answer

    async def _used_ahead(self, call: CallService) -> Answer | None:
        """The answer that was fetched ahead, if it is one to this very request; it is used once."""
        ahead = self._ahead.get(call.node)
        if not ahead or ahead.used or ahead.request != call.request or ahead.task.cancelled():
            return None
        ahead.used = True
        if ahead.task.done() and isinstance(ahead.task.result(), ServiceFailed):
            return None
        return await ahead.task

    async def _send(self, call: CallService, *, ahead: bool) -> Answer:
        began = self._clock.now()
        answer: Answer = ServiceFailed("the call went on without it", self._clock.wall())
        try:
            answer = await self._services.ask(call.request, call.timeout_ms)
        finally:
            if not self._journal.closed:
                self._note(call, answer, (self._clock.now() - began) * 1000, ahead)
        return answer

    def _note(self, call: CallService, answer: Answer, ms: float, ahead: bool) -> None:
        """No query, no header, no body: they are the caller's."""
        self._journal.write(
            "http",
            node=call.node,
            method=call.request.method,
            host=host_of(call.request.url),
            status=answer.status if isinstance(answer, ServiceAnswered) else None,
            reason=answer.reason if isinstance(answer, ServiceFailed) else None,
            ms=round(ms, 1),
            ahead=ahead,
        )
