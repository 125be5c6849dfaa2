"""The way from a model service's answer to ModelEvents, the same for every SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.errors import BrokenStream, ProviderError, Refused
from providers.base import LanguageModel, ModelEvent, ModelRequest, OutcomeChosen, TextDelta, ToolCall
from providers.event_stream import Malformed
from providers.http_service import refusal, transport_failure
from providers.prompting import FINISH, REHEARSAL


@dataclass(slots=True)
class ToolCallPieces:
    """A tool call as it comes in."""

    id: str
    name: str
    arguments: list[str] = field(default_factory=list, repr=False)

    def event(self, request: ModelRequest) -> ToolCall | OutcomeChosen | None:
        """The whole of it; None for what the request did not offer. Raises ValueError for what is not JSON."""
        arguments = json.loads("".join(self.arguments) or "{}")
        if not isinstance(arguments, dict):
            raise Malformed("a tool's arguments that are no object")
        if self.name == FINISH:
            outcome = str(arguments.get("outcome"))
            return OutcomeChosen(outcome) if outcome in request.outcomes else None
        offered = any(tool.name == self.name for tool in request.tools)
        return ToolCall(self.id, self.name, arguments) if offered else None


class _WholeCharacters:
    """Joins the halves of a character that JSON escapes have spread over two pieces of text."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


async def guarded(name: str, events: AsyncGenerator[ModelEvent, None]) -> AsyncGenerator[ModelEvent, None]:
    """`events`, whose every error becomes a ProviderError that holds nothing secret and nothing said."""
    characters, emitted = _WholeCharacters(), ""
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TextDelta):
                    text = characters.feed(event.text)
                    emitted += text
                    yield TextDelta(text)
                else:
                    yield event
        return
    except Exception as error:
        failure = provider_error(name, error, emitted)
    raise failure  # outside of `except`, so that it does not carry the SDK's error with the request in it


def provider_error(name: str, error: Exception, emitted: str | bytes = b"") -> ProviderError:
    """What an SDK's error means; `emitted` had come before it."""
    if isinstance(error, ProviderError):
        return error
    response: Any = getattr(error, "response", None)
    if isinstance(response, httpx2.Response) and not response.is_success:
        return refusal(name, response.status_code, response.headers)
    cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__
    if isinstance(cause, httpx2.HTTPError):
        return transport_failure(name, cause, emitted)
    return BrokenStream(f"{name}: what it sent makes no sense ({type(error).__name__})", emitted=emitted)


async def rehearse(model: LanguageModel) -> None:
    """Have `model`, whose client is `http_service.rehearsal_client`, refused and answered once.

    An SDK's first reply, and its first error, cost a third of a second that no caller should wait for.
    """
    with suppress(Refused):
        await anext(model.reply(REHEARSAL))
    async with aclosing(model.reply(REHEARSAL)) as events:
        async for _ in events:
            pass
