"""What services and models answer in a spoken test: the mocks, after their delays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from app.call.call import Call
from app.call.http_client import Answer
from app.clock import Clock
from app.flow import ready_requests
from app.flow.effects import ServiceRequest
from app.flow.inputs import ServiceAnswered, ServiceFailed
from app.flow.rehearsal.answers import Answers, CannotGoOn
from app.flow.rehearsal.choosing import nearest
from app.flow.rehearsal.script import Mock
from app.flow.values import Json
from providers.base import ModelRequest, OutcomeChosen, ToolCall
from providers.scripted_model import Reply

NOTHING = Reply(stall_at=0)


class MockedServices:
    """Answers for the one `call`; `asked` counts the requests by node, `sent` are their last bodies.

    `missing` says what had no mock.
    """

    def __init__(self, answers: Answers, clock: Clock, call: Callable[[], Call]) -> None:
        self.asked: Counter[str] = Counter()
        self.missing: list[str] = []
        self.sent: dict[str, Json] = {}
        self._answers = answers
        self._clock = clock
        self._call = call

    async def ask(self, request: ServiceRequest, timeout_ms: float) -> Answer:
        """See `HttpServices`."""
        node = self._node_of(request)
        self.asked[node] += 1
        self.sent[node] = request.body
        mock = self._mock(node, models=False)
        if mock is None:
            return ServiceFailed("no mock", self._clock.wall())
        late = mock.timed_out or mock.delay_ms > timeout_ms
        await asyncio.sleep((timeout_ms if late else mock.delay_ms) / 1000)
        now = self._clock.wall()
        if late:
            return ServiceFailed("timeout", now)
        return ServiceAnswered(mock.status, now, mock.json, mock.readable)

    async def aclose(self) -> None:
        """Nothing to release."""

    def reply(self, request: ModelRequest) -> Reply:
        """What the model of the node where the call is says."""
        state = self._call().state
        assert state, "a flow begins before it asks a model"
        if state.phase == "understanding" and not self._answers.known(state.node):
            chosen = nearest(request.messages[-1].text, request.outcomes)
            return Reply(events=[OutcomeChosen(chosen)] if chosen else [])
        mock = self._mock(state.node, models=True)
        if mock is None or mock.timed_out:
            return NOTHING
        tool = [ToolCall(f"tool-{state.turns}", mock.tool, mock.arguments)] if mock.tool else []
        outcome = [OutcomeChosen(mock.outcome)] if mock.outcome else []
        return Reply(mock.says or "", [*tool, *outcome], first_ms=mock.delay_ms)

    def _mock(self, node: str, *, models: bool) -> Mock | None:
        try:
            return self._answers.next(node, models=models)
        except CannotGoOn as error:
            self.missing.append(str(error))
            return None

    def _node_of(self, request: ServiceRequest) -> str:
        """Whose request it is: one that is asked ahead says so by what it asks."""
        call = self._call()
        assert call.state, "a flow begins before it asks a service"
        ahead = ready_requests(call.flow, call.state, self._clock.wall())
        return next((one.node for one in ahead if one.request == request), call.state.node)
