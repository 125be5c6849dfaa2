"""Asking a language model for a call: its words are spoken as they come, and its choice goes to the flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from app.call.bridge import Bridged, bridge
from app.call.journal import Journal
from app.call.speculation import EarlyReply, Speculation, watched
from app.call.tasks import Tasks
from app.clock import Clock
from app.errors import ProviderError
from app.flow.effects import AskModel
from app.flow.inputs import ModelFailed, ModelReplied, ToolUse
from app.orchestrator.chunks import Chunks
from app.orchestrator.failover import Decision
from app.orchestrator.ladder import Economy
from providers.base import (
    Finished,
    LanguageModel,
    Message,
    ModelEvent,
    ModelRequest,
    OutcomeChosen,
    TextDelta,
    Tool,
    ToolCall,
)

WAITING_AFTER_S = 2.0


class ModelCounter(Bridged, Protocol):
    """The caller's side of the desk."""

    def say_reply(self, ask: AskModel, text: str, asked: float) -> None:
        """Speak the next words of the reply that was asked for at a moment (monotonic seconds)."""
        ...

    def model_answered(self, ask: AskModel, answer: ModelReplied | ModelFailed) -> None:
        """The reply that was asked for is over."""
        ...


@dataclass(slots=True)
class _Reply:
    """What has come of a reply so far."""

    chunks: Chunks = field(default_factory=Chunks)
    said: list[str] = field(default_factory=list, repr=False)
    outcome: str | None = None
    tool: ToolUse | None = None
    tokens: int | None = None
    first_at: float | None = None
    decisions: list[Decision] = field(default_factory=list)

    def take(self, event: ModelEvent) -> list[str]:
        """Note an event; the words that can be spoken now."""
        match event:
            case TextDelta(text=words):
                return list(self.chunks.feed(words))
            case ToolCall(id=number, name=name, arguments=arguments):
                self.tool = self.tool or ToolUse(number, name, dict(arguments))
            case OutcomeChosen(outcome=outcome):
                self.outcome = outcome
            case Finished(output_tokens=tokens):
                self.tokens = tokens
        return []

    @property
    def text(self) -> str:
        return " ".join(self.said)


class ModelDesk:
    """One stream's replies, one at a time, run as its tasks."""

    def __init__(
        self,
        model: LanguageModel,
        clock: Clock,
        journal: Journal,
        tasks: Tasks,
        counter: ModelCounter,
        economy: Economy,
    ) -> None:
        self._model = model
        self._clock = clock
        self._journal = journal
        self._tasks = tasks
        self._counter = counter
        self._asking: asyncio.Task[None] | None = None
        self._speculation = Speculation(model, tasks, economy)

    def suppose(self, ask: AskModel) -> None:
        """This will probably be asked for: begin, and tell nobody."""
        self._speculation.suppose(_request(ask, ""))

    def settle(self) -> int:
        """A turn is over, and what it asked for has been asked; how many replies were begun before."""
        begun = self._speculation.begun
        self._speculation.forget()
        return begun

    @property
    def asking(self) -> bool:
        """Whether a reply is being made."""
        return self._asking is not None

    def ask(self, ask: AskModel, begun: str = "") -> None:
        """Ask for the flow; what is `begun` of the reply was said before."""
        self.cancel()
        request = _request(ask, begun)
        early = self._speculation.take(request)
        self._asking = self._tasks.create(self._ask(ask, request, early))
        if early:
            # a task that is cancelled before it runs ends nothing itself
            self._asking.add_done_callback(lambda _: early.cancel())

    def cancel(self) -> None:
        """Nobody wants to hear the rest."""
        if self._asking:
            self._asking.cancel()
            self._asking = None

    async def _ask(self, ask: AskModel, request: ModelRequest, early: EarlyReply | None) -> None:
        reply = _Reply(said=[request.begun] if request.begun else [])
        reason, began, waiting = "", self._clock.now(), ask.waiting
        # no task group of its own: one that is cancelled leaves a cycle (Python before 3.13)
        bridging = self._tasks.create(bridge(self._counter, waiting, WAITING_AFTER_S)) if waiting else None
        try:
            reason = await self._listen(ask, self._events(request, reply, early), reply, bridging)
        finally:
            if bridging:
                bridging.cancel()
            if self._asking is asyncio.current_task():
                self._asking = None
            if not self._journal.closed:
                self._note(ask, reply, reason or None, began)
        now = self._clock.wall()
        if reason:
            self._counter.model_answered(ask, ModelFailed(reason, now, reply.text))
        else:
            self._counter.model_answered(ask, ModelReplied(now, reply.text, reply.outcome, reply.tool))

    async def _listen(
        self,
        ask: AskModel,
        made: AsyncGenerator[ModelEvent, None],
        reply: _Reply,
        bridging: asyncio.Task[None] | None,
    ) -> str:
        """Speak what comes, to its end; returns why it could not be heard to its end, empty when it could."""
        asked = self._clock.now()
        try:
            async with asyncio.timeout(ask.timeout_ms / 1000):
                async with aclosing(made) as events:
                    async for event in events:
                        reply.first_at = reply.first_at or self._clock.now()
                        for words in reply.take(event):
                            if bridging:
                                bridging.cancel()
                            self._say(ask, reply, words, asked)
        except TimeoutError:
            return "timeout"
        except ProviderError as error:
            return type(error).__name__
        rest = reply.chunks.rest()
        if rest:
            self._say(ask, reply, rest, asked)
        return ""

    def _events(
        self, request: ModelRequest, reply: _Reply, early: EarlyReply | None
    ) -> AsyncGenerator[ModelEvent, None]:
        if early:
            reply.decisions = early.decisions
            return early.events()
        return watched(self._model, reply.decisions).reply(request)

    def _say(self, ask: AskModel, reply: _Reply, words: str, asked: float) -> None:
        if ask.purpose == "choose":
            return
        reply.said.append(words)
        self._counter.say_reply(ask, words, asked)

    def _note(self, ask: AskModel, reply: _Reply, reason: str | None, began: float) -> None:
        """No words: what was said is in the record already."""
        for switch in _switches(reply.decisions):
            self._journal.write("failover", role="model", **switch)
        answered = [decision.provider for decision in reply.decisions if decision.what == "answered"]
        first_ms = None if reply.first_at is None else round((reply.first_at - began) * 1000, 1)
        self._journal.write(
            "model",
            node=ask.node,
            purpose=ask.purpose,
            model=answered[-1] if answered else self._model.name,
            outcome=reply.outcome,
            tool=reply.tool.name if reply.tool else None,
            reason=reason,
            tokens=reply.tokens,
            first_ms=first_ms,
            ms=round((self._clock.now() - began) * 1000, 1),
        )


def _switches(decisions: Sequence[Decision]) -> Iterator[dict[str, str | float | None]]:
    """Every time that another model was asked, or none was left; `why` is the error, or `hedge`, or `late`."""
    left, error = "", ""
    for decision in decisions:
        if decision.what == "failed":
            left, error = decision.provider, decision.why
        elif decision.what == "started" and decision.why == "first":
            left = decision.provider
        elif decision.what in ("started", "gave_up"):
            why = error if decision.why in ("failed", "") else decision.why
            yield {
                "left": left,
                "taken": decision.provider or None,
                "why": why,
                "after_ms": decision.after_ms,
            }
            left = decision.provider


def _request(ask: AskModel, begun: str) -> ModelRequest:
    return ModelRequest(
        instruction=ask.instruction,
        messages=[
            Message(
                one.role,
                one.text,
                [ToolCall(use.id, use.name, use.arguments) for use in one.tool_calls],
                one.tool_call_id,
            )
            for one in ask.messages
        ],
        language=ask.language,
        max_tokens=ask.max_tokens,
        facts=ask.facts,
        outcomes=ask.outcomes,
        tools=[Tool(one.name, one.description, one.arguments) for one in ask.tools],
        reuse=ask.reuse,
        begun=begun,
    )
