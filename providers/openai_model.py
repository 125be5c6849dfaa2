"""Language models of OpenAI, of Azure OpenAI, and of every server that speaks OpenAI's chat completions.

The wire is POST /chat/completions with server-sent events. These services cache long prompts by themselves, by how
they begin, so what is the same for all turns of a conversation stands first.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit

import httpx2
import msgspec
import openai
from openai.types.chat import (
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
)

from providers.base import (
    Finished,
    LanguageModel,
    Message,
    ModelEvent,
    ModelRequest,
    TextDelta,
    Tool,
    ToolCall,
)
from providers.event_stream import Content, EventStream, Malformed
from providers.http_service import SDK_RETRIES, http_client, rehearsal_client
from providers.model_stream import ToolCallPieces, guarded, provider_error, rehearse
from providers.prompting import finish_tool, instructions

OPENAI_URL = "https://api.openai.com/v1"

REHEARSED = b"""\
data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": \
{"role": "assistant", "content": "Hi", "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": \
{"name": "look", "arguments": "{}"}}]}, "finish_reason": null}]}

data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {}, \
"finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}

data: [DONE]

"""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(Content):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None


def openai_model(
    api_key: str, model: str, base_url: str | None = None, http: httpx2.AsyncClient | None = None
) -> OpenAIModel:
    """A model of OpenAI, or of another server at `base_url`, which ends in /v1 with most."""
    client = openai.AsyncOpenAI(
        api_key=api_key,
        base_url=base_url or OPENAI_URL,
        max_retries=SDK_RETRIES,
        http_client=http or http_client(),
    )
    # OpenAI's newer models refuse the older name of the limit, other servers may not know the newer one.
    own = (urlsplit(str(client.base_url)).hostname or "").endswith((".openai.com", ".azure.com"))
    return OpenAIModel(client, "openai", model, limit_is_completion=own)


def azure_openai_model(
    endpoint: str, api_key: str, deployment: str, api_version: str, http: httpx2.AsyncClient | None = None
) -> OpenAIModel:
    """A model deployed on Azure; `endpoint` is the resource's address, without /openai."""
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=endpoint,
        api_key=api_key,
        api_version=api_version,
        max_retries=SDK_RETRIES,
        http_client=http or http_client(),
    )
    return OpenAIModel(client, "azure", deployment, limit_is_completion=True)


class OpenAIModel(LanguageModel):
    """See `LanguageModel`."""

    def __init__(
        self, client: openai.AsyncOpenAI, name: str, model: str, *, limit_is_completion: bool
    ) -> None:
        self._client = client
        self._name = name
        self._model = model
        self._limit_is_completion = limit_is_completion

    def __repr__(self) -> str:
        return f"OpenAIModel(name={self._name!r}, model={self._model!r})"

    @property
    def name(self) -> str:
        return self._name

    @property
    def healthy(self) -> bool:
        return True

    def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        return guarded(self._name, self._events(request))

    async def _events(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        calls: dict[int | None, ToolCallPieces] = {}
        async with self._open(request) as chunks:
            end = None
            while not end:
                chunk = await chunks.next()
                for choice in chunk.choices or ():
                    for text in _taken(choice.delta, calls):
                        yield TextDelta(text)
                    end = choice.finish_reason
            if end == "content_filter":
                raise Malformed("an answer that the service took back")
            for call in calls.values():
                if event := call.event(request):
                    yield event
            behind = await chunks.afterword()
        usage = next((one.usage for one in [*reversed(behind), chunk] if one.usage), _Usage())
        yield Finished(usage.prompt_tokens, usage.completion_tokens)

    @asynccontextmanager
    async def _open(self, request: ModelRequest) -> AsyncIterator[EventStream[_Chunk]]:
        # What is not in the extra body the SDK looks through, value by value: longer than all else of a request takes.
        said: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": instructions(request)},
            *map(_message, request.messages),
        ]
        tools = list(_tools(request))
        asked = self._client.chat.completions.with_streaming_response.create(
            model=self._model,
            messages=[],
            max_completion_tokens=request.max_tokens if self._limit_is_completion else openai.omit,
            max_tokens=openai.omit if self._limit_is_completion else request.max_tokens,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"messages": said, "tools": tools} if tools else {"messages": said},
        )
        async with asked as answer, aclosing(answer.http_response.aiter_bytes()) as body:
            yield EventStream(body, _Chunk)

    async def warm_up(self) -> None:
        """Rehearse, open a connection, and find out whether the key is accepted. Raises ProviderError."""
        nobody = self._client.with_options(http_client=rehearsal_client(REHEARSED))
        await rehearse(OpenAIModel(nobody, self._name, self._model, limit_is_completion=True))
        try:
            await self._client.models.list()
        except openai.NotFoundError:
            return  # a server without a list of models: the connection stands all the same
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            failure = provider_error(self._name, error)
        else:
            return
        raise failure

    async def aclose(self) -> None:
        await self._client.close()


def _taken(delta: _Delta | None, calls: dict[int | None, ToolCallPieces]) -> Iterator[str]:
    """What is spoken of a delta, empty for pieces of `calls`; Azure's filter sends choices without any delta."""
    if delta and delta.content:
        yield delta.content
    for piece in (delta and delta.tool_calls) or ():
        function = piece.function
        if piece.index not in calls:
            calls[piece.index] = ToolCallPieces(
                piece.id or f"call_{piece.index}", (function and function.name) or ""
            )
        calls[piece.index].arguments.append((function and function.arguments) or "")
        yield ""


def _message(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case "caller":
            return {"role": "user", "content": message.text}
        case "tool":
            return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": message.text}
        case "agent" if message.tool_calls:
            calls = _asked(message.tool_calls)
            return {"role": "assistant", "content": message.text or None, "tool_calls": calls}
        case "agent":
            return {"role": "assistant", "content": message.text}


def _asked(calls: Sequence[ToolCall]) -> list[ChatCompletionMessageFunctionToolCallParam]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for call in calls
    ]


def _tools(request: ModelRequest) -> Iterator[ChatCompletionFunctionToolParam]:
    for tool in request.tools:
        yield _tool(tool, strict=False)
    if request.outcomes:
        yield _tool(finish_tool(request.outcomes), strict=True)


def _tool(tool: Tool, *, strict: bool) -> ChatCompletionFunctionToolParam:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
            "strict": strict,
        },
    }
