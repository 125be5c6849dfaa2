"""Language models of Anthropic.

The wire is POST /v1/messages with server-sent events. The instructions are marked for the service's prompt cache:
they come first and stay the same for all turns of a conversation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import anthropic
import httpx2
import msgspec
from anthropic.types import MessageParam, TextBlockParam, ToolParam, ToolUseBlockParam

from providers.base import Finished, LanguageModel, Message, ModelEvent, ModelRequest, TextDelta, Tool
from providers.event_stream import Content, EventStream, Malformed
from providers.http_service import SDK_RETRIES, http_client, rehearsal_client
from providers.model_stream import ToolCallPieces, guarded, provider_error, rehearse
from providers.prompting import finish_tool, instructions

ANTHROPIC_URL = "https://api.anthropic.com"
# A conversation begins and ends with the caller, whose silence has to be written down.
SILENCE: MessageParam = {"role": "user", "content": "(The caller is on the line and says nothing.)"}

REHEARSED = b"""\
event: message_start
data: {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m", \
"content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}

event: message_stop
data: {"type": "message_stop"}

"""


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Message(msgspec.Struct):
    usage: _Usage


class _Block(msgspec.Struct):
    type: str
    id: str = ""
    name: str = ""


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Event(Content):
    type: str = ""
    index: int | None = None
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None


def anthropic_model(
    api_key: str, model: str, base_url: str | None = None, http: httpx2.AsyncClient | None = None
) -> AnthropicModel:
    """A model of Anthropic, or of another server at `base_url`, which is without /v1."""
    client = anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=base_url or ANTHROPIC_URL,
        max_retries=SDK_RETRIES,
        http_client=http or http_client(),
    )
    return AnthropicModel(client, model)


@dataclass(slots=True)
class _Received:
    """A reply as it comes in. Text is handed on at once, a tool call when its block is complete."""

    request: ModelRequest
    calls: dict[int | None, ToolCallPieces] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    stop_reason: str | None = None

    def take(self, event: _Event) -> Iterator[ModelEvent]:
        match event:
            case _Event(type="message_start", message=_Message(usage=usage)):
                self.input_tokens = usage.input_tokens
            case _Event(
                type="content_block_start", content_block=_Block(type="tool_use", id=call_id, name=name)
            ):
                self.calls[event.index] = ToolCallPieces(call_id, name)
            case _Event(type="content_block_delta", delta=_Delta() as delta):
                if delta.type == "input_json_delta":
                    self.calls[event.index].arguments.append(delta.partial_json)
                yield TextDelta(delta.text if delta.type == "text_delta" else "")
            case _Event(type="content_block_stop") if call := self.calls.get(event.index):
                if chosen := call.event(self.request):
                    yield chosen
            case _Event(type="message_delta", delta=_Delta() as delta):
                self.stop_reason = delta.stop_reason
                self.output_tokens = event.usage.output_tokens if event.usage else None


class AnthropicModel(LanguageModel):
    """See `LanguageModel`."""

    def __init__(self, client: anthropic.AsyncAnthropic, model: str) -> None:
        self._client = client
        self._model = model

    def __repr__(self) -> str:
        return f"AnthropicModel(model={self._model!r})"

    @property
    def name(self) -> str:
        return "anthropic"

    @property
    def healthy(self) -> bool:
        return True

    def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        return guarded(self.name, self._events(request))

    async def _events(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        received = _Received(request)
        async with self._open(request) as events:
            while not received.stop_reason:
                for found in received.take(await events.next()):
                    yield found
            if received.stop_reason == "refusal":
                raise Malformed("an answer that the service took back")
            await events.afterword()
        yield Finished(received.input_tokens, received.output_tokens)

    @asynccontextmanager
    async def _open(self, request: ModelRequest) -> AsyncIterator[EventStream[_Event]]:
        system: TextBlockParam = {
            "type": "text",
            "text": instructions(request),
            "cache_control": {"type": "ephemeral"},
        }
        asked = self._client.messages.with_streaming_response.create(
            model=self._model,
            system=[system],
            messages=_messages(request.messages),
            tools=list(_tools(request)) or anthropic.omit,
            max_tokens=request.max_tokens,
            stream=True,
        )
        async with asked as answer, aclosing(answer.http_response.aiter_bytes()) as body:
            yield EventStream(body, _Event)

    async def warm_up(self) -> None:
        """Rehearse, open a connection, and find out whether the key is accepted. Raises ProviderError."""
        nobody = self._client.with_options(http_client=rehearsal_client(REHEARSED))
        await rehearse(AnthropicModel(nobody, self._model))
        try:
            await self._client.models.list(limit=1)
        except anthropic.NotFoundError:
            return  # a server without a list of models: the connection stands all the same
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            failure = provider_error(self.name, error)
        else:
            return
        raise failure

    async def aclose(self) -> None:
        await self._client.close()


def _messages(conversation: Sequence[Message]) -> list[MessageParam]:
    """The conversation from the caller's first to the caller's newest words, without empty ones."""
    messages = [_message(message) for message in conversation if _says_something(message)]
    if not messages or messages[0]["role"] != "user":
        messages.insert(0, SILENCE)
    return messages if messages[-1]["role"] == "user" else [*messages, SILENCE]


def _says_something(message: Message) -> bool:
    return bool(message.text or message.tool_calls or message.role == "tool")


def _message(message: Message) -> MessageParam:
    spoken: list[TextBlockParam] = [{"type": "text", "text": message.text}] if message.text else []
    match message.role:
        case "caller":
            return {"role": "user", "content": spoken}
        case "agent":
            asked: list[ToolUseBlockParam] = [
                {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
                for call in message.tool_calls
            ]
            return {"role": "assistant", "content": [*spoken, *asked]}
        case "tool":
            call_id = message.tool_call_id or ""
            return {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call_id, "content": spoken}],
            }


def _tools(request: ModelRequest) -> Iterator[ToolParam]:
    offered: list[Tool] = [*request.tools]
    if request.outcomes:
        offered.append(finish_tool(request.outcomes))
    for tool in offered:
        yield {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
