"""Language models of OpenAI, of Azure OpenAI, and of every server that speaks OpenAI's chat completions.

The wire is POST /chat/completions with server-sent events. These services cache long prompts by themselves, by how
they begin, so what is the same for all turns of a conversation stands first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
)
from openai.types.chat.chat_completion_chunk import ChoiceDelta

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
from providers.http_service import AFTERWORD_S, SDK_RETRIES, http_client, rehearsal_client
from providers.model_stream import Malformed, ToolCallPieces, guarded, next_of, provider_error, rehearse
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

Chunks = openai.AsyncStream[ChatCompletionChunk]


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
        calls: dict[int, ToolCallPieces] = {}
        async with await self._open(request) as chunks:
            end = None
            while not end:
                chunk = await next_of(chunks)
                for choice in chunk.choices:
                    for text in _taken(choice.delta, calls):
                        yield TextDelta(text)
                    end = choice.finish_reason
            if end == "content_filter":
                raise Malformed("an answer that the service took back")
            for call in calls.values():
                if event := call.event(request):
                    yield event
            usage = chunk.usage or await _afterword(chunks)
        yield Finished(usage.prompt_tokens, usage.completion_tokens) if usage else Finished()

    async def _open(self, request: ModelRequest) -> Chunks:
        tools = list(_tools(request))
        return await self._client.chat.completions.create(
            model=self._model,
            messages=[{"role": "system", "content": instructions(request)}, *map(_message, request.messages)],
            tools=tools or openai.omit,
            max_completion_tokens=request.max_tokens if self._limit_is_completion else openai.omit,
            max_tokens=openai.omit if self._limit_is_completion else request.max_tokens,
            stream=True,
            stream_options={"include_usage": True},
        )

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


def _taken(delta: ChoiceDelta | None, calls: dict[int, ToolCallPieces]) -> Iterator[str]:
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


async def _afterword(chunks: Chunks) -> CompletionUsage | None:
    """Read what comes behind the end of a reply, so that the connection can serve the next one."""
    usage = None
    with suppress(TimeoutError, Malformed, openai.OpenAIError, httpx2.HTTPError, ValueError):
        async with asyncio.timeout(AFTERWORD_S):
            while True:
                usage = (await next_of(chunks)).usage or usage
    return usage


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
