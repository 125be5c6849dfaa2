"""Every language model there is, each with a service behind it that does as a test says.

A model that is not here has not been shown to keep the contract: docs/providers.md.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import BrokenStream, Refused
from providers.anthropic_model import anthropic_model
from providers.base import (
    LanguageModel,
    Message,
    ModelEvent,
    ModelRequest,
    OutcomeChosen,
    TextDelta,
    Tool,
    ToolCall,
)
from providers.http_service import http_client
from providers.openai_model import azure_openai_model, openai_model
from providers.prompting import FINISH
from providers.scripted_model import Reply, ScriptedModel
from tests.providers.fakes.model_service import Answer, FakeModelService, serving

KEY = "planted-key"
TRUST = ssl.create_default_context()  # made once: it takes its time
BOOK = Tool("book", "Book a visit.", {"type": "object", "properties": {"day": {"type": "string"}}})
REQUEST = ModelRequest(
    "Help the caller.",
    [Message("caller", "planted question")],
    "en",
    50,
    facts="We open at nine.",
    outcomes={"done": "the caller is content", "person": "the caller wants a person"},
    tools=[BOOK],
)


class Service(Protocol):
    """What stands behind a model under test."""

    answer: Answer

    @property
    def answering(self) -> int:
        """Answers under way."""
        ...

    async def idle(self) -> None:
        """Wait, at most two seconds, until it answers nobody."""
        ...

    async def deserted(self) -> None:
        """Wait, at most two seconds, until nobody is connected any more."""
        ...


@dataclass
class Subject:
    """A model under test, and what is behind it."""

    model: LanguageModel
    service: Service


@dataclass
class ScriptedService:
    answer: Answer
    model: ScriptedModel = field(init=False)

    def __post_init__(self) -> None:
        self.model = ScriptedModel(lambda _: self._reply())

    @property
    def answering(self) -> int:
        return self.model.open

    async def idle(self) -> None:
        assert not self.answering

    async def deserted(self) -> None:
        await self.idle()

    def _reply(self) -> Reply:
        answer, fault = self.answer, self.answer.fault
        if answer.status != 200:
            return Reply(fault=Refused("scripted: no"))
        return Reply(
            "".join(answer.words),
            [_tool_event(*answer.tool)] if answer.tool else [],
            answer.first_s * 1000,
            answer.gap_s * 1000,
            BrokenStream("scripted: broke") if fault and fault.kind != "stall" else None,
            fault.at if fault else 0,
            fault.at if fault and fault.kind == "stall" else None,
        )


def _tool_event(name: str, arguments: str) -> ModelEvent:
    values = json.loads(arguments)
    return OutcomeChosen(values["outcome"]) if name == FINISH else ToolCall("call_1", name, values)


def model_of(service: FakeModelService, trust: ssl.SSLContext | None = None) -> LanguageModel:
    """The real SDK, pointed at the service."""
    http = http_client(trust or TRUST)
    if service.dialect == "anthropic":
        return anthropic_model(KEY, "m", service.url, http)
    if service.dialect == "azure":
        return azure_openai_model(service.url, KEY, "m", "2024-10-21", http)
    return openai_model(KEY, "m", service.url, http)


@asynccontextmanager
async def fake_served(dialect: str, answer: Answer) -> AsyncIterator[Subject]:
    async with serving(dialect, answer) as service:
        model = model_of(service)
        yield Subject(model, service)
        await model.aclose()


@asynccontextmanager
async def scripted(answer: Answer) -> AsyncIterator[Subject]:
    service = ScriptedService(answer)
    yield Subject(service.model, service)


SDKS = ("azure", "openai", "anthropic")
SUBJECTS = (*SDKS, "scripted")


def subject(name: str, answer: Answer | None = None) -> AbstractAsyncContextManager[Subject]:
    """One of SUBJECTS, ready to be asked."""
    answer = answer or Answer()
    return scripted(answer) if name == "scripted" else fake_served(name, answer)


async def replied(model: LanguageModel, request: ModelRequest = REQUEST) -> list[ModelEvent]:
    """The whole reply, without the signs of work that is not spoken."""
    async with aclosing(model.reply(request)) as events:
        return [event async for event in events if event != TextDelta("")]


def said(events: list[ModelEvent]) -> str:
    """The words of a reply."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))
